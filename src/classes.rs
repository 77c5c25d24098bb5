//! Size classes: from a size to a class, from a class to the bits its blocks may have.
//!
//! Where a heap has several [`Config::LANES`], each lane has all size classes for itself, and *class* means
//! a size class of a lane everywhere but here: own pages, own front, own index.
//!
//! ```text
//!   class    0 = none · lane · stride + size class, which is 1..=count · all others are none either
//! ```
//!
//! So lanes need no protocol of their own: a page that goes from one lane to another is a page that changes its class.
//! With one lane a class is a size class.

use crate::config::Config;
use crate::geometry::{GRANULE_BYTES, LINE_WORDS, PAGE_BYTES, PAGE_GRANULES};

/// The most classes a configuration can have: as many as granules fit into half a page.
pub(crate) const CLASSES_MAX: usize = PAGE_GRANULES as usize / 2;

/// What a page is: a value of the owner byte.
pub(crate) mod owner {
    /// The page belongs to tier 2, free or not. The value of zeroed memory.
    pub(crate) const LARGE: u32 = 0;
}

/// The classes of a configuration, laid out for the calls. A value: what it says itself is known when the program is
/// built, and only what it refers to, if the program looks there, is in the program.
#[derive(Clone, Copy)]
pub(crate) struct ClassTable {
    /// How many size classes there are; they are numbered from 1.
    pub(crate) count: usize,
    /// How many lanes have them.
    lanes: usize,
    /// What lies between the numbers of one lane's classes and the next's: a power of two.
    stride: u32,
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
    /// Granules of a size class's blocks; 0 for what is no class.
    block_granules: [u8; CLASSES_MAX + 2],
    /// The size class's blocks as bits at their first granules; 0 for what is no class, so that nothing
    /// is ever a block there.
    masks: [u32; CLASSES_MAX + 2],
    /// The smallest size class that holds that many granules.
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
        // So many words fill a line of the cache: what a lane's fronts have for themselves.
        let stride = if count < LINE_WORDS { LINE_WORDS } else { LINE_WORDS * 2 };
        assert!(C::LANES >= 1, "larder: a heap has at least one lane");
        assert!(
            C::LANES == 1 || C::LANES * stride < 256,
            "larder: too many lanes: at most 15, and with 16 classes at most 7"
        );
        Self {
            count,
            lanes: C::LANES,
            stride: stride as u32,
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
        // No size class of any lane.
        if self.lanes == 1 { self.count as u32 + 1 } else { self.lanes as u32 * self.stride }
    }

    /// Whether an owner byte names a class.
    #[inline(always)]
    pub(crate) const fn is_class(self, owner: u32) -> bool {
        self.size_class(owner).wrapping_sub(1) < self.count as u32
    }

    /// The size class of a class; 0 for what is no class.
    #[inline(always)]
    pub(crate) const fn size_class(self, class: u32) -> u32 {
        if self.lanes == 1 { class } else { class % self.stride }
    }

    /// The lane of a class.
    #[inline(always)]
    pub(crate) const fn lane(self, class: u32) -> usize {
        if self.lanes == 1 { 0 } else { (class / self.stride) as usize }
    }

    /// A size class in a lane.
    #[inline(always)]
    pub(crate) const fn in_lane(self, size_class: u32, lane: usize) -> u32 {
        if self.lanes == 1 { size_class } else { lane as u32 * self.stride + size_class }
    }

    /// One more than the largest class has as its number.
    pub(crate) const fn numbers(self) -> usize {
        if self.lanes == 1 { self.count + 1 } else { self.lanes * self.stride as usize }
    }

    /// Bytes of a class's blocks.
    #[inline(always)]
    pub(crate) fn block_bytes(self, class: u32) -> usize {
        let class = self.size_class(class);
        debug_assert!((class as usize) < self.block_granules.len());
        // SAFETY: as in `mask`; callers pass an owner byte or a class.
        usize::from(unsafe { *self.block_granules.get_unchecked(class as usize) }) * GRANULE_BYTES
    }

    /// The bits of a class's blocks.
    #[inline(always)]
    pub(crate) fn mask(self, owner: u32) -> u32 {
        let owner = self.size_class(owner);
        debug_assert!((owner as usize) < self.masks.len());
        // SAFETY: the only values ever stored in an owner byte are 0, a class (its size class is at most CLASSES_MAX)
        // and `in_transit` (at most CLASSES_MAX + 1, or with lanes no size class, 0): all are indices of this array.
        unsafe { *self.masks.get_unchecked(owner as usize) }
    }

    /// The smallest size class for `granules`, which is at most the largest class's.
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
    extern crate std;
    use super::*;
    use crate::config::{Defaults, Table};
    use std::vec::Vec;

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

    fn has_every_size_class_in_every_lane<C: Config>() {
        let table = C::TABLE;
        let mut classes = Vec::new();
        for lane in 0..C::LANES {
            for (size_class, &bytes) in (1..).zip(C::CLASSES) {
                let class = table.in_lane(size_class, lane);
                assert!(table.is_class(class) && (class as usize) < table.numbers() && class < 256);
                assert_eq!((table.size_class(class), table.lane(class)), (size_class, lane));
                assert_eq!(table.block_bytes(class), bytes);
                assert!(!classes.contains(&class));
                classes.push(class);
            }
        }
        assert!(!table.is_class(0) && !table.is_class(table.in_transit()) && table.in_transit() < 256);
        assert_eq!((table.mask(0), table.mask(table.in_transit())), (0, 0));
    }

    struct Fifteen;
    impl Config for Fifteen {
        const LANES: usize = 15;
    }

    struct SevenOfAll;
    impl Config for SevenOfAll {
        const CLASSES: &'static [usize] = &[8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120, 128];
        const LANES: usize = 7;
    }

    #[test]
    fn every_class_of_every_lane_has_a_number_of_its_own() {
        has_every_size_class_in_every_lane::<Defaults>();
        has_every_size_class_in_every_lane::<Fifteen>();
        has_every_size_class_in_every_lane::<SevenOfAll>();
    }
}
