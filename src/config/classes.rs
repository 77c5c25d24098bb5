//! Size classes: from a size to a class, from a class to the bits its blocks may have.
//!
//! Classes are numbered from 1; what a page is, its *owner byte*, is 0, the number of a class, or one more: in transit.

use crate::config::Config;
use crate::config::geometry::{GRANULE_BYTES, PAGE_BYTES, PAGE_GRANULES};

/// The most classes a configuration can have: as many as granules fit into half a page.
pub(crate) const CLASSES_MAX: usize = PAGE_GRANULES as usize / 2;

/// What a page is: a value of the owner byte.
pub(crate) mod owner {
    /// The page belongs to the large tier, free or not. The value of zeroed memory.
    pub(crate) const LARGE: u32 = 0;
}

/// The classes of a configuration, laid out for the calls. A value: what it says itself is known when the program is
/// built, and only what it refers to, if the program looks there, is in the program.
#[derive(Clone, Copy)]
pub(crate) struct ClassTable {
    /// How many classes there are; they are numbered from 1.
    pub(crate) count: usize,
    /// The largest pooled size, in bytes.
    pub(crate) max_bytes: usize,
    /// Class `c` is `c` granules wide: no lookup needed.
    pub(crate) linear: bool,
    block_granules: &'static [u8; CLASSES_MAX + 2],
    masks: &'static [u32; CLASSES_MAX + 2],
    of_granules: &'static [u8; CLASSES_MAX * 2],
}

/// What a [`ClassTable`] looks up.
struct Lists {
    /// Whether class `c` is `c` granules wide.
    linear: bool,
    /// Granules of a class's blocks; 0 for what is no class.
    block_granules: [u8; CLASSES_MAX + 2],
    /// The class's blocks as bits at their first granules; 0 for what is no class, so that nothing
    /// is ever a block there.
    masks: [u32; CLASSES_MAX + 2],
    /// The smallest class that holds that many granules.
    of_granules: [u8; CLASSES_MAX * 2],
}

impl Lists {
    /// Lays out `sizes`, or fails to compile with the reason.
    const fn new(sizes: &[usize]) -> Self {
        assert!(
            sizes.len() <= CLASSES_MAX,
            "larder: too many classes: at most 16 fit, one for each multiple of 8 up to 128"
        );
        let mut lists = Self {
            linear: true,
            block_granules: [0; CLASSES_MAX + 2],
            masks: [0; CLASSES_MAX + 2],
            of_granules: [0; CLASSES_MAX * 2],
        };
        let mut class = 1;
        let mut covered = 0;
        while class <= sizes.len() {
            let bytes = sizes[class - 1];
            assert!(
                bytes % GRANULE_BYTES == 0 && bytes > 0,
                "larder: a class size must be a positive multiple of 8 bytes"
            );
            assert!(bytes <= PAGE_BYTES / 2, "larder: a class size must not exceed half a page (128 bytes)");
            let granules = bytes / GRANULE_BYTES;
            assert!(granules > covered, "larder: class sizes must be strictly ascending");
            lists.linear = lists.linear && granules == class;
            lists.block_granules[class] = granules as u8;
            lists.masks[class] = mask(granules as u32);
            while covered < granules {
                covered += 1;
                lists.of_granules[covered] = class as u8;
            }
            class += 1;
        }
        lists.of_granules[0] = if sizes.is_empty() { 0 } else { 1 };
        lists
    }
}

impl ClassTable {
    /// Lays out the classes of a configuration, or fails to compile with the reason.
    pub(crate) const fn of<C: Config>() -> Self {
        let lists = const { &Lists::new(C::CLASSES) };
        let count = C::CLASSES.len();
        Self {
            count,
            max_bytes: if count == 0 { 0 } else { C::CLASSES[count - 1] },
            linear: lists.linear,
            // Each by itself, so that a program has only those that it needs.
            block_granules: const { &{ Lists::new(C::CLASSES).block_granules } },
            masks: const { &{ Lists::new(C::CLASSES).masks } },
            of_granules: const { &{ Lists::new(C::CLASSES).of_granules } },
        }
    }

    /// The owner byte of a page that is on its way between tiers: past every class, masks nothing.
    pub(crate) const fn in_transit(self) -> u32 {
        self.count as u32 + 1
    }

    /// Whether an owner byte names a class.
    #[inline(always)]
    pub(crate) const fn is_class(self, owner: u32) -> bool {
        owner.wrapping_sub(1) < self.count as u32
    }

    /// One more than the number of the largest class.
    pub(crate) const fn numbers(self) -> usize {
        self.count + 1
    }

    /// Bytes of a class's blocks.
    #[inline(always)]
    pub(crate) fn block_bytes(self, class: u32) -> usize {
        debug_assert!((class as usize) < self.block_granules.len());
        // SAFETY: as in `mask`; callers pass an owner byte or a class.
        usize::from(unsafe { *self.block_granules.get_unchecked(class as usize) }) * GRANULE_BYTES
    }

    /// The bits of a class's blocks.
    #[inline(always)]
    pub(crate) fn mask(self, owner: u32) -> u32 {
        debug_assert!((owner as usize) < self.masks.len());
        // SAFETY: the only values ever stored in an owner byte are 0, a class (at most CLASSES_MAX) and `in_transit`
        // (at most CLASSES_MAX + 1): all are indices of this array.
        unsafe { *self.masks.get_unchecked(owner as usize) }
    }

    /// The smallest class for `granules`, which is at most the largest class's.
    #[inline(always)]
    pub(crate) fn class_of(self, granules: usize) -> u32 {
        if self.linear {
            return granules as u32;
        }
        u32::from(self.of_granules[granules % (CLASSES_MAX * 2)])
    }
}

/// One bit at the first granule of each block of that many granules that fits into a page.
const fn mask(granules: u32) -> u32 {
    let mut bits = 0;
    let mut at = 0;
    while at + granules <= PAGE_GRANULES {
        bits |= 1 << at;
        at += granules;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Defaults, Table};

    #[test]
    fn masks_tell_all_classes_apart() {
        for a in 1..=16 {
            for b in 1..a {
                assert_ne!(mask(a), mask(b), "{a} and {b} granules");
            }
        }
    }

    #[test]
    fn a_sparse_list_maps_every_size_to_the_next_class() {
        struct Sparse;
        impl Config for Sparse {
            const CLASSES: &'static [usize] = &[16, 48, 128];
        }
        let table = Sparse::TABLE;
        let classes: [u32; 17] = core::array::from_fn(|granules| table.class_of(granules));
        assert_eq!(classes, [1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3]);
        assert!(!table.linear);
        assert_eq!(table.block_bytes(2), 48);
    }

    #[test]
    fn an_owner_byte_is_a_class_or_none() {
        let table = Defaults::TABLE;
        for (class, &bytes) in (1..).zip(Defaults::CLASSES) {
            assert!(table.is_class(class) && (class as usize) < table.numbers());
            assert_eq!(table.block_bytes(class), bytes);
        }
        for owner in [0, table.in_transit()] {
            assert!(!table.is_class(owner));
            assert_eq!(table.mask(owner), 0);
        }
    }
}
