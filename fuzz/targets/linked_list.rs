//! Random calls on the large tier `LinkedList`.
#![no_main]

libfuzzer_sys::fuzz_target!(|run: larder_fuzz::Run| run.on::<larder::large::LinkedList>());
