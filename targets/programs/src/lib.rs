//! larder's programs for targets: what the boards' firmware has in common.
//!
//! | file | what it holds |
//! |---|---|
//! | `board` | what a program needs of its board |
//! | `watch` | what an interrupt came into the middle of |
//! | `section` | a critical section for several cores |
//! | `party` | a context that holds blocks |
//! | `demo` | a program that digests a sensor log, while a handler allocates |
//! | `storm` | main and handlers in the heap at once, for long |
//! | `cores` | several cores in one heap at once, for long |
//!
//! The binaries choose the board and the heap's parameters, and nothing else.
#![no_std]

extern crate alloc;

mod board;
#[cfg(target_has_atomic = "ptr")]
pub mod cores;
pub mod demo;
pub mod party;
#[cfg(target_has_atomic = "ptr")]
pub mod section;
pub mod storm;
pub mod watch;

pub use board::Board;
