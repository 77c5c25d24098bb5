//! How many instructions larder's calls take on each board, and how many of them mask interrupts.
//!
//! | file | what it holds |
//! |---|---|
//! | `arm`, `riscv` | the counter of the core, and a call between two readings of it |
//! | `count` | from readings to instructions, and the proof that they are |
//! | `masks` | how long critical sections last |
//! | `calls` | the calls that are counted |
//! | `workloads` | what is called, and what is printed of it |
//!
//! Binaries of their own, because measuring the critical sections disturbs the counts: `counts`; `masked` and `masked-try`.
#![no_std]

extern crate alloc;

#[cfg(target_arch = "arm")]
mod arm;
mod calls;
mod count;
pub mod masks;
#[cfg(target_arch = "riscv32")]
mod riscv;
pub mod workloads;

#[cfg(target_arch = "arm")]
use arm as core_counter;
#[cfg(target_arch = "riscv32")]
use riscv as core_counter;

#[cfg(target_arch = "arm")]
use panic_semihosting as _;
#[cfg(target_arch = "arm")]
pub use {cortex_m_rt::entry, larder_cortex_m::board::Mcu as ThisBoard};
#[cfg(target_arch = "riscv32")]
pub use {larder_riscv::board::Virt as ThisBoard, riscv_rt::entry};

/// The same on all boards, so that their figures can be compared.
pub const ARENA_BYTES: usize = 8 * 1024;
