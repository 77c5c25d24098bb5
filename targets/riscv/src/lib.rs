//! larder on RISC-V, QEMU's `virt`: what its firmware binaries have in common.
//!
//! | file | what it holds |
//! |---|---|
//! | `board` | the arena, the end of a run, the tick and the summons |
//! | `clint` | the interrupter's registers |
//! | `handlers` | the interrupt handlers |
//! | `harts` | several harts: how they wake, and a critical section for them: feature `harts` |
//!
//! The programs are those of `larder-programs`; the binaries choose the heap's parameters and nothing else.
#![no_std]

pub mod board;
pub mod clint;
mod handlers;
#[cfg(feature = "harts")]
pub mod harts;

#[cfg(feature = "harts")]
pub use larder_programs::cores;
pub use larder_programs::{demo, storm, watch};
