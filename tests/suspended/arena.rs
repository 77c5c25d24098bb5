//! An extent of any length, in memory of the test's own.

use core::alloc::Layout;
use core::cell::Cell;
use core::marker::PhantomData;

use crate::config::geometry::PAGE_BYTES;
use crate::config::{Config, Reason, Table};
use crate::extent::map::Map;
use crate::extent::{Extent, Storage};
use crate::large::{Backend, Ground, Large, Resized, Run, Segregated, TableBytes};
use crate::policy::Try;
use crate::pools::Tables;
use crate::sync::Ordering::Relaxed;

/// Where an extent lies. A copy of it may be used as long as its [`Arena`] lives.
pub struct Handle<C> {
    tables: *mut u8,
    map: Map,
    config: PhantomData<fn() -> C>,
}

impl<C> Clone for Handle<C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C> Copy for Handle<C> {}

// SAFETY: the memory is the arena's, aligned to a page, and was zeroed; the map was made for it.
unsafe impl<C: Config> Storage for Handle<C> {
    type Policy = Try;
    type Large = Counted;
    type Config = C;

    fn tables(self) -> *mut u8 {
        self.tables
    }
    fn map(self) -> Map {
        self.map
    }
}

/// Memory with an extent in it.
pub struct Arena<C: Config> {
    pub heap: Heap<C>,
    layout: Layout,
}

impl<C: Config> Arena<C> {
    /// An arena of at least so many pages, nothing of which is in use.
    pub fn new(pages: usize) -> Self {
        let smallest = Map::MIN_BYTES.max(pages * PAGE_BYTES);
        let fits = |bytes: usize| Map::new::<C, Try, Counted>(bytes).filter(|map| map.pages as usize >= pages);
        let map = (smallest..).step_by(PAGE_BYTES / 4).find_map(fits).unwrap();
        let layout = Layout::from_size_align(map.ground as usize + map.bytes, PAGE_BYTES).unwrap();
        // SAFETY: the layout's size is not zero, and the tables lie behind the ground.
        let tables = unsafe { std::alloc::alloc_zeroed(layout).add(map.ground as usize) };
        Self { heap: Extent(Handle { tables, map, config: PhantomData }), layout }
    }
}

impl<C: Config> Arena<C> {
    /// All bytes, as they are now.
    pub fn save(&self) -> Vec<u8> {
        // SAFETY: the arena's memory, zeroed at first; nobody writes to it meanwhile.
        unsafe { core::slice::from_raw_parts(self.heap.base(), self.layout.size()) }.to_vec()
    }

    /// Makes all bytes what they were.
    pub fn restore(&self, bytes: &[u8]) {
        assert_eq!(bytes.len(), self.layout.size());
        // SAFETY: as long as the arena's memory, which nobody uses meanwhile.
        unsafe { self.heap.base().copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
    }
}

impl<C: Config> Drop for Arena<C> {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { std::alloc::dealloc(self.heap.base(), self.layout) };
    }
}

/// An extent, as long as its [`Arena`] lives.
pub type Heap<C> = Extent<Handle<C>>;

impl<C: Config> Heap<C> {
    /// A block, by its address; `None`: it was refused.
    pub fn get(self, size: usize) -> Option<*mut u8> {
        let block = self.allocate::<true>(layout(size));
        (!block.is_null()).then_some(block)
    }

    pub fn put(self, block: *mut u8, size: usize) {
        self.release(block, layout(size));
    }

    /// The page in which a block lies.
    pub fn page_of_block(self, block: *mut u8) -> u32 {
        (self.offset_of(block) / PAGE_BYTES) as u32 + 1
    }

    /// How many blocks of a class are free, by the words of its pages, whether or not anybody finds them.
    pub fn free_blocks(self, class: u32) -> usize {
        let pages = (1..=self.map().pages).filter(|&page| self.owner_of(page) == class);
        pages.map(|page| Tables::word(self, page).load(Relaxed).count_ones() as usize).sum()
    }

    /// Takes all that the large tier has, so that no request of a pool gets anything there.
    pub fn exhaust(self) {
        for size in [PAGE_BYTES, C::TABLE.max_bytes + 8] {
            while self.get(size).is_some() {}
        }
    }

    pub fn verify(self) {
        if let Err(error) = self.check() {
            panic!("{error}\n{}", self.stats());
        }
    }
}

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

thread_local! {
    /// How often it was asked where a block ends.
    pub static ENDS: Cell<usize> = const { Cell::new(0) };
}

/// `Segregated`, and a count of its answers that take the longer, the longer a block is.
pub struct Counted;

impl Large for Counted {}

// SAFETY: all of it is the backend's.
#[rustfmt::skip]
#[allow(clippy::undocumented_unsafe_blocks, reason = "each call is passed on, with its caller's promises")]
unsafe impl Backend for Counted {
    const TABLE_BYTES: TableBytes = Segregated::TABLE_BYTES;
    const KEEPS_PAGES_APART: bool = true;

    unsafe fn init(ground: impl Ground) { unsafe { Segregated::init(ground) } }
    unsafe fn take(ground: impl Ground, bytes: u32, align: u32) -> u32 { unsafe { Segregated::take(ground, bytes, align) } }
    unsafe fn give(ground: impl Ground, first: u32, bytes: u32) -> Result<(), Reason> { unsafe { Segregated::give(ground, first, bytes) } }
    unsafe fn is_live(ground: impl Ground, first: u32) -> bool { unsafe { Segregated::is_live(ground, first) } }
    unsafe fn resize(ground: impl Ground, first: u32, old: u32, new: u32) -> Resized { unsafe { Segregated::resize(ground, first, old, new) } }
    unsafe fn true_bytes(ground: impl Ground, first: u32) -> u32 {
        ENDS.set(ENDS.get() + 1);
        unsafe { Segregated::true_bytes(ground, first) }
    }
    unsafe fn free_bytes(ground: impl Ground) -> u32 { unsafe { Segregated::free_bytes(ground) } }
    unsafe fn next_run(ground: impl Ground, from: u32) -> Option<Run> { unsafe { Segregated::next_run(ground, from) } }
    unsafe fn next_start(ground: impl Ground, from: u32) -> Result<u32, u32> { unsafe { Segregated::next_start(ground, from) } }
    unsafe fn check(ground: impl Ground) -> Result<(), &'static str> { unsafe { Segregated::check(ground) } }
}
