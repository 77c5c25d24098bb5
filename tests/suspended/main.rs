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

#[path = "../../src/check.rs"]
mod check;
#[path = "../../src/classes.rs"]
mod classes;
#[path = "../../src/config.rs"]
mod config;
#[path = "../../src/deferred.rs"]
mod deferred;
#[path = "../../src/emergency.rs"]
mod emergency;
#[path = "../../src/events.rs"]
mod events;
#[path = "../../src/extent/mod.rs"]
mod extent;
#[path = "../../src/front.rs"]
mod front;
#[path = "../../src/geometry.rs"]
mod geometry;
#[path = "../../src/header.rs"]
mod header;
#[path = "../../src/index.rs"]
mod index;
#[path = "../../src/large/mod.rs"]
mod large;
#[path = "../../src/live.rs"]
mod live;
#[path = "../../src/map.rs"]
mod map;
#[path = "../../src/moment.rs"]
mod moment;
#[path = "../../src/page.rs"]
mod page;
#[path = "../../src/peek.rs"]
mod peek;
#[path = "../../src/policy/mod.rs"]
mod policy;
#[path = "../../src/pools.rs"]
mod pools;
#[path = "../../src/slots.rs"]
mod slots;
#[path = "../../src/stats.rs"]
mod stats;
#[path = "../../src/walk.rs"]
mod walk;

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
