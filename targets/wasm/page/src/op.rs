//! What a program asks of its allocator.

/// One call. A slot is where the program keeps the block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Alloc { slot: u32, bytes: u32 },
    Resize { slot: u32, bytes: u32 },
    Free { slot: u32 },
}

impl Op {
    /// As two words, in which a trace goes from module to module.
    pub fn pack(self) -> [u32; 2] {
        match self {
            Op::Alloc { slot, bytes } => [slot << 2, bytes],
            Op::Resize { slot, bytes } => [slot << 2 | 1, bytes],
            Op::Free { slot } => [slot << 2 | 2, 0],
        }
    }

    pub fn unpack([word, bytes]: [u32; 2]) -> Self {
        let slot = word >> 2;
        match word & 3 {
            0 => Op::Alloc { slot, bytes },
            1 => Op::Resize { slot, bytes },
            _ => Op::Free { slot },
        }
    }

    pub fn slot(self) -> u32 {
        self.pack()[0] >> 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_op_survives_the_way_between_modules() {
        let slot = 1 << 20 | 5;
        for op in [Op::Alloc { slot, bytes: 1 << 24 }, Op::Resize { slot, bytes: 7 }, Op::Free { slot }] {
            assert_eq!(Op::unpack(op.pack()), op);
            assert_eq!(op.slot(), slot);
        }
    }
}
