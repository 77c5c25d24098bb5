//! Releases that wait to be given back, while whoever drains them is suspended: a second free of one of them is found, wherever that is, and a
//! correct free is not taken for one.

use crate::arena::{self, Arena, ENDS};
use crate::config::{Config, Reason};
use crate::policy::{Policy, Try};
use crate::report::Stats;
use crate::sync::{Ordering::Relaxed, suspend};

/// Next to no pools: every block of the tests is large.
struct Bare;

impl Config for Bare {
    const CLASSES: &'static [usize] = &[8];
}

type Heap = arena::Heap<Bare>;
type Block = (*mut u8, usize);

/// How long blocks are, and how long one is that has shrunk.
const SIZE: usize = 400;
const SHRUNK: usize = 100;

/// A heap in which releases are deferred, and live blocks that hold what a deferred one would.
struct Waiting {
    arena: Arena<Bare>,
    deferred: Vec<Block>,
    live: Vec<Block>,
    saved: Vec<u8>,
}

impl Waiting {
    fn new() -> Self {
        let arena = Arena::<Bare>::new(32);
        let heap = arena.heap;
        let mut blocks: Vec<Block> = (0..8).map(|_| (heap.get(SIZE).unwrap(), SIZE)).collect();
        let live: Vec<Block> = (0..4).map(|at| blocks.remove(at)).collect();
        while_held(heap, || {
            live.iter().for_each(|&block| put(heap, block));
            // Their content is what the heap writes into them.
            let memory = arena.save();
            assert_eq!(heap.stats().deferred_bytes, live.len() * SIZE);
            memory
        });
        // As if they had never been freed, but for what they hold.
        let forged = live.iter().map(|&(block, _)| {
            // SAFETY: the block's second granule, which the heap has sealed.
            (block, unsafe { block.add(8).cast::<[u8; 8]>().read() })
        });
        let forged: Vec<_> = forged.collect();
        heap.trim();
        let live: Vec<Block> = live.iter().map(|_| (heap.get(SIZE).unwrap(), SIZE)).collect();
        for (block, seal) in forged {
            assert!(live.contains(&(block, SIZE)), "the same blocks are served again");
            // SAFETY: the block is live, and its content the test's.
            unsafe { block.add(8).cast::<[u8; 8]>().write(seal) };
        }
        while_held(heap, || {
            assert_eq!(heap.resize(blocks[1].0, SIZE, SHRUNK), Ok(true));
            blocks[1].1 = SHRUNK;
            blocks.iter().for_each(|&block| put(heap, block));
        });
        assert_eq!(heap.stats().wrong_frees, 0);
        let saved = arena.save();
        Self { arena, deferred: blocks, live, saved }
    }

    /// Suspends a call of the first live block's owner before each of its accesses, for another context to free what `freed` says.
    fn sweep(&self, call: impl Fn(Heap, Block), freed: impl Fn(Heap), verify: impl Fn(&Stats)) {
        let heap = self.arena.heap;
        for at in 0.. {
            self.arena.restore(&self.saved);
            let is_suspended = suspend(vec![(at, Box::new(|| freed(heap)))], || call(heap, self.live[0]));
            if !is_suspended {
                assert!(at > 10, "only {at} accesses");
                return;
            }
            heap.trim();
            heap.verify();
            let stats = heap.stats();
            assert_eq!(stats.deferred_bytes, 0, "suspended before access {at}\n{stats}");
            verify(&stats);
        }
    }
}

fn put(heap: Heap, (block, size): Block) {
    heap.put(block, size);
}

/// Does something while another context is in the large tier.
fn while_held<R>(heap: Heap, act: impl FnOnce() -> R) -> R {
    Try::enter(&heap.header().lock, act).unwrap()
}

/// What drains: a free, a request, a change of size, the wish for all that is free.
fn calls() -> [fn(Heap, Block); 4] {
    [
        |heap, block| put(heap, block),
        |heap, _| assert!(heap.get(600).is_none_or(|block| !block.is_null())),
        |heap, (block, size)| assert!(heap.resize(block, size, size).is_ok()),
        |heap, _| heap.trim(),
    ]
}

#[test]
fn a_second_free_is_found_while_the_first_is_drained() {
    let waiting = Waiting::new();
    for call in calls() {
        // Not after the request has taken what came back.
        let freed = |heap: Heap| waiting.deferred.iter().for_each(|&block| put(heap, block));
        let count = waiting.deferred.len() as u32;
        waiting.sweep(call, freed, |stats| assert_eq!(stats.wrong_frees, count));
    }
}

#[test]
fn a_second_free_by_realloc_is_found_while_the_first_is_drained() {
    let waiting = Waiting::new();
    let freed = |heap: Heap| {
        for &(block, size) in &waiting.deferred {
            assert!(heap.resize(block, size, size).is_err());
        }
    };
    // What `resize` finds is its caller's to report.
    waiting.sweep(calls()[0], freed, |stats| assert_eq!(stats.wrong_frees, 0));
}

#[test]
fn a_block_with_a_deferred_ones_content_is_freed_all_the_same() {
    let waiting = Waiting::new();
    for call in calls() {
        let freed = |heap: Heap| waiting.live[1..].iter().for_each(|&block| put(heap, block));
        waiting.sweep(call, freed, |stats| {
            // The call's own block, and what it asked for.
            assert!(stats.wrong_frees == 0 && stats.live_bytes <= 600 + SIZE, "a block was lost\n{stats}");
        });
    }
}

/// A context that can't wait has no time to look for the end of a long block either. That is left to the one that
/// drains, where the layout is not enough.
#[test]
fn a_release_is_deferred_without_a_look_for_the_blocks_end() {
    let arena = Arena::<Bare>::new(128);
    let heap = arena.heap;
    let (long, shrunk) = (heap.get(12_000).unwrap(), heap.get(12_000).unwrap());
    while_held(heap, || {
        assert_eq!(heap.resize(shrunk, 12_000, 5000), Ok(true));
        heap.put(long, 12_000);
        heap.put(shrunk, 5000);
        assert_eq!(ENDS.get(), 0, "the end was looked for while the tier was held");
        assert_eq!(heap.stats().deferred_bytes, 17_000);
    });
    heap.trim();
    assert_eq!(ENDS.get(), 1, "the end of the one that shrank is looked for once");
    heap.verify();
    assert_eq!(heap.stats().live_bytes, 0);
}
