//! What is free can be had: of a class's free blocks, nothing is out of reach but the few pages that a suspended context has in its hand.

use crate::arena::{Arena, Heap};
use crate::config::Config;
use crate::pools::front::page_bits;
use crate::pools::index::{Index, summary_words};
use crate::pools::{Pools, Tables};
use crate::sync::{Ordering::Relaxed, Work, suspend};

/// Two blocks a page, and four: pages are soon full.
struct Few;

impl Config for Few {
    const CLASSES: &'static [usize] = &[64, 128];
}

const SIZE: usize = 128;
const CLASS: u32 = 2;
/// Blocks of [`SIZE`] in a page.
const A_PAGE: usize = 2;
/// Pages that one context has in its hand at most: what `Index::draw` moves into half a front.
const IN_HAND: usize = 2;

/// The shapes of an index: one leaf; all leaves that are searched without a second level; one word of that; several.
const PAGES: [usize; 4] = [32, 255, 300, 1100];

/// A heap that is full of blocks of [`SIZE`], and has nothing else to give. By ascending pages.
struct Full {
    arena: Arena<Few>,
    blocks: Vec<*mut u8>,
    saved: Vec<u8>,
}

impl Full {
    fn new(pages: usize) -> Self {
        let arena = Arena::<Few>::new(pages);
        let mut blocks: Vec<*mut u8> = core::iter::from_fn(|| arena.heap.get(SIZE)).collect();
        arena.heap.exhaust();
        blocks.retain(|&block| arena.heap.owner_of(arena.heap.page_of_block(block)) == CLASS);
        blocks.sort();
        assert_eq!(blocks.len(), A_PAGE * arena.heap.map().pages as usize, "every page is the class's");
        let saved = arena.save();
        Self { arena, blocks, saved }
    }

    /// Makes it full again.
    fn refill(&self) {
        self.arena.restore(&self.saved);
    }

    fn heap(&self) -> Heap<Few> {
        self.arena.heap
    }

    /// Frees a block of a page, counted from 0: the page was full before.
    fn free_one_of(&self, page: usize) {
        self.heap().put(self.blocks[page * A_PAGE], SIZE);
    }

    /// Frees a block of each of so many pages, from page `first` of a leaf on.
    fn free_some_of(&self, first: usize, count: usize) {
        (first..first + count).for_each(|page| self.free_one_of(self.leaf() + page));
    }

    fn pages(&self) -> usize {
        self.blocks.len() / A_PAGE
    }

    /// The first page of the last leaf that is whole.
    fn leaf(&self) -> usize {
        (self.pages() / 32 - 1) * 32
    }
}

#[test]
fn the_shapes_are_what_they_are_called() {
    let shapes = PAGES.map(|pages| {
        let map = Arena::<Few>::new(pages).heap.map();
        (page_bits(map.pages), map.leaf_words, summary_words(map.leaf_words))
    });
    assert_eq!(shapes[0].1, 1);
    assert_eq!((shapes[1].0, shapes[1].1, shapes[1].2), (8, 8, 0));
    assert_eq!((shapes[2].0, shapes[2].2), (16, 1));
    assert_eq!((shapes[3].0, shapes[3].2), (16, 2));
}

/// One block of every page is free; all of them are served again, wherever their pages are entered.
#[test]
fn whatever_is_free_is_served() {
    for pages in PAGES {
        let full = Full::new(pages);
        for page in 0..full.pages() {
            full.free_one_of(page);
        }
        let served = core::iter::from_fn(|| full.heap().get(SIZE)).count();
        assert_eq!(served, full.pages(), "of {pages} pages");
        full.heap().verify();
    }
}

/// The same for the last page alone: the last leaf, and the last word over the leaves, are searched.
#[test]
fn the_last_page_is_found() {
    for pages in PAGES {
        let full = Full::new(pages);
        let last = full.pages() - 1;
        full.free_one_of(last);
        // Others displace it from the front, and are used up again.
        for page in 0..4 {
            full.free_one_of(page);
        }
        let served = core::iter::from_fn(|| full.heap().get(SIZE)).count();
        assert_eq!(served, 5, "of {pages} pages");
    }
}

/// Takes all blocks of the class, and asserts that none that is free is out of reach.
fn takes_all(heap: Heap<Few>) {
    while heap.get(SIZE).is_some() {}
    let left = heap.free_blocks(CLASS);
    assert!(left <= IN_HAND * A_PAGE, "{left} free blocks are out of reach");
}

/// The same by the searches of every request alone, without the last resort before a refusal.
fn finds_all(heap: Heap<Few>) {
    while Pools(heap).claim_any(CLASS) != 0 {}
    let left = heap.free_blocks(CLASS);
    assert!(left <= IN_HAND * A_PAGE, "{left} free blocks can only be had as a last resort");
}

/// Takes all blocks of the class, and frees those of every page but one.
fn churns(heap: Heap<Few>) {
    let mut taken: Vec<*mut u8> = core::iter::from_fn(|| heap.get(SIZE)).collect();
    taken.sort();
    taken.into_iter().for_each(|block| heap.put(block, SIZE));
}

/// Suspends a call before every access, where a second context does something; and before every later access, where a third takes all
/// that there is, or nothing does.
fn everywhere(full: &Full, prepare: impl Fn(), call: impl Fn(), second: impl Fn(), third: fn(Heap<Few>)) {
    let run = |early: usize, late: Option<usize>| {
        full.refill();
        prepare();
        let mut works: Vec<Work> = vec![(early, Box::new(&second))];
        works.extend(late.map(|late| -> Work { (late, Box::new(|| third(full.heap()))) }));
        suspend(works, &call)
    };
    for early in 0.. {
        let was_suspended = run(early, None);
        full.heap().verify();
        finds_all(full.heap());
        if !was_suspended {
            return;
        }
        let mut late = early;
        while run(early, Some(late)) {
            finds_all(full.heap());
            late += 1;
        }
    }
}

/// A block of a full page is freed, so that the page at the front's end falls into the index: into a leaf in which nothing is, and
/// into one in which something is.
#[test]
fn a_release_that_displaces_a_page_hides_nothing() {
    for full in &PAGES.map(Full::new) {
        for (shelved, count) in (0..6).flat_map(|shelved| [1, 8].map(|count| (shelved, count))) {
            let prepare = || full.free_some_of(0, shelved);
            let release = || full.free_some_of(shelved, 1);
            everywhere(full, prepare, release, || full.free_some_of(16, count), finds_all);
        }
    }
}

/// The front is empty, and a block is taken: pages move from the index into the front, the last ones of a leaf among them.
#[test]
fn a_request_that_draws_from_the_index_hides_nothing() {
    for full in &PAGES.map(Full::new) {
        for shelved in 1..6 {
            // In the index alone: what lies in the front is used up.
            let prepare = || {
                full.free_some_of(0, shelved);
                while full.heap().front(CLASS).seen() != 0 {
                    assert!(full.heap().get(SIZE).is_some());
                }
            };
            let request = || {
                full.heap().get(SIZE);
            };
            everywhere(full, prepare, request, || full.free_some_of(16, 1), takes_all);
            everywhere(full, prepare, request, || full.free_some_of(16, 8), takes_all);
            everywhere(full, prepare, request, || churns(full.heap()), takes_all);
        }
    }
}

/// The last page of a leaf is taken out, while another is put there.
#[test]
fn a_leaf_that_becomes_empty_hides_nothing() {
    for full in &PAGES.map(Full::new) {
        // An old entry: the page is full.
        let index = Index(full.heap(), CLASS);
        let page = full.leaf() as u32 + 1;
        let second = || full.free_some_of(16, 8);
        everywhere(full, || index.insert(page), || index.remove(page), second, takes_all);
    }
}

/// Old bits of the summary, of leaves in which nothing is, are skipped.
#[test]
fn old_bits_of_the_summary_end_no_search() {
    for full in &PAGES.map(Full::new) {
        let heap = full.heap();
        let (pages, leaves) = (full.pages(), heap.leaf_count());
        if summary_words(leaves) != 0 {
            full.refill();
            Index(heap, CLASS).insert(pages as u32);
            (0..leaves).for_each(|leaf| {
                heap.summary(CLASS, leaf / 32).fetch_or(1 << (leaf % 32), Relaxed);
            });
            assert_eq!(Index(heap, CLASS).first_leaf(), (leaves - 1, 1 << ((pages - 1) % 32)));
        }
    }
}
