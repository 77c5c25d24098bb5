//@ wasm32-wasip1
//~ larder: policy::Alone is for wasm modules that have one thread for sure
pub static HEAP: larder::Heap<4096, larder::Defaults, larder::policy::Alone> = larder::Heap::new();

pub fn trim() {
    HEAP.trim();
}
