//! What the heap did, event by event: a compact format, and a queue that any context can write to.
//!
//! A [`Trace`] takes events from threads, interrupt handlers and several cores, without a lock, and gives their bytes
//! to one reader, which sends them wherever the program likes: a UART, a debug probe ([`Rtt`]), semihosting.
//! `larder-tools` reads them on the desk: who holds what, what leaks, how fragmented memory is. The format is described
//! in `docs/trace-format.md`.
//!
//! ```
//! use larder::trace::{Event, Origin, Trace, decode};
//!
//! static TRACE: Trace<256> = Trace::new(); // 256 words: 1 KiB
//!
//! // Where the program allocates, in whatever context:
//! let event = Event::Alloc { address: 0x2000_0100, size_bytes: 24, align_bytes: 8 };
//! TRACE.record(&event, Origin { site: Some(0x0800_1234), ..Origin::NONE });
//!
//! // Where there is time to send:
//! let mut bytes = [0; 64];
//! let len = TRACE.read(&mut bytes);
//! let (decoded, _) = decode(&bytes[..len]).unwrap();
//! assert_eq!(decoded.event, Some(event));
//! assert_eq!(decoded.origin.site, Some(0x0800_1234));
//! ```
//!
//! Record a release *before* the block is free, and an allocation *after* it is taken: otherwise another context's
//! allocation at the same address may come first. Nothing here is in a program that does not name it.

mod record;
pub(crate) mod ring;
#[cfg(not(all(test, loom)))]
mod rtt;

pub use record::{NAME_BYTES_MAX, RECORD_BYTES_MAX, Record, decode};
#[cfg(not(all(test, loom)))]
pub use rtt::Rtt;

use crate::sync::StoredU32;
use core::fmt;
use ring::Ring;

/// The version of the format that this library writes.
pub const VERSION: u16 = 1;

/// Something that happened in a heap. Sizes and alignments are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Event {
    /// The stream begins: once, before all else.
    Start(Start),
    /// A block was allocated.
    Alloc {
        /// Where it lies.
        address: usize,
        /// How long it is, as requested.
        size_bytes: usize,
        /// Its alignment.
        align_bytes: usize,
    },
    /// A block is about to be freed.
    Free {
        /// Where it lies.
        address: usize,
        /// How long it is, as requested.
        size_bytes: usize,
        /// Its alignment.
        align_bytes: usize,
    },
    /// A block has got another length, and perhaps another place.
    Realloc {
        /// Where it lies now.
        address: usize,
        /// How long it is now.
        size_bytes: usize,
        /// Where it lay before.
        old_address: usize,
        /// How long it was.
        old_bytes: usize,
        /// Its alignment.
        align_bytes: usize,
    },
    /// A request was refused.
    Refused {
        /// How many bytes were asked for.
        size_bytes: usize,
        /// Their alignment.
        align_bytes: usize,
        /// The block that should have become longer; 0: a new one.
        old_address: usize,
    },
    /// A free was wrong, and changed nothing.
    WrongFree {
        /// What was to be freed.
        address: usize,
        /// Why it was refused: the number of the `Reason`, at most 31.
        reason: u8,
    },
    /// Events are missing here, because the queue was full.
    Gap {
        /// How many; `u32::MAX`: unknown.
        events: u32,
    },
}

impl Event {
    /// A number at least as long as the longest address or size.
    #[inline]
    fn widest(&self) -> usize {
        if usize::BITS == 32 {
            return 0;
        }
        match *self {
            Self::Start(start) => start.arena | start.arena_bytes,
            Self::Alloc { address, size_bytes, .. } | Self::Free { address, size_bytes, .. } => address | size_bytes,
            Self::Realloc { address, size_bytes, old_address, old_bytes, .. } => {
                address | size_bytes | old_address | old_bytes
            }
            Self::Refused { size_bytes, old_address, .. } => size_bytes | old_address,
            Self::WrongFree { address, .. } => address,
            Self::Gap { .. } => 0,
        }
    }
}

/// What a stream says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Start {
    /// Version of the format: [`VERSION`].
    pub version: u16,
    /// Bytes of a pointer of the program.
    pub pointer_bytes: u8,
    /// How fast the clock of [`Origin::time`] runs; 0: unknown, or there is none.
    pub ticks_per_second: u32,
    /// Where the arena begins; 0: unknown.
    pub arena: usize,
    /// How long it is; 0: unknown.
    pub arena_bytes: usize,
}

impl Start {
    /// The start of a stream of this library, from this target.
    pub const fn new(ticks_per_second: u32, arena: usize, arena_bytes: usize) -> Self {
        Self { version: VERSION, pointer_bytes: size_of::<usize>() as u8, ticks_per_second, arena, arena_bytes }
    }
}

/// From where an event comes, as far as the program can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Origin {
    /// The return address of the call.
    pub site: Option<usize>,
    /// The tag in whose scope the call was: a number, or the address of a text that ends in a zero byte in the
    /// program's ELF file.
    pub tag: Option<u32>,
    /// When, in ticks of a clock that the program has. It may wrap.
    pub time: Option<u32>,
}

impl Origin {
    /// Nothing is known.
    pub const NONE: Self = Self { site: None, tag: None, time: None };
}

/// A record that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The event; `None`: a name, or a kind of record that this version does not know.
    pub event: Option<Event>,
    /// The name of a tag.
    pub name: Option<(u32, &'a str)>,
    /// From where the event comes.
    pub origin: Origin,
}

/// Why bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// No record begins here.
    NoRecord,
    /// The bytes end in the middle of the record.
    Truncated,
    /// The check does not fit the words.
    Damaged,
    /// The words are fewer or more than the kind of record has, or have values that it can't have.
    Inconsistent,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRecord => "no record begins here",
            Self::Truncated => "the trace ends in the middle of a record",
            Self::Damaged => "the record's check is wrong",
            Self::Inconsistent => "the record has fields that its kind can't have",
        })
    }
}

impl core::error::Error for DecodeError {}

/// A bounded queue of events, `WORDS` words of 4 bytes long: a power of two, at least 32.
///
/// | operation | thread, interrupt handler, other core | time |
/// |---|---|---|
/// | [`record`](Trace::record) | any number at a time, without a lock | one compare-exchange, and one more for each context that recorded in between |
/// | [`read`](Trace::read) | one at a time; a second gets nothing | O(bytes) |
///
/// An event takes 8 to 32 bytes on 32-bit targets: an allocation 12, with its call site 16, with a time 20. When the
/// queue is full, events are lost; the reader sees an [`Event::Gap`] with their number in their place. An event that is
/// being written hides those behind it until it is complete: a handler that reads and has interrupted a writer gets
/// what lies before.
///
/// On targets without compare-and-swap, each atomic step masks interrupts, as in the heaps.
pub struct Trace<const WORDS: usize> {
    ring: Ring,
    words: [StoredU32; WORDS],
}

#[cfg(not(all(test, loom)))]
impl<const WORDS: usize> Default for Trace<WORDS> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const WORDS: usize> Trace<WORDS> {
    /// An empty queue: all zeros, so it costs no flash.
    #[cfg(not(all(test, loom)))]
    pub const fn new() -> Self {
        const {
            assert!(WORDS >= 32 && WORDS.is_power_of_two(), "larder: a trace has a power of two of words, at least 32");
            assert!(WORDS <= 1 << 28, "larder: a trace has at most 1 GiB");
        }
        Self { ring: Ring::new(), words: [const { StoredU32::new(0) }; WORDS] }
    }

    /// Appends an event. `false`: the queue is full, and the event counted as lost.
    #[inline]
    pub fn record(&self, event: &Event, origin: Origin) -> bool {
        self.ring.push(&self.words, Record::new(event, origin).words())
    }

    /// Appends the name of a tag, cut off behind [`NAME_BYTES_MAX`] bytes. `false`: the queue is full.
    pub fn name(&self, tag: u32, name: &str) -> bool {
        self.ring.push(&self.words, Record::name(tag, name).words())
    }

    /// Takes whole records out of the queue, as many as `out` has room for, and returns their bytes. 0: there is
    /// nothing, or the next record is longer than `out`, or somebody else reads. [`RECORD_BYTES_MAX`] bytes are room
    /// for any.
    pub fn read(&self, out: &mut [u8]) -> usize {
        self.ring.read(&self.words, out)
    }

    /// How many events were lost since the last [`Event::Gap`]. Wraps at 2³².
    pub fn lost(&self) -> u32 {
        self.ring.lost()
    }
}

#[cfg(all(test, not(loom)))]
mod tests;
