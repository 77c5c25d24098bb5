//@ wasm32-unknown-emscripten
//~ larder: this system's `sbrk` would hand out wasm::Heap's memory a second time
pub static HEAP: larder::wasm::Heap = larder::wasm::Heap::new();
