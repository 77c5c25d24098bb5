//! So many threads do the same at once: how long it takes.

use std::alloc::Layout;
use std::hint::spin_loop;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// As many as are ever measured.
pub const THREADS_MAX: usize = 4;

/// For all threads together.
const ARENA_BYTES: usize = 15 << 20;
const ARENA_ALIGN: usize = 1 << 20;

/// Memory for the heaps, one after the other.
pub struct Arena(NonNull<[u8]>);

// SAFETY: lending it is unsafe, and says what has to hold.
unsafe impl Sync for Arena {}

impl Arena {
    /// Every byte has been written, so that no heap pays for the first touch.
    pub fn new() -> Self {
        let layout = Layout::from_size_align(ARENA_BYTES, ARENA_ALIGN).expect("a layout");
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { std::alloc::alloc(layout) }).expect("memory for the arena");
        // SAFETY: the block is as large.
        unsafe { start.write_bytes(0xa5, ARENA_BYTES) };
        Self(NonNull::slice_from_raw_parts(start, ARENA_BYTES))
    }

    /// # Safety
    /// No heap that was started on it is used any more.
    pub unsafe fn lend(&self) -> NonNull<[u8]> {
        self.0
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        let layout = Layout::from_size_align(ARENA_BYTES, ARENA_ALIGN).expect("a layout");
        // SAFETY: as it was allocated.
        unsafe { std::alloc::dealloc(self.0.cast().as_ptr(), layout) }
    }
}

/// Runs `work` in so many threads, told their number; from the first one's start to the last one's end.
pub fn together(threads: usize, work: impl Fn(usize) + Sync) -> Duration {
    let ready = AtomicUsize::new(0);
    let run = |number| {
        ready.fetch_add(1, Ordering::Relaxed);
        let mut looks = 0_u32;
        while ready.load(Ordering::Relaxed) < threads {
            looks += 1;
            // A thread that yields comes back late; one that never does keeps the last thread from starting, where
            // cores are few.
            if looks.is_multiple_of(1 << 14) { thread::yield_now() } else { spin_loop() }
        }
        let begin = Instant::now();
        work(number);
        (begin, Instant::now())
    };
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|number| scope.spawn(move || run(number))).collect();
        running.into_iter().map(|thread| thread.join().expect("the allocator keeps its contract")).collect()
    });
    let begin = times.iter().map(|time| time.0).min().expect("a thread");
    let end = times.iter().map(|time| time.1).max().expect("a thread");
    end - begin
}
