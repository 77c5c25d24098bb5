//! Random calls on a small heap.
#![no_main]

libfuzzer_sys::fuzz_target!(|run: larder_fuzz::SmallRun| run.run());
