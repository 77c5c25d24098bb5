//! Random calls on the large tier `Segregated`.
#![no_main]

libfuzzer_sys::fuzz_target!(|run: larder_fuzz::Run| run.on::<larder::large::Segregated>());
