//! larder under interrupts that come at chosen instructions.
//!
//! | file | what it holds |
//! |---|---|
//! | `trap` | an interrupt at a chosen instruction of a call |
//! | `masking` | critical sections to choose from |
//! | `subject` | the heap under test, and whether somebody is in its large tier |
//! | `party` | what a context holds |
//! | `step` | a call that is interrupted |
//! | `operations` | the calls of a heap of tiers, each in a state of the heap that makes it what it is |
//! | `scripts` | what the interrupting handlers do |
//! | `small` | both, for a heap of one table |
//! | `coverage` | which instructions were interrupted |
//! | `sweep` | an interrupt at every instruction of every operation |
//! | `nested` | handlers of several priorities that interrupt each other |
//! | `latency` | how long interrupts are masked |
//! | `switch` | a preemptive switch between two tasks |
//! | `tasks` | two tasks in one heap |
//! | `stage` | a run's beginning and end, whatever interrupts it |
//! | `shared` | values that contexts share by turns |
//! | `failure` | how a run ends that failed |
//!
//! The binaries choose the policy, the critical section and the interrupt, and nothing else.
#![no_std]

extern crate alloc;

pub mod coverage;
mod failure;
pub mod latency;
pub mod masking;
pub mod nested;
pub mod operations;
pub mod party;
pub mod scripts;
pub mod shared;
mod small;
pub mod stage;
pub mod step;
pub mod subject;
pub mod sweep;
pub mod switch;
pub mod tasks;
pub mod trap;
