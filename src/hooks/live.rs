//! The exact peak of live bytes: the feature `live-peak`. Without it there is nothing here.

#[cfg(feature = "live-peak")]
use crate::sync::{AtomicU32, Ordering::*};

/// Live bytes, as requested, and the most that they ever were.
#[derive(Default)]
pub(crate) struct Live {
    #[cfg(feature = "live-peak")]
    now: AtomicU32,
    #[cfg(feature = "live-peak")]
    peak: AtomicU32,
}

impl Live {
    /// A block of `less` bytes has become one of `more`; 0 stands for none.
    #[cfg(feature = "live-peak")]
    #[inline(always)]
    pub(crate) fn change(&self, less: usize, more: usize) {
        let change = (more as u32).wrapping_sub(less as u32);
        let now = self.now.fetch_add(change, Relaxed).wrapping_add(change);
        if more > less {
            self.peak.fetch_max(now, Relaxed);
        }
    }

    #[cfg(not(feature = "live-peak"))]
    #[inline(always)]
    pub(crate) fn change(&self, _less: usize, _more: usize) {}

    #[cfg(feature = "live-peak")]
    pub(crate) fn peak(&self) -> usize {
        self.peak.load(Relaxed) as usize
    }
}
