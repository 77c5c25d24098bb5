//! Random numbers that are the same in every run.

/// Marsaglia's xorshift with 32 bits.
pub struct Rng(u32);

impl Rng {
    pub fn new(seed: u32) -> Self {
        let mut rng = Self(seed.wrapping_mul(0x9E37_79B9) | 1);
        for _ in 0..8 {
            rng.word();
        }
        rng
    }

    pub fn word(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0
    }

    /// Less than `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        ((u64::from(self.word()) * bound as u64) >> 32) as usize
    }

    /// From `low` to `high`, both included.
    pub fn within(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }
}
