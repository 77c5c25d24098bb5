// A trace as a program of requests. This file is part of the programs that `fit` makes, too: it uses nothing but the standard library.

use std::io::{self, Read, Write};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Alloc,
    Free,
    Realloc,
}

/// One request. Blocks have slots, of which a free one is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op {
    pub kind: Kind,
    pub align_log2: u8,
    pub slot: u32,
    /// Size in bytes; of a resize, before it.
    pub size: u32,
    /// Of a resize: size after it.
    pub new_size: u32,
}

/// The requests of a program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script {
    pub ops: Vec<Op>,
    pub slots: u32,
    pub peak_bytes: u64,
}

/// Bytes of an op in a file.
const OP_BYTES: usize = 16;

impl Script {
    /// Writes the script for a program that `fit` made.
    pub fn save(&self, out: &mut impl Write) -> io::Result<()> {
        for word in [self.ops.len() as u64, u64::from(self.slots), self.peak_bytes] {
            out.write_all(&word.to_le_bytes())?;
        }
        for op in &self.ops {
            let what = op.kind as u32 | u32::from(op.align_log2) << 8;
            for word in [what, op.slot, op.size, op.new_size] {
                out.write_all(&word.to_le_bytes())?;
            }
        }
        Ok(())
    }

    /// Reads what `save` wrote.
    pub fn load(input: &mut impl Read) -> io::Result<Self> {
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes)?;
        let long =
            |at: usize| bytes.get(at..at + 8).map_or(0, |part| u64::from_le_bytes(part.try_into().unwrap_or([0; 8])));
        let (slots, peak_bytes) = (long(8) as u32, long(16));
        let ops = bytes.get(24..).unwrap_or(&[]).chunks_exact(OP_BYTES).map(|op| {
            let word = |at: usize| u32::from_le_bytes([op[at], op[at + 1], op[at + 2], op[at + 3]]);
            let kind = match word(0) & 0xff {
                0 => Kind::Alloc,
                1 => Kind::Free,
                _ => Kind::Realloc,
            };
            Op { kind, align_log2: (word(0) >> 8) as u8, slot: word(4), size: word(8), new_size: word(12) }
        });
        Ok(Self { ops: ops.collect(), slots, peak_bytes })
    }
}
