//! Memory runs out, and comes back.

use core::alloc::Layout;
use core::ptr;

use crate::{Block, Random, Shape, Subject};

/// How much of the free memory a heap full of equal blocks holds at least. The rest is ends of pages.
const LEAST_USE_PERCENT: usize = 75;

pub fn one_size(heap: &dyn Subject) {
    for size in [8, 24, 64, 200, 1000].map(|size| size.max(size_of::<Link>())) {
        let free_bytes = heap.stats().free_bytes;
        let first = fill(heap, |_| size);
        assert!(
            first * size * 100 >= free_bytes * LEAST_USE_PERCENT,
            "only {first} blocks of {size} bytes fit in {free_bytes} bytes"
        );
        heap.assert_empty();
        let second = fill(heap, |_| size);
        let is_right = match heap.shape() {
            Shape::Tiers => second == first,
            // The first search may have begun somewhere in the middle.
            Shape::Table => second >= first,
        };
        assert!(is_right, "{first} blocks of {size} bytes fit the first time, {second} the second time");
        heap.assert_empty();
    }
}

/// As many blocks fit as there are granules for, once the searches begin at the start.
pub fn to_the_last_granule(heap: &dyn Subject) {
    for size in [8, 24, 136, 1000] {
        fill(heap, |_| size);
        let fitting = heap.stats().free_bytes / size;
        assert_eq!(fill(heap, |_| size), fitting, "of {size} bytes each");
        heap.assert_empty();
    }
}

pub fn mixed_sizes(heap: &dyn Subject) {
    for seed in 1..4 {
        let mut random = Random::new(seed);
        fill(heap, |_| random.range(size_of::<Link>(), 300));
        heap.assert_empty();
    }
}

pub fn absurd_sizes(heap: &dyn Subject) {
    let refused = heap.stats().refused;
    for size in [1 << 24, isize::MAX as usize / 2, isize::MAX as usize - 7] {
        let layout = Layout::from_size_align(size, 8).expect("a layout");
        assert!(Block::try_new(layout, 0).is_none());
    }
    assert_eq!(heap.stats().refused, refused + 3);
}

/// Fills the heap, empties it in two goes, fills what the first go freed, and says how many blocks it held.
fn fill(heap: &dyn Subject, mut size: impl FnMut(usize) -> usize) -> usize {
    let mut chain = Chain::new(heap);
    while chain.push(size(chain.length)) {}
    heap.assert_sound();
    let length = chain.length;
    chain.free_every_second();
    heap.assert_sound();
    assert!(chain.push(size(0)), "half the heap is free, and yet a block is refused");
    length
}

/// What a block of a chain begins with.
#[derive(Clone, Copy)]
struct Link {
    previous: *mut Link,
    layout_bytes: usize,
}

/// Blocks that hold the list of themselves: keeping them needs no memory when there is none.
struct Chain<'heap> {
    heap: &'heap dyn Subject,
    last: *mut Link,
    length: usize,
}

impl<'heap> Chain<'heap> {
    fn new(heap: &'heap dyn Subject) -> Self {
        Self { heap, last: ptr::null_mut(), length: 0 }
    }

    /// Adds a block; `false` when the heap refuses.
    fn push(&mut self, size: usize) -> bool {
        let layout = layout(size);
        // SAFETY: the size is not zero.
        let block = unsafe { self.heap.alloc(layout) }.cast::<Link>();
        if block.is_null() {
            return false;
        }
        // SAFETY: the block is ours, large enough for a link, and aligned for it.
        unsafe { block.write(Link { previous: self.last, layout_bytes: size }) };
        self.last = block;
        self.length += 1;
        true
    }

    fn pop(&mut self) -> bool {
        if self.last.is_null() {
            return false;
        }
        // SAFETY: `last` is a block that `push` wrote a link into.
        let link = unsafe { self.last.read() };
        // SAFETY: the block is live with the layout it was allocated with.
        unsafe { self.heap.dealloc(self.last.cast(), layout(link.layout_bytes)) };
        self.last = link.previous;
        self.length -= 1;
        true
    }

    fn free_every_second(&mut self) {
        let mut kept = Chain::new(self.heap);
        while !self.last.is_null() {
            kept.take_last_of(self);
            self.pop();
        }
        core::mem::swap(self, &mut kept);
    }

    fn take_last_of(&mut self, other: &mut Chain) {
        let moved = other.last;
        // SAFETY: `last` is a block that `push` wrote a link into, and nobody else looks at it.
        other.last = unsafe { core::mem::replace(&mut (*moved).previous, self.last) };
        self.last = moved;
        other.length -= 1;
        self.length += 1;
    }
}

impl Drop for Chain<'_> {
    fn drop(&mut self) {
        while self.pop() {}
    }
}

fn layout(size: usize) -> Layout {
    assert!(size >= size_of::<Link>());
    Layout::from_size_align(size, align_of::<Link>()).expect("a layout")
}
