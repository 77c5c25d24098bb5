//! The traces of `benches/traces`: three columns, deflated. The README there describes them.

use std::io::{BufRead, Read};

use anyhow::Result;
use flate2::read::DeflateDecoder;

use super::{At, Event, Sink, fault, tell};

/// No trace unpacks to more.
const BYTES_MAX: u64 = 1 << 29;

pub fn read(input: &mut dyn BufRead, sink: &mut dyn Sink) -> Result<()> {
    input.consume(4);
    let mut bytes = Vec::new();
    let mut unpacked = DeflateDecoder::new(input).take(BYTES_MAX + 1);
    if let Err(error) = unpacked.read_to_end(&mut bytes) {
        return fault(bytes.len() as u64, format_args!("the compressed stream is damaged: {error}"));
    }
    if bytes.len() as u64 > BYTES_MAX {
        return fault(BYTES_MAX, "the trace unpacks to more than 512 MiB");
    }
    let mut column = Column { bytes: &bytes, at: 0, end: bytes.len() };
    let (events, tags_bytes, sizes_bytes) = (column.number()?, column.number()?, column.number()?);
    let mut tags = column.split(tags_bytes)?;
    let mut sizes = column.split(sizes_bytes)?;
    if events != tags_bytes {
        return fault(0, "the trace does not have a tag for each event");
    }
    let mut slots = Slots { column, last: 0, free: Vec::new(), count: 0 };
    while tags.at < tags.end {
        let at = At { offset: tags.at as u64, ..At::default() };
        let tag = tags.byte()?;
        let event = match tag & 3 {
            2 => {
                let block = slots.next()?;
                Event::Realloc { old: block, block, size: sizes.number()?, align: None }
            }
            3 => {
                let block = slots.next()?;
                slots.free.push(block);
                Event::Free { block }
            }
            _ => {
                let Some(align) = 1u64.checked_shl(u32::from(tag >> 2)).filter(|&align| align < 1 << 32) else {
                    return fault(at.offset, "the alignment is no number of 32 bits");
                };
                Event::Alloc { block: slots.take(), size: sizes.number()?, align }
            }
        };
        tell(sink, &event, &at)?;
    }
    if sizes.at != sizes.end || slots.column.at != slots.column.end {
        return fault(slots.column.at as u64, "bytes are left when all events are read");
    }
    Ok(())
}

struct Column<'a> {
    bytes: &'a [u8],
    at: usize,
    end: usize,
}

impl Column<'_> {
    fn byte(&mut self) -> Result<u8> {
        if self.at >= self.end {
            return fault(self.at as u64, "the column ends early");
        }
        self.at += 1;
        Ok(self.bytes[self.at - 1])
    }

    /// Seven bits a byte, lowest first; the top bit says that more follow. At most 32 bits.
    fn number(&mut self) -> Result<u64> {
        let from = self.at;
        let mut value = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 && value <= u64::from(u32::MAX) {
                return Ok(value);
            }
        }
        fault(from as u64, "the number has more than 32 bits")
    }

    /// Cuts off the first `len` bytes.
    fn split(&mut self, len: u64) -> Result<Self> {
        if len > (self.end - self.at) as u64 {
            return fault(self.at as u64, format_args!("a column of {len} bytes is longer than the trace"));
        }
        let first = Self { bytes: self.bytes, at: self.at, end: self.at + len as usize };
        self.at = first.end;
        Ok(first)
    }
}

/// Blocks are named by slots: an alloc takes the slot that was freed last, or else a new one.
struct Slots<'a> {
    column: Column<'a>,
    last: u32,
    free: Vec<u64>,
    count: u64,
}

impl Slots<'_> {
    fn next(&mut self) -> Result<u64> {
        let code = self.column.number()? as u32;
        self.last = self.last.wrapping_add((code >> 1) ^ (code & 1).wrapping_neg());
        Ok(u64::from(self.last))
    }

    fn take(&mut self) -> u64 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        self.last = slot as u32;
        slot
    }
}
