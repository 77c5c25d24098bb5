//! Break it: what programs must not do, or can't have, and what larder says to it. Each returns lines of plain words.

use crate::lab::Lab;
use crate::runner::layout;
use crate::subjects::Subject;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use larder::{Config, Event};
use spin::Mutex;

/// Bytes of the block that is freed wrongly.
const BLOCK: u32 = 48;
/// Bytes of the blocks that leak.
pub const LEAKED: u32 = 40;
/// How many calls show that the heap goes on.
const CALLS_AFTER: u32 = 1000;
/// How many events are remembered.
const EVENTS: usize = 64;

static HEARD: Mutex<Vec<Event>> = Mutex::new(Vec::new());

/// A configuration that listens to what larder reports.
pub struct Watched;

impl Config for Watched {
    const ON_EVENT: Option<fn(Event)> = Some(|event| {
        if let Event::WrongFree(_) | Event::Refused { .. } = event {
            let mut heard = HEARD.lock();
            heard.truncate(EVENTS - 1);
            heard.push(event);
        }
    });
}

/// What the buttons hold.
#[derive(Default)]
pub struct Held {
    hoard: Vec<(*mut u8, u32)>,
    leaked: Vec<*mut u8>,
}

impl Held {
    pub fn bytes(&self) -> u32 {
        self.hoard.iter().map(|(_, bytes)| bytes).sum::<u32>() + self.leaked.len() as u32 * LEAKED
    }
}

/// What larder has said since the last time, in words; offsets instead of addresses.
fn said(lab: &Lab) -> Vec<String> {
    let events = core::mem::take(&mut *HEARD.lock());
    events
        .into_iter()
        .map(|event| match event {
            Event::WrongFree(wrong) => {
                let words = format!("{wrong}");
                let words =
                    words.split_once("0x").and_then(|(_, rest)| rest.split_once(' ')).map_or("", |(_, words)| words);
                let offset = wrong.address.wrapping_sub(lab.runner.arena.start().addr());
                let place = if offset < lab.runner.arena.bytes() {
                    format!("arena + {offset:#x}")
                } else {
                    String::from("an address elsewhere")
                };
                format!("larder: wrong free: {place} {words}")
            }
            Event::Refused { size_bytes, .. } => format!("larder: refused {size_bytes} bytes"),
            _ => String::new(),
        })
        .collect()
}

fn forget() {
    HEARD.lock().clear();
}

impl Lab {
    /// Frees a block twice.
    pub fn double_free(&mut self) -> Vec<String> {
        forget();
        let Some(block) = self.block() else { return alloc::vec![full()] };
        let offset = self.runner.arena.offset_of(block);
        // SAFETY: the first free is right. The second breaks the contract on purpose; larder finds it without
        // touching the block.
        unsafe {
            self.runner.subject.dealloc(block, layout(BLOCK));
            self.runner.subject.dealloc(block, layout(BLOCK));
        }
        let mut lines = alloc::vec![format!("The demo freed {BLOCK} bytes at arena + {offset:#x}, and then again.")];
        lines.extend(said(self));
        lines.push(self.go_on());
        lines
    }

    /// Frees the middle of a block, an odd address and one of another memory.
    pub fn wrong_pointers(&mut self) -> Vec<String> {
        forget();
        let Some(block) = self.block() else { return alloc::vec![full()] };
        let offset = self.runner.arena.offset_of(block);
        let mut elsewhere = 0u64;
        for pointer in [block.wrapping_add(8), block.wrapping_add(3), (&raw mut elsewhere).cast()] {
            // SAFETY: this breaks the contract on purpose; larder finds it without touching a block.
            unsafe { self.runner.subject.dealloc(pointer, layout(BLOCK)) };
        }
        let mut lines = alloc::vec![format!(
            "Of the block at arena + {offset:#x}, the demo freed the address 8 bytes behind its start, then 3 bytes behind; then one outside of the heap."
        )];
        lines.extend(said(self));
        // SAFETY: the block is live, and this is its layout.
        unsafe { self.runner.subject.dealloc(block, layout(BLOCK)) };
        lines.push(self.go_on());
        lines
    }

    /// Takes all that is free, in ever smaller blocks; or gives it back.
    pub fn exhaust(&mut self, take: bool) -> Vec<String> {
        forget();
        if !take {
            let blocks = self.breaks.hoard.len();
            for (block, bytes) in core::mem::take(&mut self.breaks.hoard) {
                // SAFETY: the block is live, and this is its layout.
                unsafe { self.runner.subject.dealloc(block, layout(bytes)) };
            }
            return alloc::vec![format!("The demo gave {} back.", plural(blocks, "block")), self.go_on()];
        }
        let mut bytes = self.runner.arena.bytes() as u32;
        while bytes >= 8 {
            // SAFETY: the size is not zero.
            let block = unsafe { self.runner.subject.alloc(layout(bytes)) };
            if block.is_null() {
                // Of small sizes, every class may have something left.
                bytes = if bytes > 128 { bytes / 2 } else { bytes - 8 };
            } else {
                self.breaks.hoard.push((block, bytes));
            }
        }
        let sum: u32 = self.breaks.hoard.iter().map(|(_, bytes)| bytes).sum();
        let mut lines = alloc::vec![format!(
            "The demo took {} in {}, until not even 8 were left.",
            plural(sum as usize, "byte"),
            plural(self.breaks.hoard.len(), "block")
        )];
        lines.extend(said(self).pop());
        lines.push(self.verdict());
        lines
    }

    /// Forgets so many new blocks.
    pub fn leak(&mut self, blocks: u32) {
        for _ in 0..blocks {
            // SAFETY: the size is not zero.
            let block = unsafe { self.runner.subject.alloc(layout(LEAKED)) };
            if !block.is_null() {
                self.breaks.leaked.push(block);
            }
        }
    }

    /// Finds them again.
    pub fn mend(&mut self) -> Vec<String> {
        let leaked = core::mem::take(&mut self.breaks.leaked);
        let blocks = leaked.len();
        for block in leaked {
            // SAFETY: the block is live, and this is its layout.
            unsafe { self.runner.subject.dealloc(block, layout(LEAKED)) };
        }
        alloc::vec![
            format!("The demo freed {} of {LEAKED} bytes that it had forgotten.", plural(blocks, "block")),
            self.go_on()
        ]
    }

    pub fn leaked(&self) -> u32 {
        self.breaks.leaked.len() as u32
    }

    fn block(&mut self) -> Option<*mut u8> {
        // SAFETY: the size is not zero.
        let block = unsafe { self.runner.subject.alloc(layout(BLOCK)) };
        (!block.is_null()).then_some(block)
    }

    /// Some more calls of the programs, and what the heap's own check says.
    fn go_on(&mut self) -> String {
        let calls = self.run(CALLS_AFTER);
        match calls {
            0 => self.verdict(),
            _ => format!("Then {} of the programs. {}", plural(calls as usize, "more call"), self.verdict()),
        }
    }

    fn verdict(&self) -> String {
        let damaged = self.runner.counts.damaged;
        match self.runner.subject.0.check() {
            Ok(()) => format!("larder's check: every invariant holds; blocks damaged: {damaged}."),
            Err(error) => format!("larder's check: {error}; blocks damaged: {damaged}."),
        }
    }
}

/// 1 → "1 block"
fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

fn full() -> String {
    format!("Not even {BLOCK} bytes are free for this: give some back first.")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test, because all labs report to the same place.
    #[test]
    fn larder_says_what_was_wrong_and_goes_on() {
        let mut lab = Lab::new(64 * 1024, 5);
        lab.mixer.set_weight(1, 1);
        lab.mixer.set_fill(50);
        lab.run(5000);
        let lines = lab.double_free().join("\n");
        assert!(lines.contains("is free already") && lines.contains("every invariant holds"), "{lines}");
        let lines = lab.wrong_pointers().join("\n");
        assert_eq!(lines.matches("is not the start of a block").count(), 2, "{lines}");
        assert_eq!(lines.matches("is not in this heap").count(), 1, "{lines}");
        assert_eq!(lab.stats().wrong_frees, 4);
        let lines = lab.exhaust(true).join("\n");
        assert!(lines.contains("refused 8 bytes"), "{lines}");
        let refused = lab.stats().refused;
        assert!(lab.double_free()[0].contains("Not even"));
        let lines = lab.exhaust(false).join("\n");
        assert!(lines.contains("1000 more calls"), "{lines}");
        assert!(lab.stats().refused > refused && lab.stats().free_bytes > 20_000);
        lab.leak(100);
        assert_eq!(lab.leaked(), 100);
        assert!(lab.mend()[0].contains("100 blocks of 40 bytes"));
        assert_eq!(lab.runner.counts.damaged, 0);

        lab.mend();
        lab.leak(1);
        assert!(lab.mend()[0].contains("freed 1 block of 40 bytes"));
        // A heap in which one block is free.
        while lab.block().is_some() {}
        lab.exhaust(true);
        let (block, bytes) = lab.breaks.hoard.pop().unwrap();
        // SAFETY: the block is live, and this is its layout.
        unsafe { lab.runner.subject.dealloc(block, layout(bytes)) };
        lab.breaks.hoard.clear();
        let lines = lab.exhaust(true).join("\n");
        assert!(lines.contains(" in 1 block, until"), "{lines}");
        assert!(lab.exhaust(false)[0].contains("gave 1 block back"));
    }
}
