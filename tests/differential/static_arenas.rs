//! Static heaps, where all others are regions: an arena of 64 KiB or more has its tables before its pages, and so another layout.

use super::shadow::configs::{Apart, EveryClass, Reserving};
use super::shadow::seeded::{Mix, action};
use super::shadow::{self, Memory, Shadow};
use larder::large::{Large, Segregated};
use larder::policy::{Policy, Spin, Try};
use larder::{Compact, Config, Defaults, Frugal, Heap, Holds};

impl<const BYTES: usize, P: Policy, L: Large, C: Config> shadow::Heap for Heap<BYTES, C, P, L> {
    fn runs_at_rest(&self) -> usize {
        shadow::runs_at_rest::<C>()
    }
}

/// Where the tables of a heap lie: `true` is before the pages.
fn tables_are_first<const BYTES: usize, P: Policy, L: Large, C: Config>(heap: &Heap<BYTES, C, P, L>) -> bool {
    let mut pieces = Vec::new();
    heap.walk(|piece| pieces.push(piece));
    let mut end = core::ptr::from_ref(heap).cast::<u8>();
    for piece in &pieces {
        assert_eq!(piece.start, end, "pieces touch, and the first begins where the arena does");
        end = end.wrapping_add(piece.bytes);
    }
    assert!(end <= core::ptr::from_ref(heap).wrapping_add(1).cast());
    pieces[0].holds == Holds::Tables
}

fn run<const BYTES: usize, P: Policy, L: Large, C: Config>(seeds: u64, size: usize, tables_first: bool) {
    let mut exhausted = 0;
    for seed in 0..seeds {
        // Something of nobody's behind it, where wrong frees go too.
        let memory = Memory::new(size_of::<Heap<BYTES, C, P, L>>() + 1024);
        // SAFETY: all zeros is an empty heap.
        let heap = unsafe { memory.zeroed::<Heap<BYTES, C, P, L>>(0) };
        assert_eq!(tables_are_first(heap), tables_first);
        let mut shadow = Shadow::new(heap, &memory);
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..1200 {
            shadow.step(action(&mut random, Mix { size, alloc_percent: 65, held_percent: 0 }));
        }
        shadow.verify_all();
        exhausted += shadow.exhausted;
        assert_eq!(tables_are_first(heap), tables_first);
        shadow.finish();
    }
    assert!(exhausted > 0, "the mix never fills the heap: it proves nothing about exhaustion");
}

macro_rules! arenas {
    ($($name:ident: $bytes:literal, $policy:ty, $large:ty, $config:ty, $size:literal, $tables_first:literal;)*) => {
        $(
            #[test]
            fn $name() {
                run::<$bytes, $policy, $large, $config>(3, $size, $tables_first);
            }
        )*
    };
}

arenas! {
    a_kibibyte: 1024, Try, Segregated, Defaults, 128, false;
    the_longest_with_tables_behind: 65_535, Spin, Segregated, Defaults, 2048, false;
    the_shortest_with_tables_before: 65_536, Try, Segregated, Defaults, 2048, true;
    of_no_round_length: 65_544, Spin, Segregated, Defaults, 2048, true;
    of_no_whole_granules: 70_001, Spin, Segregated, Defaults, 2048, true;
    with_reserved_pages: 66_000, Spin, Segregated, Reserving, 2048, true;
    with_pools_in_a_quarter: 100_000, Spin, Segregated, Frugal, 2048, true;
    with_pages_apart: 50_001, Try, Segregated, Apart, 2048, false;
    with_every_class: 131_072, Try, Segregated, EveryClass, 4096, true;
    of_a_mebibyte: 1_048_576, Spin, Segregated, Defaults, 32_768, true;
    without_pools: 65_536, Spin, Segregated, Compact, 2048, false;
}

#[cfg(feature = "linked-list")]
arenas! {
    on_a_linked_list: 65_536, Spin, larder::large::LinkedList, Defaults, 2048, true;
}
