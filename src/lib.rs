//! A heap for microcontrollers and wasm modules. Blocks of up to 64 bytes come from size-class pools, whose common path
//! takes no lock and masks no interrupt; a large tier serves all other requests. Threads, interrupt handlers and
//! several cores can share one heap.
//!
//! ```
//! #[global_allocator]
//! static HEAP: larder::Heap<{ 64 * 1024 }> = larder::Heap::new();
//!
//! fn main() {
//!     let text = String::from("no init call, nothing else to set");
//!     assert!(HEAP.contains(text.as_ptr()));
//!
//!     let stats = HEAP.stats();
//!     assert!(stats.live_bytes >= text.len());
//!     println!("{stats}"); // what is live, free and wasted, for each size class
//! }
//! ```
//!
//! On bare metal, the binary brings a critical section: `cortex-m` has one behind its feature
//! `critical-section-single-core`, `riscv` behind `critical-section-single-hart`; so do RTOSes and vendors' crates.
//! Without one, linking fails with the undefined symbol `_critical_section_1_0_acquire`.
//!
//! | heap | for |
//! |---|---|
//! | [`Heap`] | a static arena of 1 KiB to 16 MiB, in `.bss`: it costs no flash |
//! | [`Region`] | memory that is only known at run time, or several memories |
//! | `wasm::Heap` | a wasm module, whose memory grows |
//! | [`Small`] | programs in which code size matters more than speed |
//!
//! To see what a heap holds: [`Heap::stats`] counts, [`Heap::walk`] shows every piece, [`Heap::check`] verifies. To
//! change how it works: [`Config`], [`policy`], [`large`]. The repository's `docs/configuration.md` says which choice
//! is best when, and how to read the counters.
//!
//! # Features
//!
//! | feature | default | what it adds |
//! |---|---|---|
//! | `critical-section` | yes | [`policy::CriticalSection`], over whatever implementation the binary links. On bare metal without it, the program names its policy: a heap without one is a compile error |
//! | `spin` | yes | [`policy::Spin`], on the crate `spin` |
//! | `portable-atomic-critical-section` | yes | on ARM without compare-and-swap, `portable-atomic` builds it from the binary's critical sections. See below |
//! | `linked-list` | no | the tier `large::LinkedList`, on the crate `linked_list_allocator` |
//! | `defmt` | no | `defmt::Format` for [`Stats`], [`ClassStats`], [`Event`], [`WrongFree`], [`CheckError`], [`ClaimError`] and what the hooks get, on the crate `defmt`, which must be linked with `-Tdefmt.x`. The hook for events runs in the middle of a call: log where your logger may be used, and not from a log statement that allocates |
//! | `allocator-api2` | no | heaps for single collections: the trait `Allocator` of the crate `allocator-api2`, version 0.2, for references to every heap. `Vec::new_in(&HEAP)`, `Box`, `hashbrown`'s maps; `examples/one_collection.rs` |
//! | `unsafe-assume-single-core` | no | no memory barriers on bare metal: nothing but the compiler keeps the heap's accesses in order. See below |
//!
//! **`unsafe-assume-single-core`** is for the binary to choose, never for a library: it promises that one core alone
//! ever runs code that uses the heap. With a second core it is undefined behaviour. Interrupt handlers are as safe as
//! without it. It does nothing on targets with an operating system, on wasm, and on those without compare-and-swap.
//!
//! **Targets without compare-and-swap.** On ARM (`thumbv6m`), `portable-atomic-critical-section` says where it comes
//! from. Without this feature, and on other targets (`riscv32imc`), the binary says so by a feature of
//! `portable-atomic`; if it does not, that is a compile error, and so is choosing two. `esp-hal` chooses
//! `unsafe-assume-single-core` for chips with one core (ESP32-C2 and C3): beside it, there is nothing to do. Elsewhere,
//! add this line:
//!
//! ```toml
//! portable-atomic = { version = "1", default-features = false, features = ["critical-section"] }
//! ```
//!
//! # Who may call what, from where
//!
//! A *visit* is one stay in the large tier, alone: a fixed number of steps with [`large::Segregated`], never a copy or
//! a fill. A *refill* gets a class a page; a *retirement* gives one back. Both visit only if the stash cannot help.
//!
//! | operation | policy | thread | interrupt handler | above what a critical section masks (NMI, faults) | another core |
//! |---|---|---|---|---|---|
//! | pooled call that needs no page | any | masks nothing, never waits | the same | the same | the same |
//! | refill | [`CriticalSection`] | masks for each visit, one more to drain where a release was deferred, two if the block had shrunk while the tier was held; waits for another core's visit | the same | masks as well, but does not wait for the visit it interrupted: page from other classes, then a larger block, else refused | waits for one visit |
//! | refill | [`Try`] | masks nothing, never waits; if the tier is held: page from other classes, then a larger block, else refused | the same | the same | the same |
//! | refill | [`Spin`] | masks nothing, waits for the holder | **must not**: waits for ever for the thread it interrupted | must not | waits for the holder |
//! | retirement | [`CriticalSection`] | masks for each visit | the same | page deferred if it interrupted a visit | waits for one visit |
//! | retirement | [`Try`] | masks nothing, never waits; page deferred if the tier is held | the same | the same | the same |
//! | retirement | [`Spin`] | waits for the holder | must not | must not | waits for the holder |
//! | large `alloc` | [`CriticalSection`] | masks for each visit; waits for another core's | the same | refused if it interrupted a visit | waits for one visit |
//! | large `dealloc` | [`CriticalSection`] | masks for each visit; waits for another core's | the same | deferred if it interrupted a visit | waits for one visit |
//! | large `realloc` | [`CriticalSection`] | masks for each visit, not for the copy | the same | shrinks in place; growth is refused if it interrupted a visit | waits for one visit |
//! | large `alloc` / `dealloc` / `realloc` | [`Try`] | never waits; refused / deferred / shrinks in place or is refused, if the tier is held | the same | the same | the same |
//! | large call | [`Spin`] | waits for the holder | must not | must not | waits for the holder |
//! | any call of a [`Small`] | (it has none) | masks nothing, never waits | the same | the same | the same |
//!
//! - *Refused*: the call returns null and [`Stats::refused`] counts it. A block whose growth was refused is as before.
//! - *Deferred*: the release succeeds at once; the memory is back when a later call has drained it: a refill and a
//!   large call drain one release before their own visit, and all of them before a large request is refused. Until then
//!   it counts as [`Stats::deferred_bytes`].
//! - [`stats`](Heap::stats), [`walk`](Heap::walk), [`trim`](Heap::trim) and [`check`](Heap::check) visit too: under
//!   [`Spin`] they are not for handlers.
//! - Under [`Spin`], threads with strict priorities on one core must not either: one that preempts the holder waits for
//!   ever.
//! - **`fork`, while other threads use the heap**: the child has none of these threads, but the state that they were in
//!   the middle of. If one was in the large tier, a request there waits for ever under [`Spin`], and is refused under
//!   `Patient` and `Try`: in one of a few children. `examples/fork.rs` has a policy for that, whose lock
//!   `pthread_atfork` takes for the time of the fork. What remains is bounded: for each thread in the middle of a
//!   pooled call, a block and a page are not found again in the child; if one was in the out-of-memory hook, the child
//!   never calls the hook. A child that only calls `exec` needs none of this.
//! - [`Patient`](policy::Patient), the default where wasm has threads, is [`Spin`] for some milliseconds, and then
//!   [`Try`]. `Alone`, the default where wasm has one thread, never finds the tier held.
//! - The table is for targets with 32-bit compare-and-swap. On others (`thumbv6m`, `riscv32imc`) each atomic step of a
//!   pooled call, and of any call of a [`Small`], is one of the binary's critical sections, a few instructions long: it
//!   masks, on several cores it may wait for another core, and **what a critical section does not mask (NMI, HardFault)
//!   must not use the heap**.
//! - Several cores share one arena in memory that is coherent between them and on which their atomics work, and bring a
//!   critical section made for several.
//! - A pooled call tries at most eight pages, each of which another context must have taken blocks from meanwhile; then
//!   it refills.
//!
//! What each costs on a Cortex-M3, masking included, is in the repository's `benches/results`.
//!
//! [`CriticalSection`]: policy::CriticalSection
//! [`Spin`]: policy::Spin
//! [`Try`]: policy::Try
//!
//! # Sizes and alignments
//!
//! Every size that fits and every power-of-two alignment up to 64 KiB. Requests up to the last of [`Config::CLASSES`]
//! (64 bytes by default) are pooled; so are aligned ones whose size, rounded up to the alignment, has a class of
//! multiples of it. All others are large: rounded up to 8 bytes, at least 16. Zero bytes are the caller's error (a
//! contract of [`GlobalAlloc`](core::alloc::GlobalAlloc)); out of memory is null. What is larger than the arena is
//! refused without a visit.
//!
//! If a small request finds no page, the large tier serves it, and if that has nothing either, a larger class that has
//! a page in its front. Pages that are only in a class's index are not searched: seven searches would double the
//! longest call.
//!
//! # Where empty pages go
//!
//! A page whose last block is freed stays in its class, in one of [`Config::KEPT_PAGES`] slots that classes share. The
//! page that stood there is retired: into the stash of [`Config::STASH_PAGES`], or if that is full, to the large tier.
//! So at most `KEPT_PAGES + STASH_PAGES` empty pages are held back, and one for each context in the middle of a call.
//!
//! A call that needs them gets them: a refill that finds neither stash nor large tier takes a kept page of another
//! class, in `KEPT_PAGES` steps at most; a large request that does not fit brings all of them home, one visit for each,
//! before it is refused. [`Heap::trim`] does that at once. Pages of [`Config::RESERVED`] never leave their class.
//!
//! A large block that shrinks while its tier is held keeps its length until it is freed or resized again
//! ([`Heap::usable_size`] knows). With the tier `LinkedList`, a block whose size changes at other times moves, or the
//! call is refused.
//!
//! # Threads and cores apart
//!
//! Contexts that use a heap at the same time take blocks from the same pages. In a [`Region`] with a memory for each
//! thread or core, [`Config::home`] gives each its own to begin with: it then meets the others only where it frees what
//! they allocated, and where memory is short.
//!
//! # Wrong frees
//!
//! A wrong free, by `dealloc` or `realloc`, is counted in [`Stats::wrong_frees`], told to [`Config::ON_EVENT`], and
//! changes nothing:
//!
//! | | of a pooled block | of a large block, `Segregated` | of a large block, `LinkedList` |
//! |---|---|---|---|
//! | second free, no new owner yet | found | found | found, as "no block" |
//! | second free while the first is deferred | (only pages are deferred) | found | found |
//! | second free, the block has a new owner | **invisible** | invisible, unless the new block is shorter | invisible |
//! | address inside a block, misaligned | found | found | found |
//! | address of no memory of the heap, or of its tables | found | found | found |
//! | size of the layout too large | not looked at by `dealloc`: the page's class says how long blocks are; found by `realloc`, if it is larger than the class | found, unless it ends where another live block does: that is found with debug assertions only, which look at all of the block's bits; without them the blocks in between **are freed too** | found |
//! | size of the layout too small | not looked at; a `realloc` that moves copies no more than it | found, if the policy always waits; else not, for the block may have shrunk while the tier was held: all of it is freed, and a `realloc` that moves copies no more than the layout | the same |
//!
//! An allocator can see a late second free only with quarantine or tags, which cost memory. This one has neither.
//! `realloc` of a pooled block that was freed is found only when it moves. A second
//! free of a pooled block that is suspended while the page changes its class is told when the page gets its next one.
//!
//! One wrong free does harm although it could be found, on targets other than ARM, 32-bit RISC-V and x86-64, so on wasm
//! with threads: while the large tier is held, an address one granule into a free run passes for a block. A heap never
//! unwinds: a hook that panics aborts.
//!
//! # When memory runs out
//!
//! Before a request is refused, the heap asks the hook of the program, if there is one: [`Config::ON_OUT_OF_MEMORY`]
//! may drop a cache, or a block that was kept for that, and have the request tried again. Programs with `Vec` and
//! `Box`, which abort on null, then survive exhaustion. The hook runs outside of every lock, once at a time in all
//! contexts, and may use the heap; if one of the hook's requests fails, it calls no hook. Without a hook nothing of
//! this is in the program. `examples/emergency.rs` shows one, and the firmware `targets/cortex-m/src/bin/emergency.rs`.
//!
//! A caller that can cope with a refusal uses [`Heap::try_alloc`], which asks no hook, and is not counted.
//!
//! # Where the arena lies
//!
//! In `.bss`, unless it is told otherwise:
//!
//! ```
//! # #[cfg(target_os = "linux")] {
//! #[unsafe(link_section = ".bss.heap")]
//! static HEAP: larder::Heap<{ 16 * 1024 }> = larder::Heap::new();
//!
//! assert_eq!(HEAP.stats().arena_bytes, 16 * 1024);
//! # }
//! ```
//!
//! The section must be zeroed before the first call, by the start-up code or the loader: `.uninit` and many vendors'
//! sections for a second RAM are not. For those there is [`Region::claim`], which zeroes its own tables. The arena is
//! aligned to 256 bytes.
//!
//! # Layers
//!
//! For contributors: each folder uses those above it in this table alone, which `tests/layers.rs` verifies.
//! `docs/architecture.md` follows calls through them.
//!
//! | folder | what it holds |
//! |---|---|
//! | `sync/` | the atomics: `core`'s, `portable-atomic`'s, loom's, or cheaper ones where one core or one thread is sure |
//! | `config/` | what can be set, what is told back, the size classes, the units |
//! | `policy/` | how contexts enter the large tier; a file each |
//! | `pools/` | pages of small blocks: the protocol of a page's word, front, index, kept pages. Lock-free; never touches a block |
//! | `large/` | the large tier: a file or a folder for each backend. Runs inside the lock alone |
//! | `hooks/` | when the program's hooks run, and the exact count of live bytes |
//! | `extent/` | one memory with its tables: what a call does, across pools and large tier |
//! | `report/` | statistics, walk, verification |
//! | `heap/` | the static heap, and what all heaps share |
//! | `memories/` | a heap of several extents, and where more memory comes from |
//! | `region/`, `wasm/` | such a heap whose memories the program claims, and one whose memory a wasm module's host gives |
//! | `small/` | the smallest heap: one table, no tiers |
//! | `trace/` | what the heap did, as a stream of records: their format, and a queue that any context writes to |
//! | `observe/` | code that sees every call of a heap, and the tags that say who called |
//!
//! At the root are `target.rs`, what kind of target there is, and `allocator.rs`, the trait `Allocator` for all heaps.
//!
//! `no_std`, without `alloc`. Rust 1.85 or later.
#![no_std]
// docs.rs says then which feature an item needs.
#![cfg_attr(docsrs, feature(doc_cfg))]
// What is not built can't be linked to.
#![cfg_attr(not(all(feature = "critical-section", feature = "spin")), allow(rustdoc::broken_intra_doc_links))]

#[macro_use]
mod target;

#[cfg(feature = "allocator-api2")]
mod allocator;
mod config;
mod extent;
mod heap;
mod hooks;
pub mod large;
mod memories;
pub mod observe;
pub mod policy;
mod pools;
mod region;
mod report;
mod small;
mod sync;
pub mod trace;
#[cfg(target_arch = "wasm32")]
pub mod wasm;

pub use config::{Compact, Config, Defaults, Emergency, Event, Frugal, OutOfMemory, Reason, WrongFree};
pub use heap::Heap;
pub use region::{ClaimError, Region};
pub use report::{CheckError, ClassStats, Holds, Inspect, Piece, Stats};
pub use small::Small;

/// The documents' code, as tests.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../README.md")]
    struct Readme;

    #[doc = include_str!("../docs/configuration.md")]
    struct Configuration;

    #[doc = include_str!("../docs/heap-map.md")]
    struct HeapMap;
}
