//! Turns requests into events: gives out slots, remembers layouts, finds the peak.

use crate::{Event, Trace};
use std::collections::HashMap;

#[derive(Clone, Copy)]
struct Block {
    size: u32,
    align: u32,
}

/// Collects the requests of a running program.
#[derive(Default)]
pub struct Recorder {
    trace: Trace,
    live: Vec<Option<Block>>,
    /// Free slots; the last one is given out next.
    free: Vec<u32>,
    live_bytes: u64,
}

/// A record frees or resizes an address that no record allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownBlock {
    /// Index of the record.
    pub record: usize,
}

impl Recorder {
    /// A recorder that has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Records an allocation and gives it a slot.
    pub fn alloc(&mut self, size: u32, align: u32, zeroed: bool) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.live.push(None);
            self.live.len() as u32 - 1
        });
        self.live[slot as usize] = Some(Block { size, align });
        self.trace.events.push(Event::Alloc { slot, size, align, zeroed });
        self.count(0, size);
        slot
    }

    /// Records a resize.
    ///
    /// # Panics
    /// If `slot` is not live.
    pub fn realloc(&mut self, slot: u32, new_size: u32) {
        self.realloc_slot(slot, new_size).expect("realloc of a live slot");
    }

    /// Records a release.
    ///
    /// # Panics
    /// If `slot` is not live.
    pub fn dealloc(&mut self, slot: u32) {
        self.dealloc_slot(slot).expect("dealloc of a live slot");
    }

    pub(crate) fn realloc_slot(&mut self, slot: u32, new_size: u32) -> Option<()> {
        let block = self.live.get_mut(slot as usize)?.as_mut()?;
        let Block { size: old_size, align } = *block;
        block.size = new_size;
        self.trace.events.push(Event::Realloc { slot, old_size, align, new_size });
        self.count(old_size, new_size);
        Some(())
    }

    pub(crate) fn dealloc_slot(&mut self, slot: u32) -> Option<()> {
        let Block { size, align } = self.live.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        self.trace.events.push(Event::Dealloc { slot, size, align });
        self.count(size, 0);
        Some(())
    }

    fn count(&mut self, gone: u32, come: u32) {
        self.live_bytes = self.live_bytes - u64::from(gone) + u64::from(come);
        self.trace.peak_bytes = self.trace.peak_bytes.max(self.live_bytes);
    }

    /// The trace of everything recorded.
    #[must_use]
    pub fn finish(mut self) -> Trace {
        self.trace.slots = self.live.len() as u32;
        self.trace
    }

    /// Reads the records that the host took from the recording allocator: five words each, the kind (0 alloc,
    /// 1 alloc_zeroed, 2 realloc, 3 dealloc), the address, the size, the alignment, and the new address of a realloc.
    ///
    /// # Errors
    /// If an address is freed or resized that was not allocated before.
    pub fn from_records(records: impl Iterator<Item = [u32; 5]>) -> Result<Trace, UnknownBlock> {
        let mut recorder = Self::new();
        let mut slot_at = HashMap::new();
        for (record, [kind, address, size, align, new_address]) in records.enumerate() {
            match kind {
                0 | 1 => {
                    slot_at.insert(address, recorder.alloc(size, align, kind == 1));
                }
                2 => {
                    let slot = slot_at.remove(&address).ok_or(UnknownBlock { record })?;
                    recorder.realloc(slot, size);
                    slot_at.insert(new_address, slot);
                }
                _ => recorder.dealloc(slot_at.remove(&address).ok_or(UnknownBlock { record })?),
            }
        }
        Ok(recorder.finish())
    }
}
