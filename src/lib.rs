//! A heap for microcontrollers and wasm.
#![no_std]

mod check;
mod classes;
mod config;
mod deferred;
mod extent;
mod geometry;
mod header;
mod heap;
mod index;
pub mod large;
mod map;
mod page;
pub mod policy;
mod pools;
mod region;
mod slots;
mod stats;
mod sync;

pub use check::CheckError;
pub use config::{Config, Defaults, Event, Reason, WrongFree};
pub use heap::Heap;
pub use region::{ClaimError, EXTENTS_MAX, Region};
pub use stats::{ClassStats, Stats};
