//! Replays allocation traces against allocators.
//!
//! ```text
//! op         the trace as a flat array, which the timed loop can read without looking anything up
//! heap       what an allocator must offer, and the loops over it: plain, timed, checked
//! search     the smallest arena that serves a trace
//! allocators larder and its peers behind `Heap`
//! workload   the committed traces, with memory for each
//! ```
//!
//! `examples/module.rs` is the wasm module (32-bit: the figures that count).
//! The host program (`main.rs`) drives the same loops natively. larder's geometry does not depend on the width of a
//! pointer, so its native figures are those of a 32-bit machine; its peers' are not.
#![cfg_attr(target_arch = "wasm32", no_std)]

pub mod allocators;
pub mod heap;
pub mod op;
pub mod room;
pub mod search;
#[cfg(not(target_arch = "wasm32"))]
pub mod workload;
