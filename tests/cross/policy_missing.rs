//@ thumbv7m-none-eabi -
//~ larder: name the heap's policy, as in Heap<BYTES, Defaults, policy::Try>
pub static HEAP: larder::Heap<{ 16 * 1024 }> = larder::Heap::new();
