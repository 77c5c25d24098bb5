//@ thumbv7m-none-eabi critical-section
pub static HEAP: larder::Heap<{ 16 * 1024 }> = larder::Heap::new();
