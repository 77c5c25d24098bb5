//! A small heap as the global allocator of a program with the standard library, its collections and its threads.
//!
//! One test: the harness allocates from the same heap, but not while it waits for the only test that it has.

#![cfg(not(loom))]

use larder::Small;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::mpsc::channel;
use std::thread::spawn;

/// The largest there is: should the test fail, what shows where takes megabytes.
#[global_allocator]
static HEAP: Small<{ 16 << 20 }> = Small::new();

#[test]
fn a_program_lives_on_it() {
    let text = String::from("no init call, nothing else to set");
    assert!(HEAP.contains(text.as_ptr()));
    let before = HEAP.stats();
    collections(300);
    threads();
    // A runtime's own first uses stay; what is asked for and given back over and over does not.
    let warm = HEAP.stats().live_bytes;
    (0..5).for_each(|_| {
        collections(300);
        threads();
    });
    let stats = HEAP.stats();
    assert!(stats.live_bytes <= warm, "{warm} bytes were live before: {stats}");
    assert_eq!((stats.wrong_frees, stats.refused), (before.wrong_frees, before.refused), "{stats}");
    assert_eq!(stats.wrong_frees, 0);
    exhaustion();
}

fn collections(count: u32) {
    let words: Vec<String> = (0..count).map(|number| format!("{:x}", number.wrapping_mul(0x9E37_79B9))).collect();
    let sorted: BTreeMap<&str, u32> = words.iter().map(String::as_str).zip(0..).collect();
    let hashed: HashMap<String, Vec<u32>> = words.iter().map(|word| (word.clone(), vec![1; word.len()])).collect();
    for (&word, &at) in &sorted {
        assert_eq!(words[at as usize], word);
        assert_eq!(hashed[word].len(), word.len());
    }
    let mut queue: VecDeque<Box<u64>> = (0..64).map(Box::new).collect();
    for _ in 0..1000 {
        let next = queue.pop_front().unwrap();
        queue.push_back(Box::new(*next + 1));
    }
    assert_eq!(queue.iter().map(|number| **number).sum::<u64>(), (0..64).sum::<u64>() + 1000);
}

/// What one thread builds, another takes apart.
fn threads() {
    let (send, receive) = channel::<Vec<String>>();
    let builders = (0..3).map(|thread| {
        let send = send.clone();
        spawn(move || (0..100).for_each(|round| send.send(vec![format!("{thread} {round}"); round % 9 + 1]).unwrap()))
    });
    let mut all: Vec<_> = builders.collect();
    drop(send);
    all.push(spawn(move || {
        let lists = receive.iter().inspect(|list| assert!(list.iter().all(|text| *text == list[0])));
        assert_eq!(lists.count(), 300);
    }));
    // Joined, so that all of a thread's own is freed as well: at the end of a scope, it may be about to.
    all.into_iter().for_each(|thread| thread.join().unwrap());
}

/// A request that can't be served is an error value, and all that was there stays.
fn exhaustion() {
    const LONG: usize = 1 << 20;
    let mut hoard = Vec::with_capacity(16);
    while Vec::<u8>::new().try_reserve_exact(LONG).is_ok() {
        hoard.push(vec![7_u8; LONG]);
    }
    let refused = HEAP.stats().refused;
    let (count, kept) = (hoard.len(), hoard.iter().flatten().all(|&byte| byte == 7));
    drop(hoard);
    assert!(count > 10 && kept && refused == 1, "{count} {kept} {refused}");
    HEAP.check().unwrap();
}
