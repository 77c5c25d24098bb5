//! What every allocator is measured with.
//!
//! - [`heap`]: the allocators, one of which the features select
//! - [`count`]: exact instruction counts from QEMU's virtual time
//! - [`mask`]: how long interrupts are masked
//! - [`calls`]: `GlobalAlloc`'s functions, counted or not
//! - [`record`]: what was counted, by operation
//! - [`replay`]: calls the allocator and verifies every block it returns
//! - [`workloads`]: the order in which that happens
//! - [`program`]: standard collections at work
//! - [`report`]: one line of JSON a workload, over semihosting
#![no_std]

extern crate alloc;

pub mod calls;
pub mod count;
pub mod heap;
pub mod mask;
pub mod program;
pub mod record;
pub mod replay;
pub mod report;
pub mod rng;
pub mod workloads;
