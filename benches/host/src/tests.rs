//! What is measured, checked: every block of every thread.

use std::alloc::Layout;
use std::ptr::{NonNull, null_mut};

use memory::allocators::{buddy, dlmalloc, linked_list, rlsf, talc};
use memory::heap::{self, Heap};

use crate::actions::Sizes;
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
    check::<crate::shared::FourLanes>(&arena, &traces);
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
        for sizes in [Sizes::Pooled, Sizes::Mixed] {
            (entry.actions)(&arena, sizes, 3, 100_000 / entry.part);
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
