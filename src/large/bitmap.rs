//! One bit a granule.

use crate::sync::Ordering::Relaxed;
use core::sync::atomic::AtomicU32;

/// Bits over zeroed memory. Written only inside the entry of the large tier, with plain loads and stores;
/// read from anywhere, for bits that the reader's own block holds still.
///
/// `core`'s atomics, on every target: no bit is read, modified and written by two contexts.
#[derive(Clone, Copy)]
pub(super) struct Bitmap(*const AtomicU32);

impl Bitmap {
    /// Bytes besides those for the bits of pages: for the granule before the first, two behind the last, and a window
    /// that begins there.
    pub(super) const BYTES_FIXED: usize = 4;
    pub(super) const BYTES_PER_PAGE: usize = 4;

    /// The bytes of a bitmap over that many bytes of ground.
    pub(super) const fn bytes(ground: u32) -> usize {
        (ground as usize).div_ceil(crate::config::geometry::PAGE_BYTES) * Self::BYTES_PER_PAGE + Self::BYTES_FIXED
    }

    /// # Safety
    ///
    /// `words` points to as many zeroed or earlier initialised words as the constants say, aligned to
    /// 4, for as long as the value is used.
    #[inline]
    pub(super) unsafe fn new(words: *mut u8) -> Self {
        Self(words.cast())
    }

    #[inline]
    fn word(&self, at: u32) -> &AtomicU32 {
        // SAFETY: `at` is a granule of the ground, 0, or one of the two behind the last: its
        // word is inside the table by the contract of `new`.
        unsafe { &*self.0.add(at as usize / 32) }
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> bool {
        (self.word(at).load(Relaxed) >> (at % 32)) & 1 != 0
    }

    #[inline]
    pub(super) fn flip(&self, at: u32) {
        let word = self.word(at);
        word.store(word.load(Relaxed) ^ 1 << (at % 32), Relaxed);
    }

    /// The bits from `at` on, `at` itself lowest: nine at least. Inside the entry.
    #[inline]
    pub(super) fn window(&self, at: u32) -> u32 {
        let byte = |at: u32| {
            let at = if cfg!(target_endian = "big") { at ^ 3 } else { at };
            // SAFETY: a byte of the word of `at`, or of the next, as in `word`. Only the entry's holder writes here,
            // and that is the caller: no store races with this plain load, which becomes one of both bytes where a
            // processor has it.
            u32::from(unsafe { self.0.cast::<u8>().add(at as usize).read() })
        };
        (byte(at / 8) | byte(at / 8 + 1) << 8) >> (at % 8)
    }

    /// Flips those of the bit and its neighbour to the right that are set in `pair`.
    #[inline]
    pub(super) fn flip_pair(&self, at: u32, pair: u32) {
        let word = self.word(at);
        word.store(word.load(Relaxed) ^ pair << (at % 32), Relaxed);
        if at % 32 == 31 && pair & 2 != 0 {
            self.flip(at + 1);
        }
    }

    /// The first bit at or after `from` that is set, or `limit`.
    pub(super) fn next_set(&self, from: u32, limit: u32) -> u32 {
        let mut at = from;
        while at < limit {
            let bits = self.word(at).load(Relaxed) >> (at % 32);
            if bits != 0 {
                return limit.min(at + bits.trailing_zeros());
            }
            at = (at / 32 + 1) * 32;
        }
        limit
    }
}
