//! A context that is suspended before any of its accesses to a shared word, and others that go on meanwhile.
//!
//! This crate compiles the library's sources as its own modules, as the models of `tests/loom` do. Its `sync` counts the accesses of a
//! call, and runs another context's work right before a chosen one: as an interrupt handler would, or another thread while the first does
//! not get the processor. So every call is suspended everywhere, in arenas of every shape, within seconds.
//!
//! | file | what it holds |
//! |---|---|
//! | `sync` | the atomics, and the context that comes in between |
//! | `arena` | an extent of any length in memory of the test's own |
//! | `defer` | releases that wait to be drained are told from those that do not, wherever the drain is suspended |
//! | `planted` | a wrong free that is too late to be found at once is told later |
//! | `reach` | no block that is free stays out of reach because another context is suspended |
#![cfg(not(any(loom, miri)))]
#![allow(dead_code, missing_docs, unused_imports)]

#[macro_use]
#[path = "../../src/target.rs"]
mod target;

#[path = "../../src/config/mod.rs"]
mod config;
#[path = "../../src/extent/mod.rs"]
mod extent;
#[path = "../../src/hooks/mod.rs"]
mod hooks;
#[path = "../../src/large/mod.rs"]
mod large;
#[path = "../../src/policy/mod.rs"]
mod policy;
#[path = "../../src/pools/mod.rs"]
mod pools;
#[path = "../../src/report/mod.rs"]
mod report;

// What the sources expect of the crate's root.
use config::Defaults;
mod heap {
    pub type Types<C, P, L> = core::marker::PhantomData<fn() -> (C, P, L)>;
}

mod arena;
mod defer;
mod planted;
mod reach;
mod sync;
