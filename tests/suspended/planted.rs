//! A second free of a pooled block that is suspended before it sets its bit: the page may be nobody's by then. It is found when the page gets its
//! next class, and told.

use core::cell::RefCell;

use crate::arena::Arena;
use crate::config::{Config, Event};
use crate::sync::{Ordering::Relaxed, suspend};

/// An empty page goes to the stash at once.
struct Stashing;

impl Config for Stashing {
    const CLASSES: &'static [usize] = &[64, 128];
    const KEPT_PAGES: usize = 0;
    const STASH_PAGES: usize = 1;
    const ON_EVENT: Option<fn(Event)> = Some(|event| {
        if let Event::WrongFree(wrong) = event {
            TOLD.with_borrow_mut(|told| told.push(wrong.address));
        }
    });
}

thread_local! {
    static TOLD: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

#[test]
fn bits_that_a_wrong_free_has_planted_are_told() {
    let mut planted = 0;
    for at in 0.. {
        let arena = Arena::<Stashing>::new(8);
        let heap = arena.heap;
        let [first, second] = [heap.get(128).unwrap(), heap.get(128).unwrap()];
        heap.put(second, 128);
        let page = heap.page_of_block(first);
        // The page's last block is freed, so that the page goes to the stash.
        let is_suspended = suspend(vec![(at, Box::new(|| heap.put(first, 128)))], || heap.put(second, 128));
        if !is_suspended {
            break;
        }
        let before = heap.stats().wrong_frees;
        // The page's next class.
        while heap.get(64).is_some_and(|block| heap.page_of_block(block) != page) {}
        let told = TOLD.take();
        assert_eq!(told.len(), heap.stats().wrong_frees as usize, "not every wrong free was told");
        assert!(told.iter().all(|&address| address == second.addr()), "another address was told");
        planted += heap.stats().wrong_frees - before;
    }
    assert!(planted > 0, "no bit was planted");
}
