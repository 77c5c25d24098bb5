//! An extent that is only known at run time.

use crate::config::geometry::{LARGE_MIN_BYTES, PAGE_BYTES};
use crate::config::{Config, Table};
use crate::extent::map::Map;
use crate::extent::{Extent, Storage};
use crate::heap::Types;
use crate::large::Large;
use crate::policy::Policy;
use core::marker::PhantomData;

/// One memory: where its tables lie.
#[repr(C, align(8))]
pub(crate) struct Memory<C, P, L> {
    tables: *mut u8,
    sizes: Sizes,
    types: Types<C, P, L>,
}

/// What a map says that depends on how long the memory is.
#[derive(Clone, Copy)]
struct Sizes {
    pages: u32,
    lead: u32,
    ground: u32,
    leaf_words: usize,
    summaries: usize,
    summary_words: usize,
    words: usize,
    owners: usize,
    large: usize,
    bytes: usize,
}

impl Sizes {
    #[inline(always)]
    fn of(map: &Map) -> Self {
        let &Map { pages, lead, ground, leaf_words, summaries, summary_words, words, owners, large, bytes, .. } = map;
        Self { pages, lead, ground, leaf_words, summaries, summary_words, words, owners, large, bytes }
    }
}

impl<C: Config, P: Policy, L: Large> Memory<C, P, L> {
    /// Lays out `len_bytes` bytes from `start`, of which it aligns the start. Touches nothing. `None`: too small, or
    /// too large.
    pub(crate) fn lay_out(start: *mut u8, len_bytes: usize) -> Option<Self> {
        let skipped = start.addr().wrapping_neg() % PAGE_BYTES;
        Self::with_map(start.wrapping_add(skipped), Map::new::<C, P, L>(len_bytes.checked_sub(skipped)?)?)
    }

    /// The extent whose first page is at `base`. `None`: more pages are reserved than it has.
    #[inline(always)]
    fn with_map(base: *mut u8, map: Map) -> Option<Self> {
        if C::RESERVED_PAGES > map.pages {
            return None;
        }
        Some(Self { tables: base.wrapping_add(map.ground as usize), sizes: Sizes::of(&map), types: PhantomData })
    }

    /// The same memory, which ends at `end` from now on, with its tables behind what it has got. Touches nothing.
    /// `None`: the large tier can't become longer, or the pools have no last part that would, or it is too little, or
    /// too much.
    pub(crate) fn up_to(&self, end: usize) -> Option<Self> {
        if !L::GROWS || !C::POOLED_EVERYWHERE {
            return None;
        }
        let longer = Self::lay_out(self.extent().base(), end - self.extent().base().addr())?;
        (longer.sizes.ground >= self.sizes.ground + LARGE_MIN_BYTES).then_some(longer)
    }

    /// # Safety
    ///
    /// The memory is the caller's, and no handle to it is in use.
    pub(crate) unsafe fn zero_tables(&self) {
        // SAFETY: the caller's contract.
        unsafe { self.tables.write_bytes(0, self.sizes.bytes) }
    }

    /// It, for calls.
    #[inline(always)]
    pub(crate) fn extent(&self) -> Extent<&Self> {
        Extent(self)
    }

    /// Behind its last byte.
    pub(crate) fn end(&self) -> *mut u8 {
        self.tables.wrapping_add(self.sizes.bytes)
    }
}

// SAFETY: the code that laid it out gave the memory up for good, and zeroed its tables; the map was made for it.
unsafe impl<C: Config, P: Policy, L: Large> Storage for &Memory<C, P, L> {
    type Policy = P;
    type Large = L;
    type Config = C;

    #[inline(always)]
    fn tables(self) -> *mut u8 {
        self.tables
    }

    /// What does not depend on the size is known when the program is built.
    #[inline(always)]
    fn map(self) -> Map {
        let fixed = const { Map::fixed::<C, P, L>() };
        let Sizes { leaf_words, summaries, summary_words, words, owners, large, ground, bytes, .. } = self.sizes;
        Map {
            pages: if C::TABLE.count == 0 { 0 } else { self.sizes.pages },
            lead: if C::POOLED_EVERYWHERE { 0 } else { self.sizes.lead },
            ground,
            leaf_words,
            summaries,
            summary_words,
            words,
            owners,
            large,
            bytes,
            ..fixed
        }
    }
}

// As the documentation of `Region` says.
const _: () = assert!(
    size_of::<Memory<(), (), ()>>() == if size_of::<usize>() == 4 { 48 } else { 80 } || size_of::<usize>() == 2
);
