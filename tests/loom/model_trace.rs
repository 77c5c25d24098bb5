//! The queue of a trace's records.

use crate::sync::StoredU32;
use crate::trace::ring::Ring;
use crate::trace::{Event, Origin, Record, decode};
use crate::{model, tick};
use loom::thread::spawn;
use std::sync::Arc;

/// A queue, and what was read of it.
struct Queue<const WORDS: usize> {
    ring: Ring,
    words: [StoredU32; WORDS],
}

/// A record of two words.
fn record(number: usize) -> Record {
    Record::new(&Event::WrongFree { address: number, reason: 1 }, Origin::NONE)
}

impl<const WORDS: usize> Queue<WORDS> {
    fn new() -> Self {
        Self { ring: Ring::new(), words: core::array::from_fn(|_| StoredU32::new(0)) }
    }

    fn push(&self, number: usize) -> bool {
        tick();
        self.ring.push(&self.words, record(number).words())
    }

    /// What can be read now: numbers, and how many are missing. Every record is whole.
    fn read(&self) -> (Vec<usize>, u32) {
        tick();
        let mut out = [0; 64];
        let len = self.ring.read(&self.words, &mut out);
        let (mut at, mut numbers, mut missing) = (0, vec![], 0);
        while at < len {
            let (decoded, bytes) = decode(&out[at..len]).expect("a record that is whole");
            at += bytes;
            match decoded.event {
                Some(Event::WrongFree { address, .. }) => numbers.push(address),
                Some(Event::Gap { events }) => missing += events,
                other => panic!("{other:?}"),
            }
        }
        (numbers, missing)
    }
}

/// Each record arrives once and whole, or is counted.
fn finish<const WORDS: usize>(queue: &Queue<WORDS>, mut seen: Vec<usize>, mut missing: u32, pushed: usize) {
    let (numbers, lost) = queue.read();
    seen.extend(numbers);
    missing += lost;
    assert_eq!(seen.len() + missing as usize, pushed, "{seen:?}");
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len() + missing as usize, pushed, "a record arrived twice: {seen:?}");
    assert_eq!(queue.read(), (vec![], 0));
}

/// Two contexts write while one reads. Proves: no record is read before it is complete, and none is lost untold.
#[test]
fn writers_against_the_reader() {
    model(2, || {
        let queue = Arc::new(Queue::<8>::new());
        let writers = [1, 2].map(|number| {
            let queue = queue.clone();
            spawn(move || assert!(queue.push(number), "there is room"))
        });
        let (seen, missing) = queue.read();
        for writer in writers {
            writer.join().unwrap();
        }
        finish(&queue, seen, missing, 2);
    });
}

/// The words of a full queue are used again while they are read. Proves: the reader's zeros never cover a new record.
#[test]
fn words_are_used_again() {
    model(3, || {
        let queue = Arc::new(Queue::<4>::new());
        assert!(queue.push(1) && queue.push(2));
        let writer = {
            let queue = queue.clone();
            spawn(move || (queue.push(3), queue.push(4)))
        };
        let (seen, missing) = queue.read();
        writer.join().unwrap();
        finish(&queue, seen, missing, 4);
    });
}
