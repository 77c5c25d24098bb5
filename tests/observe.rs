//! A heap that is observed: what the observer is told, what it may add and refuse, and what of it is in a program that
//! has none.

use larder::observe::{Live, Observed, Observer, Slot, Traced};
use larder::policy::Try;
use larder::trace::{Event, Origin, Trace, decode};
use larder::{Defaults, Heap, Inspect, Region, Small};
use std::alloc::{GlobalAlloc, Layout};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

/// Random calls, of which some are refused and some wrong: live bytes and their peak are those of the blocks.
fn counts_what_is_live<H: Inspect>(heap: &Observed<H, Live>) {
    let mut random = fastrand::Rng::with_seed(7);
    let mut live: Vec<(*mut u8, usize)> = Vec::new();
    let (mut now, mut peak, mut refused) = (0, 0, 0);
    for _ in 0..3000 {
        let size = if random.bool() { random.usize(1..=64) } else { random.usize(65..900) };
        // SAFETY: no size is zero; blocks are live, with these sizes, but for one that is freed twice.
        unsafe {
            match random.u8(..8) {
                0..=3 => {
                    let block = heap.alloc(bytes(size));
                    if block.is_null() {
                        refused += 1;
                    } else {
                        live.push((block, size));
                        now += size;
                    }
                }
                4 if !live.is_empty() => {
                    let at = random.usize(..live.len());
                    let (block, old) = live[at];
                    let moved = heap.realloc(block, bytes(old), size);
                    if !moved.is_null() {
                        live[at] = (moved, size);
                        now = now - old + size;
                    }
                }
                _ if !live.is_empty() => {
                    let (block, size) = live.swap_remove(random.usize(..live.len()));
                    heap.dealloc(block, bytes(size));
                    heap.dealloc(block, bytes(size));
                    now -= size;
                }
                _ => {}
            }
        }
        peak = peak.max(now);
        assert_eq!((heap.observer().bytes(), heap.observer().peak_bytes()), (now, peak));
    }
    assert!(refused > 10 && heap.stats().wrong_frees > 100);
    heap.check().unwrap();
}

#[test]
fn live_bytes_are_counted_exactly() {
    static HEAP: Observed<Heap<{ 8 * 1024 }, Defaults, Try>, Live> = Observed::new(Heap::new(), Live::new());
    static SMALL: Observed<Small<{ 8 * 1024 }>, Live> = Observed::new(Small::new(), Live::new());
    counts_what_is_live(&HEAP);
    counts_what_is_live(&SMALL);
    let region: Region<Defaults, Try> = Region::new();
    for _ in 0..2 {
        let memory = Box::leak(vec![0_u8; 4096].into_boxed_slice());
        // SAFETY: the memory is nobody else's, for ever.
        unsafe { region.claim(memory.as_mut_ptr(), memory.len()) }.unwrap();
    }
    counts_what_is_live(&Observed::new(region, Live::new()));
}

/// A red zone of 8 bytes behind every block, which holds the block's address; a free whose zone was written to is
/// refused.
#[derive(Default)]
struct RedZone {
    damaged: Mutex<Vec<usize>>,
}

impl RedZone {
    /// # Safety
    ///
    /// The extra bytes are the block's.
    unsafe fn paint(block: *mut u8, extra: *mut u8) {
        // SAFETY: 8 bytes, aligned, by the caller's contract.
        unsafe { extra.cast::<u64>().write(block.addr() as u64) };
    }

    fn is_whole(&self, block: *mut u8, extra: *mut u8) -> bool {
        // SAFETY: the tests free no wrong addresses.
        let whole = unsafe { extra.cast::<u64>().read() } == block.addr() as u64;
        if !whole {
            self.damaged.lock().unwrap().push(block.addr());
        }
        whole
    }
}

impl Observer for RedZone {
    const EXTRA_BYTES: usize = 8;

    unsafe fn allocated(&self, block: *mut u8, _: Layout, extra: *mut u8) {
        // SAFETY: the block is new.
        unsafe { Self::paint(block, extra) };
    }

    unsafe fn may_free(&self, block: *mut u8, _: Layout, extra: *mut u8) -> bool {
        self.is_whole(block, extra)
    }

    unsafe fn may_resize(&self, block: *mut u8, _: Layout, _: usize, extra: *mut u8) -> bool {
        self.is_whole(block, extra)
    }

    unsafe fn resized(&self, block: *mut u8, _: Layout, new: *mut u8, _: usize, extra: *mut u8) {
        // SAFETY: the block has its new size, or the old one.
        unsafe {
            match new.is_null() {
                true => Self::paint(block, extra),
                false => Self::paint(new, extra),
            }
        }
    }
}

#[test]
fn an_observer_has_bytes_behind_each_block_and_may_keep_a_block() {
    let heap = Observed::new(Small::<{ 16 * 1024 }>::new(), RedZone::default());
    // SAFETY: no size is zero; what is written lies in the block, or in its red zone; blocks are freed with their sizes.
    unsafe {
        for size in [1, 7, 8, 30, 64, 65, 500] {
            let block = heap.alloc_zeroed(bytes(size));
            assert!(heap.usable_size(block) >= size);
            block.write_bytes(0xAA, size.next_multiple_of(8));
            let moved = heap.realloc(block, bytes(size), size + 100);
            assert!(!moved.is_null());
            moved.write_bytes(0xAA, (size + 100).next_multiple_of(8));
            assert!(heap.try_dealloc(moved, bytes(size + 100)));
        }
        assert_eq!((heap.stats().live_bytes, heap.observer().damaged.lock().unwrap().len()), (0, 0));
        let block = heap.alloc(bytes(24));
        block.add(24).write(0);
        assert!(!heap.try_dealloc(block, bytes(24)) && heap.realloc(block, bytes(24), 100).is_null());
        assert_eq!(*heap.observer().damaged.lock().unwrap(), [block.addr(); 2]);
    }
    assert_eq!((heap.stats().live_bytes, heap.stats().wrong_frees), (32, 0));
}

#[test]
fn a_request_that_no_layout_can_hold_is_refused() {
    let heap = Observed::new(Small::<4096>::new(), RedZone::default());
    let largest = Layout::from_size_align(isize::MAX as usize - 7, 8).unwrap();
    // SAFETY: no size is zero; the block is live.
    unsafe {
        assert!(heap.alloc(largest).is_null());
        let block = heap.alloc(bytes(8));
        assert!(heap.realloc(block, bytes(8), largest.size()).is_null());
        assert!(heap.try_dealloc(block, bytes(8)));
    }
}

/// Reads a whole trace: its events and their tags.
fn decoded<const WORDS: usize>(trace: &Trace<WORDS>) -> Vec<(Event, Option<u32>)> {
    let (mut bytes, mut events) = (vec![0; 64 * 1024], Vec::new());
    let len = trace.read(&mut bytes);
    let mut rest = &bytes[..len];
    while !rest.is_empty() {
        let (record, used) = decode(rest).unwrap();
        events.push((record.event.unwrap(), record.origin.tag));
        rest = &rest[used..];
    }
    events
}

#[test]
fn a_trace_has_every_call_with_its_tag() {
    static SLOT: Slot = Slot::new();
    static HEAP: Observed<Heap<4096, Defaults, Try>, Traced<1024>> =
        Observed::new(Heap::new(), Traced::new(|| Origin { tag: SLOT.current(), ..Origin::NONE }));
    let net = SLOT.enter(7);
    // SAFETY: no size is zero; blocks are freed once with their sizes, but for a second free, which the heap finds.
    let (block, moved) = unsafe {
        let block = HEAP.alloc(bytes(24));
        let inner = SLOT.enter(9);
        let moved = HEAP.realloc(block, bytes(24), 300);
        assert!(HEAP.alloc(bytes(5000)).is_null() && HEAP.realloc(moved, bytes(300), 6000).is_null());
        drop(inner);
        HEAP.dealloc(moved, bytes(300));
        drop(net);
        HEAP.dealloc(moved, bytes(300));
        (block.addr(), moved.addr())
    };
    let freed = Event::Free { address: moved, size_bytes: 300, align_bytes: 8 };
    let expected = [
        (Event::Alloc { address: block, size_bytes: 24, align_bytes: 8 }, Some(7)),
        (
            Event::Realloc { address: moved, size_bytes: 300, old_address: block, old_bytes: 24, align_bytes: 8 },
            Some(9),
        ),
        (Event::Refused { size_bytes: 5000, align_bytes: 8, old_address: 0 }, Some(9)),
        (Event::Refused { size_bytes: 6000, align_bytes: 8, old_address: moved }, Some(9)),
        (freed, Some(7)),
        (freed, None),
        (Event::WrongFree { address: moved, reason: 31 }, None),
    ];
    assert_eq!(decoded(HEAP.observer().trace()), expected);
}

/// Two tasks take turns; each has its own tag whenever it runs, and none is left behind.
#[test]
fn a_future_has_its_tag_whenever_it_is_polled() {
    static SLOT: Slot = Slot::new();

    /// Looks at the tag, and lets others run.
    async fn looks(expected: u32) {
        for _ in 0..3 {
            assert_eq!(SLOT.current(), Some(expected));
            let mut is_first = true;
            std::future::poll_fn(|_| match std::mem::take(&mut is_first) {
                true => Poll::Pending,
                false => Poll::Ready(()),
            })
            .await;
        }
    }
    let mut tasks = [1, 2].map(|tag| Box::pin(SLOT.future(tag, looks(tag))));
    let mut context = Context::from_waker(Waker::noop());
    let mut polls = 0;
    while tasks.iter_mut().map(|task| task.as_mut().poll(&mut context)).filter(Poll::is_pending).count() != 0 {
        assert_eq!(SLOT.current(), None);
        polls += 1;
    }
    assert_eq!(polls, 3);
}
