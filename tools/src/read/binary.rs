//! Records, as `docs/trace-format.md` describes them.

use std::io::BufRead;

use anyhow::{Context, Result};
use larder::trace::{self, DecodeError, Decoded, Origin, RECORD_BYTES_MAX, VERSION, decode};

use super::{At, Event, Options, Sink, fault, tell};

/// Bytes that are decoded at a time.
const BUFFER_BYTES: usize = 1 << 18;

pub fn read(input: &mut dyn BufRead, options: Options, sink: &mut dyn Sink) -> Result<()> {
    let mut bytes = Vec::with_capacity(BUFFER_BYTES + RECORD_BYTES_MAX);
    let mut records = Records { sink, clock: Clock::default(), offset: 0, skipped_from: None };
    loop {
        let len = bytes.len();
        bytes.resize(BUFFER_BYTES, 0);
        let added = fill(input, &mut bytes[len..]).context("the trace can't be read")?;
        bytes.truncate(len + added);
        let used = records.take(&bytes, added == 0, options)?;
        bytes.drain(..used);
        if added == 0 {
            return records.end_of_skip();
        }
    }
}

fn fill(input: &mut dyn BufRead, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut len = 0;
    while len < buffer.len() {
        match input.read(&mut buffer[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(len)
}

struct Records<'a> {
    sink: &'a mut dyn Sink,
    clock: Clock,
    offset: u64,
    /// Where bytes began that are no records.
    skipped_from: Option<u64>,
}

impl Records<'_> {
    /// Decodes what is complete; how many bytes that is.
    fn take(&mut self, bytes: &[u8], is_end: bool, options: Options) -> Result<usize> {
        let mut at = 0;
        while at < bytes.len() {
            match decode(&bytes[at..]) {
                Ok((decoded, len))
                    if self.skipped_from.is_none() || is_known(&decoded) || follows(&bytes[at + len..], is_end) =>
                {
                    self.end_of_skip()?;
                    self.record(&decoded)?;
                    self.offset += len as u64;
                    at += len;
                    continue;
                }
                Err(DecodeError::Truncated) if !is_end => break,
                Err(error) if !options.resync => return fault(self.offset, error),
                _ => {}
            }
            self.skipped_from.get_or_insert(self.offset);
            self.offset += 1;
            at += 1;
        }
        Ok(at)
    }

    fn end_of_skip(&mut self) -> Result<()> {
        match self.skipped_from.take() {
            // What stands in front of the first record is nobody's.
            None | Some(0) => Ok(()),
            Some(offset) => tell(self.sink, &Event::Gap { events: 0 }, &At { offset, ..At::default() }),
        }
    }

    fn record(&mut self, decoded: &Decoded) -> Result<()> {
        let Origin { site, tag, time } = decoded.origin;
        let time = time.map(|ticks| self.clock.unwrap(ticks));
        // Thumb code sets bit 0 of a return address; no other has an odd one that matters.
        let gone = match decoded.event {
            Some(trace::Event::Free { size_bytes, align_bytes, .. }) => Some((size_bytes as u64, align_bytes as u64)),
            Some(trace::Event::Realloc { old_bytes, align_bytes, .. }) => Some((old_bytes as u64, align_bytes as u64)),
            _ => None,
        };
        let at = At { offset: self.offset, site: site.unwrap_or(0) as u64, tag, time, gone };
        if let Some((tag, name)) = decoded.name {
            return tell(self.sink, &Event::Name { tag, name }, &at);
        }
        let Some(event) = decoded.event else { return Ok(()) };
        let event = match event {
            trace::Event::Start(start) if start.version > VERSION => {
                return fault(
                    self.offset,
                    format_args!("version {} of the format is newer than this program", start.version),
                );
            }
            trace::Event::Start(start) => {
                self.clock = Clock { base: self.clock.now, ..Clock::default() };
                Event::Start(start)
            }
            trace::Event::Alloc { address, size_bytes, align_bytes } => {
                Event::Alloc { block: address as u64, size: size_bytes as u64, align: align_bytes as u64 }
            }
            trace::Event::Free { address, .. } => Event::Free { block: address as u64 },
            trace::Event::Realloc { address, size_bytes, old_address, align_bytes, .. } => Event::Realloc {
                old: old_address as u64,
                block: address as u64,
                size: size_bytes as u64,
                align: Some(align_bytes as u64),
            },
            trace::Event::Refused { size_bytes, align_bytes, .. } => {
                Event::Refused { size: size_bytes as u64, align: align_bytes as u64 }
            }
            trace::Event::WrongFree { address, reason } => Event::WrongFree { address: address as u64, reason },
            trace::Event::Gap { events: u32::MAX } => Event::Gap { events: 0 },
            trace::Event::Gap { events } => Event::Gap { events: u64::from(events) },
        };
        tell(self.sink, &event, &at)
    }
}

/// Whether the record is of a kind whose fields could be checked: less than one in a million places of noise looks so.
fn is_known(decoded: &Decoded) -> bool {
    decoded.event.is_some() || decoded.name.is_some()
}

/// Whether another record stands there, or nothing any more.
fn follows(rest: &[u8], is_end: bool) -> bool {
    match decode(rest) {
        Ok(_) => true,
        Err(DecodeError::Truncated) => rest.is_empty() || !is_end,
        Err(_) => false,
    }
}

/// Ticks of 32 bits that wrap, as ticks that don't.
#[derive(Default)]
struct Clock {
    /// What the next trace of the same stream begins at.
    base: u64,
    first: Option<u32>,
    now: u64,
}

impl Clock {
    /// Contexts may record in another order than they read the clock in: a small step back is one.
    fn unwrap(&mut self, ticks: u32) -> u64 {
        let first = *self.first.get_or_insert(ticks);
        let last = first.wrapping_add((self.now.max(self.base) - self.base) as u32);
        let step = i64::from(ticks.wrapping_sub(last).cast_signed());
        self.now = self.now.max(self.base).saturating_add_signed(step).max(self.base);
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_wraps_goes_on() {
        let mut clock = Clock::default();
        let ticks = [u32::MAX - 10, u32::MAX, 5, 3, 1 << 30, 1 << 31, 3 << 30, 1];
        let times: Vec<_> = ticks.iter().map(|&ticks| clock.unwrap(ticks)).collect();
        assert_eq!(times[..4], [0, 10, 16, 14]);
        assert!(times[3..].is_sorted(), "{times:?}");
        assert_eq!(times[7] - times[2], (1 << 32) - 4);
    }
}
