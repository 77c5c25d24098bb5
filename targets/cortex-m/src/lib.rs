//! larder on Cortex-M boards: what its firmware binaries have in common.
//!
//! | file | what it holds |
//! |---|---|
//! | `board` | the arena, the end of a run, the tick |
//!
//! The programs are those of `larder-programs`; the binaries choose the heap's parameters and nothing else.
#![no_std]

extern crate alloc;

pub mod board;

pub use larder_programs::{demo, storm, watch};
