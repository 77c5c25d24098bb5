//! One event as a few words, and back.
//!
//! ```text
//!   header   bits 0..8    0xA5: a record begins here
//!                 8..12   kind
//!                 12..16  words that follow
//!                 16      a call site follows          these three at the end, in this order
//!                 17      a tag follows
//!                 18      a time follows
//!                 19      wide: sizes, addresses and sites take two words each, the lower first
//!                 20..25  log2 of the alignment, or why a free was wrong
//!                 25..32  check of all words
//!   fields   as the kind says
//! ```
//!
//! `docs/trace-format.md` is the whole format. A record tells its own length and checks itself, so a reader that lost
//! its place finds the next one.

use super::{DecodeError, Decoded, Event, Origin, Start};

/// Low byte of every header.
const MARKER: u32 = 0xA5;
/// Payload of the first record, in front of the version.
const MAGIC: u32 = u32::from_le_bytes(*b"LDRT");

/// Kinds of records.
mod kind {
    pub const START: u32 = 0;
    pub const ALLOC: u32 = 1;
    pub const FREE: u32 = 2;
    pub const REALLOC: u32 = 3;
    pub const REFUSED: u32 = 4;
    pub const WRONG_FREE: u32 = 5;
    pub const GAP: u32 = 6;
    pub const NAME: u32 = 7;
}

const SITE: u32 = 1 << 16;
const TAG: u32 = 1 << 17;
const TIME: u32 = 1 << 18;
const WIDE: u32 = 1 << 19;
const CHECK_SHIFT: u32 = 25;

/// The longest record that this target writes, in words: a `realloc` with all that goes with it.
const WORDS: usize = if usize::BITS == 64 { 13 } else { 8 };

/// The longest record that a reader may meet, in bytes.
pub const RECORD_BYTES_MAX: usize = 64;

/// The most bytes of a tag's name that fit into a record.
pub const NAME_BYTES_MAX: usize = 24;

/// An encoded event, in a buffer of its own.
///
/// ```
/// use larder::trace::{Event, Origin, Record, decode};
///
/// let event = Event::Free { address: 0x2000_0100, size_bytes: 24, align_bytes: 8 };
/// let record = Record::new(&event, Origin::NONE);
/// assert_eq!(record.words().len() * 4, 12);
/// let bytes: Vec<u8> = record.words().iter().flat_map(|word| word.to_le_bytes()).collect();
/// let (decoded, len_bytes) = decode(&bytes).unwrap();
/// assert_eq!((decoded.event, len_bytes), (Some(event), 12));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Record {
    words: [u32; WORDS],
    len: usize,
}

impl Record {
    /// Encodes an event.
    ///
    /// Time: a fixed number of steps, about eight instructions for each field. Stack: 36 bytes on 32-bit targets.
    #[inline]
    pub fn new(event: &Event, origin: Origin) -> Self {
        let (kind, aux) = match *event {
            Event::Start(_) => (kind::START, 0),
            Event::Alloc { align_bytes, .. } => (kind::ALLOC, align_bytes.trailing_zeros()),
            Event::Free { align_bytes, .. } => (kind::FREE, align_bytes.trailing_zeros()),
            Event::Realloc { align_bytes, .. } => (kind::REALLOC, align_bytes.trailing_zeros()),
            Event::Refused { align_bytes, .. } => (kind::REFUSED, align_bytes.trailing_zeros()),
            Event::WrongFree { reason, .. } => (kind::WRONG_FREE, u32::from(reason)),
            Event::Gap { .. } => (kind::GAP, 0),
        };
        let mut record = Writer::new(kind, aux, event.widest() | origin.site.unwrap_or(0));
        match *event {
            Event::Start(start) => {
                record.word(MAGIC);
                record.word(u32::from(start.version) | u32::from(start.pointer_bytes) << 16);
                record.word(start.ticks_per_second);
                record.long(start.arena);
                record.long(start.arena_bytes);
            }
            Event::Alloc { address, size_bytes, .. } | Event::Free { address, size_bytes, .. } => {
                record.long(size_bytes);
                record.long(address);
            }
            Event::Realloc { address, size_bytes, old_address, old_bytes, .. } => {
                record.long(size_bytes);
                record.long(address);
                record.long(old_bytes);
                record.long(old_address);
            }
            Event::Refused { size_bytes, old_address, .. } => {
                record.long(size_bytes);
                record.long(old_address);
            }
            Event::WrongFree { address, .. } => record.long(address),
            Event::Gap { events } => record.word(events),
        }
        record.origin(origin)
    }

    /// Encodes the name of a tag, cut off behind [`NAME_BYTES_MAX`] bytes.
    pub fn name(tag: u32, name: &str) -> Self {
        let mut end = name.len().min(NAME_BYTES_MAX);
        while !name.is_char_boundary(end) {
            end -= 1;
        }
        let mut record = Writer::new(kind::NAME, 0, 0);
        record.word(tag);
        for chunk in name.as_bytes()[..end].chunks(4) {
            let mut bytes = [0; 4];
            bytes[..chunk.len()].copy_from_slice(chunk);
            record.word(u32::from_le_bytes(bytes));
        }
        record.origin(Origin::NONE)
    }

    /// The words, of which each is four bytes of the stream, the lowest first.
    #[inline]
    pub fn words(&self) -> &[u32] {
        &self.words[..self.len]
    }
}

struct Writer {
    record: Record,
    header: u32,
    check: u32,
}

impl Writer {
    #[inline]
    fn new(kind: u32, aux: u32, widest: usize) -> Self {
        let wide = if widest > u32::MAX as usize { WIDE } else { 0 };
        let header = MARKER | kind << 8 | wide | (aux & 31) << 20;
        Self { record: Record { words: [0; WORDS], len: 1 }, header, check: 0 }
    }

    #[inline]
    fn word(&mut self, word: u32) {
        self.record.words[self.record.len] = word;
        self.record.len += 1;
        self.check = mix(self.check, word);
    }

    #[inline]
    fn long(&mut self, value: usize) {
        self.word(value as u32);
        if self.header & WIDE != 0 {
            self.word((value as u64 >> 32) as u32);
        }
    }

    #[inline]
    fn origin(mut self, origin: Origin) -> Record {
        if let Some(site) = origin.site {
            self.header |= SITE;
            self.long(site);
        }
        if let Some(tag) = origin.tag {
            self.header |= TAG;
            self.word(tag);
        }
        if let Some(time) = origin.time {
            self.header |= TIME;
            self.word(time);
        }
        let header = self.header | (self.record.len as u32 - 1) << 12;
        self.record.words[0] = header | check(mix(self.check, header)) << CHECK_SHIFT;
        self.record
    }
}

/// Takes one word more into a check. The order counts.
#[inline]
const fn mix(check: u32, word: u32) -> u32 {
    check.rotate_left(1) ^ word
}

/// Seven bits of all. A single wrong bit always shows, other damage in 127 of 128 cases.
#[inline]
const fn check(mixed: u32) -> u32 {
    mixed.wrapping_mul(0x9E37_79B1) >> CHECK_SHIFT
}

/// How many words the record has that begins with this one; `None` if none begins so.
#[inline]
pub(super) const fn words_of(header: u32) -> Option<usize> {
    if header & 0xff == MARKER { Some(1 + (header >> 12 & 15) as usize) } else { None }
}

/// Decodes the first record of `bytes`, and tells its length in bytes.
///
/// Time: a fixed number of steps. There is no panic, whatever the bytes are.
///
/// # Errors
///
/// See [`DecodeError`].
pub fn decode(bytes: &[u8]) -> Result<(Decoded<'_>, usize), DecodeError> {
    let Some((&first, rest)) = bytes.split_first() else { return Err(DecodeError::Truncated) };
    if u32::from(first) != MARKER {
        return Err(DecodeError::NoRecord);
    }
    let Some(header) = rest.first_chunk::<3>().map(|&[b, c, d]| u32::from_le_bytes([first, b, c, d])) else {
        return Err(DecodeError::Truncated);
    };
    let words = words_of(header).ok_or(DecodeError::NoRecord)?;
    let payload = bytes.get(4..words * 4).ok_or(DecodeError::Truncated)?;
    let mut mixed = 0;
    for word in payload.chunks_exact(4) {
        mixed = mix(mixed, word_at(word));
    }
    let bare = header & !(u32::MAX << CHECK_SHIFT);
    if check(mix(mixed, bare)) != header >> CHECK_SHIFT {
        return Err(DecodeError::Damaged);
    }
    let decoded = Reader { header, payload }.decode().ok_or(DecodeError::Inconsistent)?;
    Ok((decoded, words * 4))
}

fn word_at(bytes: &[u8]) -> u32 {
    bytes.first_chunk::<4>().map_or(0, |&bytes| u32::from_le_bytes(bytes))
}

struct Reader<'a> {
    header: u32,
    payload: &'a [u8],
}

impl<'a> Reader<'a> {
    fn word(&mut self) -> Option<u32> {
        let (word, rest) = self.payload.split_at_checked(4)?;
        self.payload = rest;
        Some(word_at(word))
    }

    /// An address or a size. Of a stream of a 64-bit machine, a 32-bit one can't hold all.
    fn long(&mut self) -> Option<usize> {
        let low = u64::from(self.word()?);
        let high = if self.header & WIDE != 0 { u64::from(self.word()?) } else { 0 };
        usize::try_from(high << 32 | low).ok()
    }

    fn decode(mut self) -> Option<Decoded<'a>> {
        let aux = self.header >> 20 & 31;
        let align_bytes = 1usize.checked_shl(aux)?;
        let event = match self.header >> 8 & 15 {
            kind::START => Event::Start(self.start()?),
            kind::ALLOC => Event::Alloc { size_bytes: self.long()?, address: self.long()?, align_bytes },
            kind::FREE => Event::Free { size_bytes: self.long()?, address: self.long()?, align_bytes },
            kind::REALLOC => Event::Realloc {
                size_bytes: self.long()?,
                address: self.long()?,
                old_bytes: self.long()?,
                old_address: self.long()?,
                align_bytes,
            },
            kind::REFUSED => Event::Refused { size_bytes: self.long()?, old_address: self.long()?, align_bytes },
            kind::WRONG_FREE => Event::WrongFree { address: self.long()?, reason: aux as u8 },
            kind::GAP => Event::Gap { events: self.word()? },
            kind::NAME => return self.name(),
            // Of a later writer: to be passed over.
            _ => return Some(Decoded { event: None, name: None, origin: Origin::NONE }),
        };
        let origin = self.origin()?;
        self.payload.is_empty().then_some(Decoded { event: Some(event), name: None, origin })
    }

    fn start(&mut self) -> Option<Start> {
        if self.word()? != MAGIC {
            return None;
        }
        let version = self.word()?;
        Some(Start {
            version: version as u16,
            pointer_bytes: (version >> 16) as u8,
            ticks_per_second: self.word()?,
            arena: self.long()?,
            arena_bytes: self.long()?,
        })
    }

    fn name(mut self) -> Option<Decoded<'a>> {
        let tag = self.word()?;
        let end = self.payload.iter().position(|&byte| byte == 0).unwrap_or(self.payload.len());
        let name = core::str::from_utf8(&self.payload[..end]).ok()?;
        Some(Decoded { event: None, name: Some((tag, name)), origin: Origin::NONE })
    }

    fn origin(&mut self) -> Option<Origin> {
        Some(Origin {
            site: if self.header & SITE != 0 { Some(self.long()?) } else { None },
            tag: if self.header & TAG != 0 { Some(self.word()?) } else { None },
            time: if self.header & TIME != 0 { Some(self.word()?) } else { None },
        })
    }
}
