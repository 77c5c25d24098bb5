//! What is measured, checked: every block of every thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, ThreadId};

use memory::allocators::{buddy, dlmalloc, linked_list, rlsf, talc};
use memory::heap::{self, Heap};

use crate::actions::{self, Releases};
use crate::shared::{ENTRIES, Locked, Shared};
use crate::threads::{self, Arena};
use crate::traces::{self, Ops};

/// A shared heap, as one thread's.
struct Borrowed<'a, H>(&'a H);

// SAFETY: every method is the shared heap's.
unsafe impl<H: Shared> Heap for Borrowed<'_, H> {
    const NAME: &'static str = H::NAME;

    unsafe fn place(_: *mut Self) {
        unreachable!("it is borrowed");
    }

    unsafe fn start(&mut self, _: NonNull<[u8]>) -> bool {
        unreachable!("it runs");
    }

    unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { self.0.dealloc(block, layout) }
    }

    unsafe fn alloc_zeroed(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.realloc(block, layout, new_size) }
    }
}

/// Three threads replay different traces at once, every block filled and compared.
fn check<H: Shared>(arena: &Arena, traces: &[Ops]) {
    // SAFETY: this heap is gone at the end of this function.
    let heap = unsafe { H::start(arena.lend()) };
    threads::together(traces.len(), |number| {
        let trace = &traces[number];
        let mut slots = vec![null_mut(); trace.slots];
        // SAFETY: the trace is valid, its slots are null, and what is in them is this thread's.
        let outcome = unsafe { heap::check(&mut Borrowed(&*heap), &trace.ops, &mut slots, arena.lend()) };
        assert_eq!(outcome, Ok(()), "{} on {}", H::NAME, trace.name);
    });
}

#[test]
fn threads_that_share_a_heap_keep_their_blocks() {
    let arena = Arena::new();
    let names = ["json", "toml", "synthetic-mixed"].map(str::to_owned);
    let traces = traces::load(&names).unwrap();
    check::<crate::shared::Default>(&arena, &traces);
    check::<crate::shared::FourMemories>(&arena, &traces);
    check::<Locked<dlmalloc::Dl>>(&arena, &traces);
    check::<Locked<linked_list::LinkedList>>(&arena, &traces);
    check::<Locked<rlsf::Fine>>(&arena, &traces);
    check::<Locked<talc::Standard>>(&arena, &traces);
    check::<Locked<buddy::Buddy>>(&arena, &traces);
}

/// Tags are checked when a block is freed, by whomever.
#[test]
fn random_actions_find_their_blocks_as_they_left_them() {
    let arena = Arena::new();
    for entry in ENTRIES.iter().filter(|entry| entry.serves) {
        for (_, actions) in actions::ALL {
            (entry.actions)(&arena, actions, 3, 100_000 / entry.part);
        }
    }
}

#[test]
fn a_replay_leaves_nothing_behind() {
    let arena = Arena::new();
    let trace = &traces::load(&["lua".to_owned()]).unwrap()[0];
    // A second round on the same heap finds every slot empty; ten of them would not fit if blocks were lost.
    for entry in ENTRIES.iter().filter(|entry| entry.serves && entry.part == 1) {
        (entry.replay)(&arena, trace, 2, 50);
    }
}

/// Counts the releases by another thread than the one that allocated.
struct Watched;

static FOREIGN: AtomicUsize = AtomicUsize::new(0);

impl Watched {
    /// A block of that layout, and where its owner stands behind it.
    fn with_owner(layout: Layout) -> (Layout, usize) {
        layout.extend(Layout::new::<ThreadId>()).expect("a layout")
    }
}

// SAFETY: every method is the system's.
unsafe impl Shared for Watched {
    const NAME: &'static str = "watched";

    unsafe fn start(_: NonNull<[u8]>) -> Box<Self> {
        Box::new(Self)
    }

    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (whole, owner) = Self::with_owner(layout);
        // SAFETY: the caller's contract; the owner lies behind the caller's bytes, aligned.
        unsafe {
            let block = System.alloc(whole);
            block.add(owner).cast::<ThreadId>().write(thread::current().id());
            block
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let (whole, owner) = Self::with_owner(layout);
        // SAFETY: `alloc` wrote the owner there.
        unsafe {
            if block.add(owner).cast::<ThreadId>().read() != thread::current().id() {
                // Relaxed: read after the threads have ended.
                FOREIGN.fetch_add(1, Ordering::Relaxed);
            }
            System.dealloc(block, whole);
        }
    }

    unsafe fn alloc_zeroed(&self, _: Layout) -> *mut u8 {
        unreachable!("random actions don't");
    }

    unsafe fn realloc(&self, _: *mut u8, _: Layout, _: usize) -> *mut u8 {
        unreachable!("random actions don't");
    }
}

#[test]
fn releases_are_foreign_where_they_are_exchanged_and_nowhere_else() {
    const ACTIONS: usize = 100_000;
    let arena = Arena::new();
    for (name, actions) in actions::ALL {
        actions::run::<Watched>(&arena, actions, 2, ACTIONS);
        // At least where one thread comes to each of the eight places after the other, and what is left there at the end;
        // at most an eighth of the releases, which are half of what two threads do.
        let (least, most) = (16, ACTIONS / 8 + 16);
        let foreign = FOREIGN.swap(0, Ordering::Relaxed);
        match actions.releases {
            Releases::Own => assert_eq!(foreign, 0, "{name}"),
            Releases::Exchanged => assert!((least..=most).contains(&foreign), "{name}: {foreign}"),
        }
    }
}

/// `cargo xtask bench host` looks there before it builds this program.
#[test]
fn the_manifest_names_every_allocator_that_serves() {
    let names: Vec<&str> = ENTRIES.iter().filter(|entry| entry.serves).map(|entry| entry.name).collect();
    let line = format!("allocators = {names:?}\n");
    assert!(include_str!("../Cargo.toml").contains(&line), "Cargo.toml does not say {line}");
}
