//! The standard library's own collections.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, BinaryHeap, LinkedList, VecDeque};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::{String, ToString};
#[cfg(target_has_atomic = "ptr")]
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::{Random, Subject};

/// `alloc` has no `Arc` where there is no compare-and-swap. A box of `Rc` looks the same to the heap.
#[cfg(not(target_has_atomic = "ptr"))]
use alloc::rc::Rc as Arc;

pub fn vectors(heap: &dyn Subject) {
    let mut random = Random::new(1);
    let mut numbers: Vec<u32> = (0..300).map(|_| random.number()).collect();
    numbers.sort();
    assert!(numbers.is_sorted());
    heap.assert_sound();
    numbers.truncate(20);
    numbers.shrink_to_fit();
    heap.assert_sound();
    assert_eq!(numbers.len(), 20);
    assert!(numbers.is_sorted());
}

pub fn strings(heap: &dyn Subject) {
    let mut text = String::new();
    for number in 0..200 {
        text.push_str(&format!("{number},"));
    }
    let parts: Vec<String> = text.split_terminator(',').take(100).map(ToString::to_string).collect();
    heap.assert_sound();
    assert_eq!(parts.len(), 100);
    assert!(parts.iter().enumerate().all(|(index, part)| part.parse() == Ok(index)));
}

pub fn trees(heap: &dyn Subject) {
    let mut names: BTreeMap<u32, String> = (0..60).map(|key| (key * 7 % 60, key.to_string())).collect();
    heap.assert_sound();
    names.retain(|key, _| key % 3 == 0);
    heap.assert_sound();
    assert_eq!(names.len(), 20);
    let keys: BTreeSet<u32> = names.into_keys().collect();
    assert!(keys.iter().copied().eq((0..60).step_by(3)));
}

pub fn queues(heap: &dyn Subject) {
    let mut queue: VecDeque<Box<u32>> = VecDeque::new();
    let mut list: LinkedList<Box<u32>> = LinkedList::new();
    for number in 0..400 {
        queue.push_back(Box::new(number));
        if queue.len() > 50 {
            list.extend(queue.pop_front());
        }
        if list.len() > 30 {
            list.pop_front();
        }
    }
    heap.assert_sound();
    let mut largest_first: BinaryHeap<Box<u32>> = queue.into_iter().chain(list).collect();
    assert_eq!(largest_first.pop().as_deref(), Some(&399));
    assert_eq!(largest_first.len(), 79);
}

pub fn shared_boxes(heap: &dyn Subject) {
    let shared: Vec<Arc<[u8]>> = (1..40).map(|size| Arc::from(alloc::vec![size; usize::from(size)])).collect();
    let owners: Vec<Arc<[u8]>> = shared.iter().rev().cloned().collect();
    drop(shared);
    heap.assert_sound();
    assert!(owners.iter().all(|bytes| usize::from(bytes[0]) == bytes.len() && Arc::strong_count(bytes) == 1));
    let closures: Vec<Rc<dyn Fn() -> usize>> =
        (0..20_usize).map(|n| Rc::new(move || n) as Rc<dyn Fn() -> usize>).collect();
    assert_eq!(closures.iter().map(|closure| closure()).sum::<usize>(), 190);
}
