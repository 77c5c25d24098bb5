//! Repeatable numbers.

/// Marsaglia's xorshift, 32 bits: small, quick, and good enough to choose sizes.
pub struct Random(u32);

impl Random {
    /// Starts a sequence; the seed must not be zero.
    pub const fn new(seed: u32) -> Self {
        assert!(seed != 0);
        Self(seed)
    }

    pub fn number(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// A number from `from` up to, but not including, `to`.
    pub fn range(&mut self, from: usize, to: usize) -> usize {
        from + self.number() as usize % (to - from)
    }
}
