//! Where the memories of a heap come from.

use crate::config::Config;
use crate::extent::map::Map;
use crate::large::Large;
use crate::policy::Policy;

/// Bytes of the unit in which a source counts. The models' are shorter, and so have fewer words.
pub(crate) const UNIT_BYTES: usize = if cfg!(all(test, loom)) { 4096 } else { 64 * 1024 };

/// Where memories come from: from the program alone, or on demand as well.
///
/// # Safety
///
/// - What `first` and `grow` return is nobody else's, for ever, and valid for reads and writes. What was grown is
///   zeroed, and aligned to [`UNIT_BYTES`].
/// - If memories touch, pointers to the one may be used for the other.
/// - Unless `IN_PLACE`, nobody else uses the heap while it grows.
pub(crate) unsafe trait Source: Sized {
    /// Whether there is more memory on demand. Calls then begin in the extent that served last; otherwise in the one
    /// that the configuration names.
    const GROWS: bool = true;
    /// Whether others use the heap while an extent becomes longer: then its tables stay where they are.
    const IN_PLACE: bool = false;
    /// Whether what is got next usually lies behind what was got last. If not, all memories are extents of their own.
    const TOUCHES: bool = true;
    /// How many bits a page's number has in a front: 8, 16 or 32. With 32, pools can have all pages of the address
    /// space.
    const PAGE_BITS: u32 = 32;

    /// Lays out an extent of so many bytes. `None`: they are too few, or too many.
    #[inline]
    fn map<C: Config, P: Policy, L: Large>(bytes: usize) -> Option<Map> {
        Map::roughly::<C, P, L>(bytes)
    }

    /// The memory that is there from the start, to the context that asks first. It need not be zeroed.
    fn first(&self) -> Option<(*mut u8, usize)> {
        None
    }

    /// So many units more, or nothing. Where they end with the address space, the last granule, which has no end that
    /// is an address, is left out.
    fn grow(&self, units: usize) -> Option<(*mut u8, usize)> {
        let _ = units;
        None
    }

    /// The address at which the next units will begin, unless another context comes first.
    fn next(&self) -> usize {
        0
    }

    /// Called before memory up to this address is used that another context may have got.
    #[inline]
    fn meet(&self, address: usize) {
        let _ = address;
    }

    /// Makes an extent's tables: loom's atomics are not made of zeroes.
    #[cfg(all(test, loom))]
    fn make(&self, extent: *mut u8);
}
