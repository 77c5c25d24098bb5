//@ wasm32-wasip1
//~ larder: wasm::Small is for wasm modules that have one thread for sure
pub static HEAP: larder::wasm::Small = larder::wasm::Small::new();
