//! A heap for microcontrollers and wasm.
#![no_std]
