//! The uncompressed body of a trace: three columns, each compresses better alone than mixed.
//!
//! ```text
//! varint events | varint bytes of tags | varint bytes of sizes | tags | sizes | slots
//! tag:   bits 0..2 kind (0 alloc, 1 alloc_zeroed, 2 realloc, 3 dealloc), bits 2..8 log2 of the alignment (allocs only)
//! sizes: varint, the (new) size of every alloc and realloc
//! slots: zigzag varint, of every realloc and dealloc: the slot minus the slot of the event before
//! ```
//!
//! An alloc names no slot: it takes the slot freed last, else a new one.

use crate::{Event, Recorder};

const ALLOC: u8 = 0;
const ALLOC_ZEROED: u8 = 1;
const REALLOC: u8 = 2;
const DEALLOC: u8 = 3;

pub fn write(events: &[Event]) -> Vec<u8> {
    let (mut tags, mut sizes, mut slots) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = 0;
    for &event in events {
        match event {
            Event::Alloc { slot, size, align, zeroed } => {
                let kind = if zeroed { ALLOC_ZEROED } else { ALLOC };
                tags.push(kind | (align.trailing_zeros() as u8) << 2);
                put(&mut sizes, size);
                last = slot;
            }
            Event::Realloc { slot, new_size, .. } => {
                tags.push(REALLOC);
                put(&mut sizes, new_size);
                put(&mut slots, zigzag(slot.wrapping_sub(last)));
                last = slot;
            }
            Event::Dealloc { slot, .. } => {
                tags.push(DEALLOC);
                put(&mut slots, zigzag(slot.wrapping_sub(last)));
                last = slot;
            }
        }
    }
    let mut out = Vec::new();
    for length in [events.len(), tags.len(), sizes.len()] {
        put(&mut out, length as u32);
    }
    [out, tags, sizes, slots].concat()
}

/// Replays the columns into `recorder`; `None` if they are not consistent.
pub fn read(mut bytes: &[u8], recorder: &mut Recorder) -> Option<()> {
    let events = take(&mut bytes)?;
    let (tags_bytes, sizes_bytes) = (take(&mut bytes)? as usize, take(&mut bytes)? as usize);
    let (tags, rest) = bytes.split_at_checked(tags_bytes)?;
    let (mut sizes, mut slots) = rest.split_at_checked(sizes_bytes)?;
    let mut last = 0u32;
    (tags.len() == events as usize).then_some(())?;
    for &tag in tags {
        match tag & 3 {
            REALLOC => {
                last = last.wrapping_add(unzigzag(take(&mut slots)?));
                recorder.realloc_slot(last, take(&mut sizes)?)?;
            }
            DEALLOC => {
                last = last.wrapping_add(unzigzag(take(&mut slots)?));
                recorder.dealloc_slot(last)?;
            }
            kind => {
                last = recorder.alloc(take(&mut sizes)?, 1u32.checked_shl(u32::from(tag >> 2))?, kind == ALLOC_ZEROED)
            }
        }
    }
    Some(())
}

fn zigzag(difference: u32) -> u32 {
    let signed = difference.cast_signed();
    ((signed << 1) ^ (signed >> 31)).cast_unsigned()
}

fn unzigzag(code: u32) -> u32 {
    (code >> 1) ^ (code & 1).wrapping_neg()
}

/// Seven bits a byte, lowest first; the top bit says that more follow.
fn put(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u32> {
    let mut value = 0;
    for shift in (0..32).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u32::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_and_zigzag_come_back() {
        for value in [0, 1, 127, 128, 300, 1 << 20, u32::MAX - 1, u32::MAX] {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            assert_eq!(take(&mut bytes.as_slice()), Some(value));
            assert_eq!(unzigzag(zigzag(value)), value);
        }
    }
}
