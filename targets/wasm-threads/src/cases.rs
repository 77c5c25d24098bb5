//! What the host asks of larder besides.
#![cfg(any(feature = "larder", feature = "small"))]

use crate::HEAP;
use crate::block::Block;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// After everything was freed: nothing is live, nothing was freed wrongly, and what is free is one run in each extent.
#[unsafe(no_mangle)]
extern "C" fn verify_empty() {
    #[cfg(feature = "larder")]
    HEAP.trim();
    HEAP.check().unwrap();
    let stats = HEAP.stats();
    assert_eq!((stats.live_bytes, stats.wrong_frees, stats.deferred_bytes), (0, 0, 0), "{stats}");
    assert_eq!(stats.free_runs, extents(), "{stats}");
}

#[cfg(feature = "larder")]
#[unsafe(no_mangle)]
extern "C" fn pages_grown() -> u32 {
    HEAP.pages_grown()
}

#[unsafe(no_mangle)]
extern "C" fn extents() -> usize {
    #[cfg(feature = "larder")]
    return HEAP.extents();
    #[cfg(not(feature = "larder"))]
    1
}

/// Takes blocks of 16 bytes and more until the heap refuses one; all are verified before they are freed. Returns how many there were.
#[unsafe(no_mangle)]
extern "C" fn fill(stamp: u8, size: usize) -> u32 {
    // The blocks are a list by themselves: the heap has no room for another.
    let mut list = None;
    let mut count = 0;
    while let Some(block) = Block::new(size, stamp, true) {
        list = Some(block.linked(list));
        count += 1;
    }
    while let Some(block) = list {
        let (block, next) = block.unlinked(stamp);
        block.free(true);
        list = next;
    }
    count
}

/// Rust's own collections on the heap.
#[unsafe(no_mangle)]
extern "C" fn collections(count: u32) {
    let words: Vec<String> = (0..count).map(|number| format!("{}", number.wrapping_mul(0x9E37_79B9))).collect();
    let sorted: BTreeMap<&str, u32> = words.iter().map(String::as_str).zip(0..).collect();
    for (&word, &at) in &sorted {
        assert_eq!(words[at as usize], word);
    }
    assert_eq!(sorted.len(), words.len());
}
