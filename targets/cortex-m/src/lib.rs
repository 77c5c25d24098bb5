//! larder on Cortex-M boards: what its firmware binaries have in common.
//!
//! | file | what it holds |
//! |---|---|
//! | `board` | the arena, the end of a run, the tick |
//! | `sse200` | two cores: how the second starts, and a critical section for both: feature `two-cores` |
//!
//! The programs are those of `larder-programs`; the binaries choose the heap's parameters and nothing else.
#![no_std]

extern crate alloc;

pub mod board;
#[cfg(feature = "two-cores")]
pub mod sse200;

#[cfg(feature = "two-cores")]
pub use larder_programs::cores;
pub use larder_programs::{demo, storm, watch};
