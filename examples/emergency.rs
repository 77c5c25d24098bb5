//! Surviving exhaustion: a cache that is dropped when memory runs out, and a reserve for the one thing that must not fail.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use larder::{Config, Emergency, Heap, OutOfMemory};

/// Pages that were rendered, by number: worth keeping, and easy to do without.
static CACHE: Mutex<Option<HashMap<usize, String>>> = Mutex::new(None);
/// For the last words: dropped only when there is no cache left.
static RESERVE: Mutex<Option<Box<[u8; 16 * 1024]>>> = Mutex::new(None);

static DROPS: AtomicUsize = AtomicUsize::new(0);
static RESERVE_IS_GONE: AtomicBool = AtomicBool::new(false);

/// Runs in the thread whose request is about to be refused, which may hold any of these locks: so it only tries.
fn make_room(request: OutOfMemory) -> Emergency {
    if CACHE.try_lock().is_ok_and(|mut cache| cache.take().is_some()) {
        DROPS.fetch_add(1, Relaxed);
        return Emergency::Retry;
    }
    // A request that no reserve can serve shall not cost us the reserve.
    if request.size_bytes <= 16 * 1024 && RESERVE.try_lock().is_ok_and(|mut reserve| reserve.take().is_some()) {
        RESERVE_IS_GONE.store(true, Relaxed);
        return Emergency::Retry;
    }
    Emergency::GiveUp
}

struct Thrifty;

impl Config for Thrifty {
    const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(make_room);
}

#[global_allocator]
static HEAP: Heap<{ 512 * 1024 }, Thrifty> = Heap::new();

fn page(number: usize) -> String {
    if let Some(page) = CACHE.lock().unwrap().as_ref().and_then(|cache| cache.get(&number)) {
        return page.clone();
    }
    let page = format!("page {number}\n").repeat(400);
    let copy = page.clone();
    // With the lock held there is nobody to drop the cache: what is allocated here is little.
    CACHE.lock().unwrap().get_or_insert_default().insert(number, copy);
    page
}

fn main() {
    *RESERVE.lock().unwrap() = Some(Box::new([0; 16 * 1024]));

    let bytes: usize = (0..1000).map(|number| page(number).len()).sum();
    println!("rendered {bytes} bytes through a cache in {} bytes of heap", HEAP.stats().arena_bytes);
    println!("the cache was dropped {} times\n\n{}", DROPS.load(Relaxed), HEAP.stats());
    assert!(DROPS.load(Relaxed) > 5);
    assert!(!RESERVE_IS_GONE.load(Relaxed));

    // What can't be served in any case is refused, after the cache was tried.
    assert!(Vec::<u8>::new().try_reserve_exact(600 * 1024).is_err());
    assert!(CACHE.lock().unwrap().is_none());
    assert!(!RESERVE_IS_GONE.load(Relaxed));

    // And when really everything is gone, there is room for a last report.
    let mut hoard: Vec<Vec<u8>> = Vec::with_capacity(1000);
    while !RESERVE_IS_GONE.load(Relaxed) {
        hoard.push(vec![1; 4096]);
    }
    println!("last words: {} blocks of 4 KiB, and then the reserve was needed", hoard.len());
    drop(hoard);
    assert_eq!(HEAP.check(), Ok(()));
}
