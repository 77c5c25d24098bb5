//! Reads and writes the allocation traces of `benches/traces`; the README there describes the format.
//!
//! ```text
//! host records ──► Recorder ──► Trace ──► encode ──► NAME.trace ──► decode ──► Trace ──► replayers
//! (addresses)      (slots)
//! ```
//!
//! A trace names blocks by *slot*, not by address: the slot freed last is the next one given out, so a replayer
//! keeps one small table and never searches.

mod columns;
mod record;

pub use record::{Recorder, UnknownBlock};

/// Version of the format, in the last byte of the magic number.
const MAGIC: [u8; 4] = *b"LTR1";

/// One request of the recorded program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// `alloc`, or `alloc_zeroed` if `zeroed`. `slot` is free before and live after.
    Alloc { slot: u32, size: u32, align: u32, zeroed: bool },
    /// `realloc` of the live block in `slot`, whose layout is (`old_size`, `align`).
    Realloc { slot: u32, old_size: u32, align: u32, new_size: u32 },
    /// `dealloc` of the live block in `slot`, whose layout is (`size`, `align`).
    Dealloc { slot: u32, size: u32, align: u32 },
}

/// The requests of one run of a program, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The requests. Blocks that are live at the end were never freed by the program.
    pub events: Vec<Event>,
    /// Slots that the events use: the most blocks that were live at a time.
    pub slots: u32,
    /// The most bytes that were live at a time, as requested; a `realloc` counts as its new size only.
    pub peak_bytes: u64,
}

/// Why bytes are not a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The file does not begin with the magic number of this version.
    NotATrace,
    /// The compressed stream is damaged.
    Damaged,
    /// An event names a slot that is not live, or a column ends early.
    Inconsistent,
}

impl core::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::NotATrace => "not an allocation trace of this version",
            Self::Damaged => "the compressed stream is damaged",
            Self::Inconsistent => "an event names a block that is not live, or the file ends early",
        })
    }
}

impl std::error::Error for DecodeError {}

impl Trace {
    /// The bytes of a trace file. Time: O(events).
    pub fn encode(&self) -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend(miniz_oxide::deflate::compress_to_vec(&columns::write(&self.events), 10));
        file
    }

    /// Reads a trace file and recomputes its slots and its peak. Time: O(events).
    ///
    /// # Errors
    /// If the bytes are no trace, are damaged, or free a block twice.
    pub fn decode(file: &[u8]) -> Result<Self, DecodeError> {
        let packed = file.strip_prefix(&MAGIC).ok_or(DecodeError::NotATrace)?;
        let bytes = miniz_oxide::inflate::decompress_to_vec(packed).map_err(|_| DecodeError::Damaged)?;
        let mut recorder = Recorder::new();
        columns::read(&bytes, &mut recorder).ok_or(DecodeError::Inconsistent)?;
        Ok(recorder.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Trace {
        let mut recorder = Recorder::new();
        let a = recorder.alloc(100, 8, false);
        let b = recorder.alloc(70_000, 64, true);
        recorder.realloc(a, 200);
        recorder.dealloc(b);
        let c = recorder.alloc(1, 1, false);
        recorder.dealloc(a);
        recorder.dealloc(c);
        recorder.finish()
    }

    #[test]
    fn comes_back_as_it_was() {
        let trace = sample();
        assert_eq!(Trace::decode(&trace.encode()), Ok(trace));
    }

    #[test]
    fn peak_counts_requested_bytes() {
        assert_eq!(sample().peak_bytes, 70_200);
        assert_eq!(sample().slots, 2);
    }

    #[test]
    fn damage_is_an_error() {
        let mut file = sample().encode();
        assert_eq!(Trace::decode(&file[1..]), Err(DecodeError::NotATrace));
        file.truncate(file.len() - 3);
        assert_eq!(Trace::decode(&file), Err(DecodeError::Damaged));
    }
}
