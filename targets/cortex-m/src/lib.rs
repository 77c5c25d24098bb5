//! larder on Cortex-M boards: what its firmware binaries have in common.
//!
//! | file | what it holds |
//! |---|---|
//! | `board` | the arena, the end of a run, the tick |
//! | `watch` | what an interrupt came into the middle of |
//! | `demo` | a program that digests a sensor log, while a handler allocates |
//! | `storm` | main and a handler in the heap at once, for long |
//!
//! The binaries choose the heap's parameters and nothing else.
#![no_std]

extern crate alloc;

pub mod board;
pub mod demo;
pub mod storm;
pub mod watch;
