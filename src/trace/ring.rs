//! A bounded queue of records: any number of contexts write, one reads.
//!
//! ```text
//!   words   0 │ header ┬ … │ header ┬ … ┬ … │ 0 ┬ w ┬ w │ 0 │ 0 │ 0
//!             └ tail       committed          reserved        └ head
//!             (reader)                        (being written)   (writers)
//! ```
//!
//! The protocol of the words, which everything here cites:
//!
//! | context | does | ordering, and what it pairs with |
//! |---|---|---|
//! | a writer | reserves: compare-exchange of `head` by the record's length, if so much is free | Acquire of `tail`: the words up to there are zero |
//! | | writes the words behind the first | Relaxed: the next step publishes them |
//! | | commits: writes the first word, the header, which is never zero | Release: pairs with the reader's load of the header |
//! | the reader | takes: loads the header at `tail`; if it is zero, nothing is committed there | Acquire: the other words are visible |
//! | | zeroes all words, then moves `tail` | Release: pairs with the writer's load of `tail` |
//!
//! A word between `tail` and `head` is zero until its writer has written it. `head` and `tail` count words and wrap;
//! places are their remainders. A record that is not committed hides what lies behind it until it is: its writer is in
//! the middle of the call, or was interrupted there.
//!
//! When there is no room, the event is counted in `lost` and its writer goes on. The next record that finds room takes
//! the count with it, in a record of its own in front: the gap stands where it was.
//!
//! | thread | interrupt handler | reader |
//! |---|---|---|
//! | reserves words 0..4 | | |
//! | | reserves 4..7, writes, commits | |
//! | | | finds word 0 zero: nothing yet |
//! | writes, commits | | |
//! | | | takes 0..4, then 4..7 |

use super::record::words_of;
use super::{Event, Origin, Record};
use crate::sync::{AtomicU32, Ordering::*, StoredU32};

/// The words of a queue that are not its storage. All zeros is its first value.
pub(crate) struct Ring {
    head: AtomicU32,
    tail: StoredU32,
    lost: AtomicU32,
    /// Whether a context reads.
    reading: AtomicU32,
}

impl Ring {
    #[cfg(not(all(test, loom)))]
    pub(crate) const fn new() -> Self {
        Self { head: AtomicU32::new(0), tail: StoredU32::new(0), lost: AtomicU32::new(0), reading: AtomicU32::new(0) }
    }

    #[cfg(all(test, loom))]
    pub(crate) fn new() -> Self {
        Self { head: AtomicU32::new(0), tail: StoredU32::new(0), lost: AtomicU32::new(0), reading: AtomicU32::new(0) }
    }

    /// Appends a record, or counts it as lost. `words` is as long as a power of two.
    ///
    /// Time: one compare-exchange, and one more for each context that wrote in between.
    #[inline]
    pub(crate) fn push(&self, words: &[StoredU32], record: &[u32]) -> bool {
        // Relaxed: a count that is seen too late goes with a later record.
        if self.lost.load(Relaxed) != 0 {
            return self.push_behind_gap(words, record);
        }
        let pushed = self.reserve(words, record.len()).map(|at| commit(words, at, record)).is_some();
        if !pushed {
            self.lose(1);
        }
        pushed
    }

    #[cold]
    #[inline(never)]
    fn push_behind_gap(&self, words: &[StoredU32], record: &[u32]) -> bool {
        let events = self.lost.swap(0, Relaxed);
        if events == 0 {
            return self.push(words, record);
        }
        let gap = Record::new(&Event::Gap { events }, Origin::NONE);
        let gap = gap.words();
        match self.reserve(words, gap.len() + record.len()) {
            Some(at) => {
                // The reader comes by the gap: it goes last.
                commit(words, at.wrapping_add(gap.len() as u32), record);
                commit(words, at, gap);
                true
            }
            None => {
                self.lose(events.saturating_add(1));
                false
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn lose(&self, events: u32) {
        self.lost.fetch_add(events, Relaxed);
    }

    #[inline]
    fn reserve(&self, words: &[StoredU32], len: usize) -> Option<u32> {
        let mut head = self.head.load(Relaxed);
        loop {
            // Acquire: pairs with the reader's release of `tail`. So the head is seen to be there at least, when it is loaded again.
            let used = head.wrapping_sub(self.tail.load(Acquire)) as usize;
            if used + len <= words.len() {
                match self.head.compare_exchange_weak(head, head.wrapping_add(len as u32), Relaxed, Relaxed) {
                    Ok(_) => return Some(head),
                    Err(seen) => head = seen,
                }
                continue;
            }
            // The reader may have gone past the head that was loaded, or there is no room.
            let seen = self.head.load(Relaxed);
            if seen == head {
                return None;
            }
            head = seen;
        }
    }

    /// Takes whole records, as many as fit, into `out`. Returns how many bytes.
    ///
    /// Time: O(bytes).
    pub(crate) fn read(&self, words: &[StoredU32], out: &mut [u8]) -> usize {
        // Acquire: pairs with the Release below.
        if self.reading.swap(1, Acquire) != 0 {
            return 0;
        }
        let mut len = 0;
        while let Some(bytes) = self.take(words, &mut out[len..]) {
            len += bytes;
        }
        // Release: pairs with the Acquire above: the next reader sees this one's tail.
        self.reading.store(0, Release);
        len
    }

    fn take(&self, words: &[StoredU32], out: &mut [u8]) -> Option<usize> {
        // Relaxed: only the reader writes it.
        let tail = self.tail.load(Relaxed);
        // Acquire: pairs with the Release in `commit`.
        let header = word(words, tail).load(Acquire);
        let Some(len) = words_of(header) else { return self.take_gap(tail, out) };
        let out = out.get_mut(..len * 4)?;
        for (offset, bytes) in (0..).zip(out.chunks_exact_mut(4)) {
            let word = word(words, tail.wrapping_add(offset));
            bytes.copy_from_slice(&word.load(Relaxed).to_le_bytes());
            word.store(0, Relaxed);
        }
        // Release: pairs with the Acquire in `reserve`.
        self.tail.store(tail.wrapping_add(len as u32), Release);
        Some(len * 4)
    }

    /// When all is read: what was lost since, of which no record tells yet.
    fn take_gap(&self, tail: u32, out: &mut [u8]) -> Option<usize> {
        let gap = |events| Record::new(&Event::Gap { events }, Origin::NONE);
        let out = out.get_mut(..gap(0).words().len() * 4)?;
        if self.head.load(Relaxed) != tail || self.lost.load(Relaxed) == 0 {
            return None;
        }
        let events = self.lost.swap(0, Relaxed);
        if events == 0 {
            return None;
        }
        for (bytes, word) in out.chunks_exact_mut(4).zip(gap(events).words()) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        Some(out.len())
    }

    /// How many events were lost and are not told yet.
    pub(crate) fn lost(&self) -> u32 {
        self.lost.load(Relaxed)
    }
}

#[inline]
fn word(words: &[StoredU32], at: u32) -> &StoredU32 {
    &words[at as usize & (words.len() - 1)]
}

/// Writes a record into words that were reserved for it.
#[inline]
fn commit(words: &[StoredU32], at: u32, record: &[u32]) {
    for (offset, &value) in (1..).zip(&record[1..]) {
        word(words, at.wrapping_add(offset)).store(value, Relaxed);
    }
    // Release: pairs with the Acquire in `take`.
    word(words, at).store(record[0], Release);
}
