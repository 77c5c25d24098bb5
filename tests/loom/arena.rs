//! An extent whose tables are loom's atomics, and which knows the owner of every granule.

use crate::config::geometry::{GRANULE_BYTES, PAGE_BYTES};
use crate::config::{Config, Table};
use crate::extent::header::{Header, Inside};
use crate::extent::map::Map;
use crate::extent::moment::Moment;
use crate::extent::{Extent, Storage};
use crate::large::{Large, Segregated};
use crate::policy::{Policy, Try};
use crate::pools::Tables;
use crate::pools::front::AtomicFront;
use crate::sync::{AtomicU8, AtomicU32, Ordering::*};
use crate::tick;
use core::alloc::Layout;
use core::cell::Cell;
use core::marker::PhantomData;
use loom::cell::UnsafeCell;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The policy `Try`, and a cell in which loom sees visits of the large tier that overlap, or that nothing orders.
pub struct Watched;

pub struct Lock {
    try_lock: <Try as Policy>::Lock,
    /// Written when the tables were made: a visitor has to see that.
    made: UnsafeCell<()>,
    visited: UnsafeCell<()>,
}

// SAFETY: the cells hold nothing; loom reports whoever looks at them in the wrong order.
unsafe impl Sync for Lock {}

// SAFETY: as `Try`, but that loom's atomics are not made of zeroes: the model makes them.
unsafe impl Policy for Watched {
    type Lock = Lock;

    fn enter<R>(lock: &Lock, f: impl FnOnce() -> R) -> Option<R> {
        lock.made.with(|_| ());
        Try::enter(&lock.try_lock, || lock.visited.with_mut(|_| f()))
    }
}

/// Classes of two and of four blocks a page; the first mask is a part of the second's.
///
/// `KEPT` and `STASH` pages: with none of either, an emptied page goes straight to the large tier.
pub struct Small<const KEPT: usize, const STASH: usize>;

impl<const KEPT: usize, const STASH: usize> Config for Small<KEPT, STASH> {
    const CLASSES: &'static [usize] = &[64, 128];
    const KEPT_PAGES: usize = KEPT;
    const STASH_PAGES: usize = STASH;
}

/// The classes that blocks of these sizes have in [`Small`].
pub const CLASS_64: u32 = 1;
pub const CLASS_128: u32 = 2;

/// Where the tables lie.
pub struct Handle<C, L> {
    tables: *mut u8,
    map: Map,
    types: PhantomData<fn() -> (C, L)>,
}

impl<C, L> Clone for Handle<C, L> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C, L> Copy for Handle<C, L> {}

// SAFETY: the memory is the arena's, aligned, and its tables hold what zero means to the library.
unsafe impl<C: Config, L: Large> Storage for Handle<C, L> {
    type Policy = Watched;
    type Large = L;
    type Config = C;

    fn tables(self) -> *mut u8 {
        self.tables
    }
    fn map(self) -> Map {
        self.map
    }
}

/// An extent whose tables the models make.
pub trait Made: Storage<Policy = Watched> {
    /// Makes the atomics that zeroed memory would be.
    fn make_tables(self) {
        let map = &self.map();
        let header: Header<Watched> = Header {
            lock: Lock { try_lock: Default::default(), made: UnsafeCell::new(()), visited: UnsafeCell::new(()) },
            deferred: AtomicU32::new(0),
            deferred_bytes: AtomicU32::new(0),
            in_hand: AtomicU32::new(0),
            moment: Moment::new(),
            // SAFETY: it holds numbers, and zero is their first value.
            inside: core::cell::UnsafeCell::new(unsafe { core::mem::zeroed::<Inside>() }),
            refills: AtomicU32::new(0),
            retries: AtomicU32::new(0),
            refused: AtomicU32::new(0),
            wrong_frees: AtomicU32::new(0),
            rescues: AtomicU32::new(0),
        };
        // SAFETY: the map leaves room for a header there.
        let header = unsafe {
            self.tables().cast::<Header<Watched>>().write(header);
            &*self.tables().cast::<Header<Watched>>()
        };
        header.lock.made.with_mut(|_| ());
        // The tables of words that lie one behind the other, whatever they are for.
        self.make(map.fronts, (map.kept - map.fronts) / size_of::<AtomicFront>(), || AtomicFront::new(0));
        self.make(map.kept, (map.words - map.kept) / size_of::<AtomicU32>(), || AtomicU32::new(0));
        let pages = self.entries() as usize + 1;
        self.make(map.words, pages, || AtomicU32::new(0));
        self.make(map.owners, pages, || AtomicU8::new(0));
    }

    fn make<T>(self, offset: usize, len: usize, value: impl Fn() -> T) {
        for at in 0..len {
            // SAFETY: the map leaves room for so many there.
            unsafe { self.tables().add(offset).cast::<T>().add(at).write(value()) };
        }
    }
}

impl<S: Storage<Policy = Watched>> Made for S {}

/// The heap under test. Threads share it by an `Arc` of `std`'s, which costs loom no states.
pub struct Arena<C: Config, L: Large = Segregated> {
    pub heap: Extent<Handle<C, L>>,
    layout: Layout,
    /// One a granule, written by its owner.
    granules: Vec<UnsafeCell<()>>,
    /// Whether a granule has an owner. Only one thread runs at a time.
    owned: Vec<AtomicBool>,
}

// SAFETY: the library's code shares it by loom's atomics, whose order loom checks.
unsafe impl<C: Config, L: Large> Send for Arena<C, L> {}
// SAFETY: as above.
unsafe impl<C: Config, L: Large> Sync for Arena<C, L> {}

/// A block that the model owns.
#[must_use]
pub struct Block {
    offset: usize,
    layout: Layout,
}

impl Block {
    pub fn page(&self) -> u32 {
        (self.offset / PAGE_BYTES) as u32 + 1
    }
}

impl<C: Config, L: Large> Arena<C, L> {
    /// A fresh arena of so many whole pages.
    pub fn new(pages: u32) -> Arc<Self> {
        let map = map::<C, L>(pages);
        let ground = map.ground as usize;
        let layout = Layout::from_size_align(ground + map.bytes, PAGE_BYTES).unwrap();
        // SAFETY: the layout's size is not zero, and the tables lie behind the ground.
        let tables = unsafe { std::alloc::alloc_zeroed(layout).add(ground) };
        let granules = ground / GRANULE_BYTES;
        let arena = Self {
            heap: Extent(Handle { tables, map, types: PhantomData }),
            layout,
            granules: (0..granules).map(|_| UnsafeCell::new(())).collect(),
            owned: (0..granules).map(|_| AtomicBool::new(false)).collect(),
        };
        arena.heap.0.make_tables();
        Arc::new(arena)
    }

    /// Allocates through the engine, as `GlobalAlloc::alloc` does.
    pub fn alloc(&self, size: usize) -> Option<Block> {
        let layout = Layout::from_size_align(size, 8).unwrap();
        tick();
        let ptr = self.heap.allocate::<true>(layout);
        assert!(ptr.is_null() || self.heap.occupied(ptr) >= size, "the block is too small");
        (!ptr.is_null()).then(|| self.own(self.heap.offset_of(ptr), layout))
    }

    /// Allocates where nothing can be in the way.
    pub fn must_alloc(&self, size: usize) -> Block {
        self.alloc(size).expect("there is room")
    }

    /// Frees through the engine, as `GlobalAlloc::dealloc` does.
    pub fn free(&self, block: Block) {
        tick();
        self.disown(block.offset, block.layout.size());
        self.heap.release(self.at(block.offset), block.layout);
    }

    /// Shrinks through the engine, as `GlobalAlloc::realloc` does. `None`: it would have to move.
    pub fn shrink(&self, block: Block, size: usize) -> Result<Block, Block> {
        tick();
        let old = block.layout.size();
        self.disown(block.offset + size, old - size);
        let layout = Layout::from_size_align(size, 8).unwrap();
        match self.heap.resize(self.at(block.offset), old, size) {
            Ok(true) => Ok(Block { layout, ..block }),
            Ok(false) => {
                let _ = self.own(block.offset + size, Layout::from_size_align(old - size, 8).unwrap());
                Err(block)
            }
            Err(reason) => panic!("a live block was refused: {reason:?}"),
        }
    }

    /// Takes a claim of the pools for the model's own.
    pub fn own(&self, offset: usize, layout: Layout) -> Block {
        for granule in Self::span(offset, layout.size()) {
            assert!(!self.owned[granule].swap(true, Relaxed), "granule {granule} has two owners");
            self.granules[granule].with_mut(|_| ());
        }
        Block { offset, layout }
    }

    fn disown(&self, offset: usize, size: usize) {
        for granule in Self::span(offset, size) {
            self.granules[granule].with_mut(|_| ());
            assert!(self.owned[granule].swap(false, Relaxed));
        }
    }

    fn span(offset: usize, size: usize) -> core::ops::Range<usize> {
        offset / GRANULE_BYTES..(offset + size).div_ceil(GRANULE_BYTES)
    }

    /// Uses a page that some function handed over: no granule of it may be anybody's.
    pub fn own_page(&self, page: u32) -> Block {
        self.own((page as usize - 1) * PAGE_BYTES, Layout::from_size_align(PAGE_BYTES, 8).unwrap())
    }

    /// Turns a block of a page's size that lies on a page into a page of the stash.
    pub fn make_pool_page(&self, page: Block) {
        assert_eq!(page.offset % PAGE_BYTES, 0);
        self.heap.owner(page.page()).store(C::TABLE.in_transit() as u8, Relaxed);
        self.surrender_page(page);
    }

    /// Gives a page that belongs to nobody to the stash or to the large tier.
    pub fn surrender_page(&self, page: Block) {
        self.disown(page.offset, PAGE_BYTES);
        self.heap.surrender(page.page());
    }

    fn at(&self, offset: usize) -> *mut u8 {
        self.heap.base().wrapping_add(offset)
    }

    /// Allocates from the large tier, whatever the size.
    fn alloc_large(&self, size: usize) -> Option<Block> {
        let place = self.heap.allocate_large(size, 8) as usize;
        let layout = Layout::from_size_align(size, 8).unwrap();
        (place != 0).then(|| self.own(place - GRANULE_BYTES, layout))
    }

    /// Takes everything that is free out of the large tier's hands, so that no call gets anything there.
    pub fn exhaust(&self) -> Vec<Block> {
        [PAGE_BYTES, 16].iter().flat_map(|&size| core::iter::from_fn(move || self.alloc_large(size))).collect()
    }

    /// Verifies the heap while all threads have ended: `live` is all that the model still owns.
    pub fn verify(&self, live: &[Block]) {
        if let Err(error) = self.heap.check() {
            panic!("{error}\n{}", self.heap.stats());
        }
        let stats = self.heap.stats();
        let bytes: usize = live.iter().map(|block| self.heap.occupied(self.at(block.offset))).sum();
        let pooled = stats.live_bytes - stats.live_large_bytes;
        assert!(stats.live_bytes >= bytes && pooled <= bytes, "{bytes} B are live\n{stats}");
        assert_eq!(stats.wrong_frees, 0, "correct calls were taken for wrong ones\n{stats}");
    }

    /// Verifies the heap, frees what is left, and verifies that it is as good as new.
    pub fn finish(&self, live: Vec<Block>) {
        self.verify(&live);
        live.into_iter().for_each(|block| self.free(block));
        self.verify(&[]);
        self.heap.trim();
        self.verify(&[]);
        let stats = self.heap.stats();
        assert_eq!((stats.live_bytes, stats.deferred_bytes, stats.free_runs), (0, 0, 1), "{stats}");
    }
}

impl<C: Config, L: Large> Drop for Arena<C, L> {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout. Loom's atomics need no drop.
        unsafe { std::alloc::dealloc(self.heap.base(), self.layout) };
    }
}

/// The tables for so many pages, in the smallest arena that has them.
fn map<C: Config, L: Large>(pages: u32) -> Map {
    let smallest = Map::MIN_BYTES.max(pages as usize * PAGE_BYTES);
    let fits = |bytes: usize| Map::new::<C, Watched, L>(bytes).filter(|map| map.pages >= pages);
    let map = (smallest..).step_by(GRANULE_BYTES).find_map(fits).unwrap();
    assert_eq!(map.pages, pages, "1 KiB has more pages");
    map
}
