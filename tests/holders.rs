//! Who holds memory, counted in the program: against a model that knows every block, by holder, by size and by age.

use larder::observe::{Count, Holders, Observed, Slot, Snapshot};
use larder::policy::Try;
use larder::{Defaults, Heap, Inspect, Small};
use std::alloc::{GlobalAlloc, Layout};
use std::collections::HashMap;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// A live block as the model knows it.
struct Block {
    ptr: *mut u8,
    size: usize,
    who: u32,
    /// How many marks were made before it.
    born: usize,
}

/// What the model says about blocks that were allocated behind so many marks, by holder.
fn model(live: &[Block], from: usize) -> HashMap<u32, Count> {
    let mut holders = HashMap::<u32, Count>::new();
    for block in live.iter().filter(|block| block.born >= from) {
        let count = holders.entry(block.who).or_default();
        count.blocks += 1;
        count.bytes += block.size;
    }
    holders
}

fn sum<'a>(counts: impl IntoIterator<Item = &'a Count>) -> Count {
    counts.into_iter().fold(Count::default(), |sum, count| Count {
        blocks: sum.blocks + count.blocks,
        bytes: sum.bytes + count.bytes,
    })
}

fn is_as<const ROWS: usize>(snapshot: &Snapshot<ROWS>, live: &[Block], from: usize, marks: usize) {
    let model = model(live, from);
    for holder in snapshot.holders() {
        assert_eq!(holder.live, model.get(&holder.who.unwrap()).copied().unwrap_or_default(), "{holder:?}");
        assert!(holder.peak_bytes >= holder.live.bytes && holder.total.blocks >= holder.live.blocks);
    }
    assert_eq!(snapshot.live(), sum(model.values()));
    assert!(snapshot.holders().is_sorted_by(|a, b| a.live.bytes >= b.live.bytes));
    let mut smallest = 0;
    for (most, count) in snapshot.sizes() {
        let of_group = live.iter().filter(|block| block.born >= from && (smallest + 1..=most).contains(&block.size));
        assert_eq!(count.blocks, of_group.count(), "{smallest} to {most}");
        smallest = most;
    }
    for (back, count) in snapshot.ages().into_iter().enumerate() {
        let is_of_age = |born: usize| if back == 3 { born + 3 <= marks } else { born + back == marks };
        let of_age = live.iter().filter(|block| block.born >= from && is_of_age(block.born));
        assert_eq!(count.blocks, of_age.count(), "allocated {back} marks ago");
    }
}

/// Random calls of five holders, some of them refused and some wrong, with marks in between.
fn counts_as_the_model<H: Inspect>(heap: &Observed<H, Holders<16>>, slot: &Slot) {
    let mut random = fastrand::Rng::with_seed(9);
    let mut live: Vec<Block> = Vec::new();
    let mut marks = Vec::new();
    let mut strange = 0;
    for _ in 0..6000 {
        let size = if random.bool() { random.usize(1..=64) } else { random.usize(65..1200) };
        let who = random.u32(1..=5) * 0x100;
        let _scope = slot.enter(who);
        // SAFETY: no size is zero; blocks are live, with these sizes, but for one that is freed twice.
        unsafe {
            match random.u8(..9) {
                0..=3 => {
                    let ptr = heap.alloc(bytes(size));
                    if !ptr.is_null() {
                        live.push(Block { ptr, size, who, born: marks.len() });
                    }
                }
                4 if !live.is_empty() => {
                    let block = random.choice(&mut live).unwrap();
                    let moved = heap.realloc(block.ptr, bytes(block.size), size);
                    if !moved.is_null() {
                        *block = Block { ptr: moved, size, who, born: marks.len() };
                    }
                }
                5 if random.u8(..20) == 0 => marks.push(heap.mark()),
                _ if !live.is_empty() => {
                    let Block { ptr, size, .. } = live.swap_remove(random.usize(..live.len()));
                    assert!(heap.try_dealloc(ptr, bytes(size)) && !heap.try_dealloc(ptr, bytes(size)));
                    strange += 1;
                }
                _ => {}
            }
        }
        is_as(&heap.snapshot(), &live, 0, marks.len());
        for (at, mark) in marks.iter().enumerate() {
            let since = heap.observer().try_since(mark);
            assert_eq!(since.is_some(), at + 3 >= marks.len());
            since.inspect(|since| is_as(since, &live, at + 1, marks.len()));
        }
    }
    assert!(heap.stats().refused > 10 && marks.len() > 10);
    assert_eq!(heap.observer().strange(), strange);
}

#[test]
fn figures_are_those_of_a_model() {
    static SLOT: Slot = Slot::new();
    fn who() -> u32 {
        SLOT.current().unwrap_or(0)
    }
    static HEAP: Observed<Heap<{ 24 * 1024 }, Defaults, Try>, Holders<16>> =
        Observed::new(Heap::new(), Holders::new(who));
    static SMALL: Observed<Small<{ 24 * 1024 }>, Holders<16>> = Observed::new(Small::new(), Holders::new(who));
    counts_as_the_model(&HEAP, &SLOT);
    counts_as_the_model(&SMALL, &SLOT);
}

/// Three rows, of which one is nobody's: the third holder and those behind it are others.
#[test]
fn what_finds_no_room_is_counted_as_others() {
    static SLOT: Slot = Slot::new();
    let heap = Observed::new(Small::<4096>::new(), Holders::<3>::new(|| SLOT.current().unwrap_or(0)));
    let blocks = [1, 2, 3, 4, 1].map(|who| {
        let _scope = SLOT.enter(who);
        // SAFETY: the size is not zero.
        unsafe { heap.alloc(bytes(10)) }
    });
    let before = heap.snapshot();
    assert_eq!((before.holders().len(), before.others().live), (3, Count { blocks: 2, bytes: 20 }));
    assert_eq!(before.live(), Count { blocks: 5, bytes: 50 });
    // SAFETY: the blocks are freed once.
    blocks.iter().for_each(|&block| unsafe { heap.dealloc(block, bytes(10)) });
    let after = heap.snapshot();
    assert_eq!((after.live().blocks, after.others().total.blocks, after.others().peak_bytes), (0, 2, 20));
    assert_eq!(after.difference(&before).others().bytes, -20);
}

#[test]
fn a_difference_has_the_largest_change_first_whichever_way_it_goes() {
    static SLOT: Slot = Slot::new();
    let heap = Observed::new(Small::<4096>::new(), Holders::<8>::new(|| SLOT.current().unwrap_or(0)));
    // SAFETY: the size is not zero.
    let alloc = |who, size| unsafe {
        let _scope = SLOT.enter(who);
        heap.alloc(bytes(size))
    };
    let (falls, _stays) = (alloc(1, 300), alloc(2, 500));
    let before = heap.snapshot();
    // SAFETY: it was allocated so.
    unsafe { heap.dealloc(falls, bytes(300)) };
    alloc(3, 100);
    alloc(4, 50);
    alloc(5, 20);
    alloc(5, 30);
    let difference = heap.snapshot().difference(&before);
    let order: Vec<_> = difference.changes().iter().map(|row| (row.who.unwrap(), row.bytes, row.blocks)).collect();
    assert_eq!(order[..4], [(1, -300, -1), (3, 100, 1), (5, 50, 2), (4, 50, 1)]);
    assert_eq!(order[4..].iter().map(|row| row.1).collect::<Vec<_>>(), [0, 0]);
    let lines = difference.to_string();
    assert_eq!(
        lines.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>(),
        ["-300", "-1", "0", "0", "0x00000001"]
    );
    assert_eq!(lines.lines().count(), 5);
}

/// A block whose stamp the program has written over is freed all the same, and told.
#[test]
fn a_damaged_stamp_is_strange() {
    let heap = Observed::new(Small::<4096>::new(), Holders::<4>::new(|| 7));
    // SAFETY: what is written lies in the block's own granule and the next, which is the observer's; foreign addresses
    // are found by the heap.
    unsafe {
        let block = heap.alloc(bytes(16));
        block.add(16).write_bytes(0xff, 8);
        assert!(heap.try_dealloc(block, bytes(16)));
        let mut foreign = [0_u64; 8];
        assert!(!heap.try_dealloc(foreign.as_mut_ptr().cast(), bytes(16)));
        assert!(!heap.try_dealloc(core::ptr::without_provenance_mut(8), bytes(16)));
    }
    assert_eq!(heap.observer().strange(), 3);
}

/// Threads allocate and free each other's blocks, and one makes marks meanwhile: no count is lost.
#[test]
fn sums_are_right_after_threads_and_marks() {
    const THREADS: u32 = 4;
    static HEAP: Observed<Heap<{ 64 * 1024 }, Defaults, larder::policy::Spin>, Holders<8>> =
        Observed::new(Heap::new(), Holders::new(|| WHO.get()));
    thread_local! {
        static WHO: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
    }
    let rounds = if cfg!(miri) { 50 } else { 20_000 };
    std::thread::scope(|scope| {
        for who in 1..=THREADS {
            scope.spawn(move || {
                WHO.set(who);
                let mut random = fastrand::Rng::with_seed(u64::from(who));
                for _ in 0..rounds {
                    let layout = bytes(random.usize(1..200));
                    // SAFETY: the size is not zero; the block is freed once with its layout.
                    unsafe {
                        let block = HEAP.alloc(layout);
                        if !block.is_null() {
                            HEAP.dealloc(block, layout);
                        }
                    }
                    if who == 1 && random.u8(..50) == 0 {
                        HEAP.mark();
                    }
                }
                // SAFETY: the size is not zero.
                assert!(!unsafe { HEAP.alloc(bytes(who as usize * 10)) }.is_null());
            });
        }
    });
    let snapshot = HEAP.snapshot();
    for holder in snapshot.holders().iter().filter(|holder| holder.who != Some(0)) {
        assert_eq!(holder.live, Count { blocks: 1, bytes: holder.who.unwrap() as usize * 10 }, "{snapshot}");
    }
    assert_eq!((snapshot.holders().len(), HEAP.observer().strange()), (THREADS as usize + 1, 0));
}
