//@ thumbv7m-none-eabi spin
//~ larder: name the heap's policy, as in Heap<BYTES, Defaults, policy::Try>
pub static HEAP: larder::Region = larder::Region::new();
