//! Which instructions were interrupted.

/// Two bytes of code a bit.
const WORDS: usize = 768;

unsafe extern "C" {
    /// Where the linker script has the code.
    static __stext: u32;
    static __etext: u32;
}

/// A set of instructions' addresses.
pub struct Coverage([u32; WORDS]);

impl Coverage {
    pub const fn new() -> Self {
        Self([0; WORDS])
    }

    /// Adds an instruction.
    pub fn add(&mut self, address: u32) {
        let start = (&raw const __stext).addr();
        let end = (&raw const __etext).addr();
        assert!((start..end).contains(&(address as usize)), "{address:#x} is no code");
        let at = (address as usize - start) / 2;
        *self.0.get_mut(at / 32).expect("the set is large enough") |= 1 << (at % 32);
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|word| word.count_ones()).sum()
    }
}

impl Default for Coverage {
    fn default() -> Self {
        Self::new()
    }
}
