//! A home for each thread: what a program on a host would write.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder::Config;

/// Threads take turns as they come.
pub struct Homes;

/// So many threads have a number by now.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// This thread's number, and one more; 0 before it has one.
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

impl Config for Homes {
    #[inline(always)]
    fn home() -> usize {
        match NUMBER.get() {
            0 => number_this_thread(),
            number => number,
        }
    }
}

#[cold]
fn number_this_thread() -> usize {
    // Relaxed: orders nothing. Never 0.
    NUMBER.set(THREADS.fetch_add(1, Ordering::Relaxed) % 1024 + 1);
    NUMBER.get()
}
