//! A configuration of one's own: classes that fit the program, pages that only a handler's class can have, and a hook that
//! sees what goes wrong.

use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::Relaxed};

use larder::{Config, Event, Heap, Reason, WrongFree};

/// For a program of radio frames (at most 48 bytes) and short keys.
struct Radio;

impl Config for Radio {
    const CLASSES: &'static [usize] = &[8, 16, 48, 96];
    /// Two pages of five frames each: so many the handler can have, whatever the rest of the program does.
    const RESERVED: &'static [(usize, usize)] = &[(48, 2)];
    const KEPT_PAGES: usize = 2;
    const STASH_PAGES: usize = 1;

    /// A hook must not unwind, and should be short: it may run in an interrupt handler. Atomics are all it needs.
    const ON_EVENT: Option<fn(Event)> = Some(|event| match event {
        Event::Refused { size_bytes, .. } => {
            REFUSED.fetch_add(1, Relaxed);
            LARGEST_REFUSED.fetch_max(size_bytes, Relaxed);
        }
        Event::WrongFree(WrongFree { reason: Reason::Double, .. }) => {
            DOUBLE_FREES.fetch_add(1, Relaxed);
        }
        _ => {}
    });
}

static HEAP: Heap<{ 16 * 1024 }, Radio> = Heap::new();
static REFUSED: AtomicU32 = AtomicU32::new(0);
static LARGEST_REFUSED: AtomicUsize = AtomicUsize::new(0);
static DOUBLE_FREES: AtomicU32 = AtomicU32::new(0);

fn main() {
    let frame = Layout::new::<[u8; 48]>();
    let hog = Layout::new::<[u8; 512]>();
    // SAFETY: sizes are not zero; blocks are freed with their layouts. One is freed twice on purpose: it is still
    // free then, which the heap finds, counts and tells the hook.
    unsafe {
        let mut hogs = Vec::new();
        while let Some(block) = Some(HEAP.alloc(hog)).filter(|block| !block.is_null()) {
            hogs.push(block);
        }
        println!("{} hogs have taken all there was", hogs.len());
        let frames: [_; 10] = std::array::from_fn(|_| HEAP.alloc(frame));
        assert!(frames.iter().all(|frame| !frame.is_null()), "the reserved pages serve the handler");
        println!("and {} frames still found room", frames.len());

        frames.iter().for_each(|&block| HEAP.dealloc(block, frame));
        HEAP.dealloc(frames[0], frame);
        hogs.iter().for_each(|&block| HEAP.dealloc(block, hog));
    }
    println!(
        "the hook saw {} refusals, the largest of {} bytes, and {} double frees\n",
        REFUSED.load(Relaxed),
        LARGEST_REFUSED.load(Relaxed),
        DOUBLE_FREES.load(Relaxed)
    );
    assert_eq!((REFUSED.load(Relaxed), DOUBLE_FREES.load(Relaxed)), (1, 1));
    HEAP.trim();
    println!("{}", HEAP.stats());
    assert_eq!(HEAP.check(), Ok(()));
}
