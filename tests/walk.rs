//! The walk over the arena: its pieces are what the owners of the blocks, the statistics and the check say there is.

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use larder::large::{Large, Segregated};
use larder::policy::Try;
use larder::{Config, Defaults, Heap, Holds, Piece, Region};

fn layout(bytes: usize) -> Layout {
    Layout::from_size_align(bytes, 8).unwrap()
}

/// A heap in memory of its own, and its blocks.
struct Used<L: Large, C: Config> {
    heap: Region<C, Try, L>,
    blocks: Vec<(*mut u8, usize)>,
}

impl<L: Large, C: Config> Used<L, C> {
    /// Blocks of all sizes, with holes between them.
    fn new(bytes: usize, seed: u64) -> Self {
        let heap = Region::new();
        // SAFETY: the size is not zero.
        let memory = unsafe { std::alloc::alloc(Layout::from_size_align(bytes, 256).unwrap()) };
        // SAFETY: the memory is nobody else's, for ever.
        unsafe { heap.claim(memory, bytes) }.unwrap();
        let mut used = Self { heap, blocks: Vec::new() };
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..random.usize(1..3000) {
            used.step(&mut random, bytes);
        }
        used
    }

    fn step(&mut self, random: &mut fastrand::Rng, arena_bytes: usize) {
        if random.u32(..5) < 3 {
            let most = if random.u32(..4) == 0 { arena_bytes / 8 } else { 80 };
            let bytes = random.usize(1..=most);
            // SAFETY: the size is not zero.
            let block = unsafe { self.heap.alloc(layout(bytes)) };
            if !block.is_null() {
                self.blocks.push((block, bytes));
            }
        } else if !self.blocks.is_empty() {
            let (block, bytes) = self.blocks.swap_remove(random.usize(..self.blocks.len()));
            // SAFETY: the block is live, and this is its layout.
            unsafe { self.heap.dealloc(block, layout(bytes)) };
        }
    }

    fn pieces(&self) -> (Vec<Piece>, bool) {
        let mut pieces = Vec::new();
        let steady = self.heap.walk(|piece| pieces.push(piece));
        (pieces, steady)
    }
}

/// Pieces touch, and are as long as the arena.
fn assert_tile(pieces: &[Piece], arena_bytes: usize) {
    for pair in pieces.windows(2) {
        assert_eq!(pair[0].start.addr() + pair[0].bytes, pair[1].start.addr(), "{pair:?}");
    }
    assert_eq!(pieces.iter().map(|piece| piece.bytes).sum::<usize>(), arena_bytes);
}

/// Addresses of live blocks, and of each how long it is at most.
fn live_blocks(pieces: &[Piece]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for piece in pieces {
        match piece.holds {
            Holds::Large => found.push((piece.start.addr(), piece.bytes)),
            Holds::Page { block_bytes, blocks, live } => {
                assert_eq!(live & !blocks, 0, "{piece:?}");
                let bits = (0..32).filter(|bit| (live >> bit) & 1 != 0);
                found.extend(bits.map(|bit| (piece.start.addr() + bit * 8, block_bytes)));
            }
            _ => {}
        }
    }
    found.sort();
    found
}

fn walk_finds_exactly_the_live_blocks<L: Large, C: Config>(bytes: usize, seed: u64) {
    let used = Used::<L, C>::new(bytes, seed);
    used.heap.check().unwrap();
    let (pieces, steady) = used.pieces();
    assert!(steady);
    assert_tile(&pieces, used.heap.stats().arena_bytes);
    assert_eq!(pieces.iter().filter(|piece| piece.holds == Holds::Unknown).count(), 0);
    let mut blocks = used.blocks.clone();
    blocks.sort();
    let found = live_blocks(&pieces);
    assert_eq!(found.len(), blocks.len());
    for (&(address, has), &(block, asked)) in found.iter().zip(&blocks) {
        assert!(address == block.addr() && asked <= has, "{asked} bytes at {block:p}, found {has} at {address:#x}");
        assert_eq!(has, used.heap.usable_size(block), "{asked} bytes at {block:p}");
    }
}

#[test]
fn pieces_are_the_blocks_that_their_owners_have() {
    for seed in 0..200 {
        let bytes = [1024, 3000, 20_001, 64 * 1024, 300_000][seed as usize % 5];
        walk_finds_exactly_the_live_blocks::<Segregated, Defaults>(bytes, seed);
    }
}

struct Reserving;
impl Config for Reserving {
    const RESERVED: &'static [(usize, usize)] = &[(32, 2), (64, 1)];
    const KEPT_PAGES: usize = 8;
}

#[test]
fn pieces_add_up_to_the_statistics() {
    for seed in 0..100 {
        let used = Used::<Segregated, Reserving>::new(40_000, seed);
        let stats = used.heap.stats();
        let (pieces, _) = used.pieces();
        let sum = |wanted: &dyn Fn(Holds) -> bool| -> usize {
            pieces.iter().filter(|piece| wanted(piece.holds)).map(|piece| piece.bytes).sum()
        };
        assert_eq!(sum(&|holds| holds == Holds::Tables), stats.metadata_bytes);
        assert_eq!(sum(&|holds| holds == Holds::Large), stats.live_large_bytes);
        assert_eq!(live_blocks(&pieces).iter().map(|(_, bytes)| bytes).sum::<usize>(), stats.live_bytes);
        // Reserved pages are their class's for ever: an empty one is not free.
        let reserved = pieces[0].start.addr()..pieces[0].start.addr() + 3 * 256;
        let is_free = |piece: &&Piece| match piece.holds {
            Holds::Free | Holds::Spare => true,
            Holds::Page { live, .. } => live == 0 && !reserved.contains(&piece.start.addr()),
            _ => false,
        };
        assert_eq!(pieces.iter().filter(is_free).map(|piece| piece.bytes).sum::<usize>(), stats.free_bytes);
        for row in stats.classes() {
            let of_class = |piece: &&Piece| matches!(piece.holds, Holds::Page { block_bytes, .. } if block_bytes == row.block_bytes);
            assert_eq!(pieces.iter().filter(of_class).count(), row.pages, "{row:?}");
        }
    }
}

#[test]
fn a_large_block_is_one_piece_however_long() {
    static HEAP: Heap<{ 1 << 20 }, Defaults, Try> = Heap::new();
    // SAFETY: the size is not zero; the block stays live.
    let block = unsafe { HEAP.alloc(layout(700_000)) };
    let mut found = Vec::new();
    assert!(HEAP.walk(|piece| found.extend((piece.holds == Holds::Large).then_some((piece.start, piece.bytes)))));
    assert_eq!(found, [(block.cast_const(), 700_000)]);
}

#[test]
fn a_heap_that_is_used_while_it_is_shown_still_has_no_gap() {
    for seed in 0..100 {
        let Used { heap, mut blocks } = Used::<Segregated, Defaults>::new(64 * 1024, seed);
        let arena_bytes = heap.stats().arena_bytes;
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut pieces, mut calls) = (Vec::new(), 0);
        let steady = heap.walk(|piece| {
            pieces.push(piece);
            if random.u32(..8) == 0
                && piece.holds != Holds::Tables
                && let Some((block, bytes)) = blocks.pop()
            {
                calls += u32::from(bytes > 64);
                // SAFETY: the block is live, and this is its layout.
                unsafe { heap.dealloc(block, layout(bytes)) };
            }
        });
        assert_tile(&pieces, arena_bytes);
        assert!(!steady || calls == 0, "{calls} releases of large blocks went unnoticed");
        heap.check().unwrap();
    }
}

#[cfg(feature = "linked-list")]
#[test]
fn pieces_of_the_linked_list_are_the_blocks_that_their_owners_have() {
    for seed in 0..50 {
        let bytes = [3000, 20_001, 64 * 1024][seed as usize % 3];
        walk_finds_exactly_the_live_blocks::<larder::large::LinkedList, Defaults>(bytes, seed);
    }
}
