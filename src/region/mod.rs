//! The heap in memory that is only known at run time.

pub(crate) mod extents;
pub(crate) mod memory;

use crate::config::geometry::{ARENA_MAX_BYTES, EXTENT_MAX_BYTES, GRANULE_BYTES, PAGE_BYTES};
use crate::config::{Config, Defaults, Table};
use crate::extent::{Extent, lengthen};
use crate::heap::attempts::attempts;
use crate::large::{self, Large};
use crate::policy::{self, Policy};
use crate::region::extents::Extents;
use crate::region::memory::Memory;
use crate::report::{CheckError, Piece, Stats, inspect};
use core::alloc::{GlobalAlloc, Layout};
use core::fmt;
use core::ptr::null_mut;

/// A heap in memory that is only known at run time: a linker-symbol region, a second RAM, PSRAM.
///
/// Until [`Region::claim`] has given it memory, every request is refused, without being counted. Each memory is an
/// extent of its own, with its tables inside; requests go to the first that can serve them, so claim the fast one
/// first. A block whose growth its memory can't serve moves to another. `KEPT_PAGES`, `STASH_PAGES` and `RESERVED` of
/// the configuration are for each memory.
///
/// Where threads or cores use the region at the same time, [`Config::home`] gives each a memory to begin with. They
/// then share not even the large tier, as long as there is room in what is theirs.
///
/// | parameter | what it is | default |
/// |---|---|---|
/// | `C`, `P`, `L` | as for a [`Heap`](crate::Heap) | the same |
/// | `N` | how many memories it can have: 48 bytes each on 32-bit targets, 80 on 64-bit ones, besides the memories. Each call looks at up to as many | 4 |
///
/// A memory has 1 KiB to nearly 4 GiB. Small blocks come from pools in its first 16 MiB; what lies behind is the large
/// tier's alone, small blocks included that find no page. A program with more small blocks than that claims its memory
/// in parts. With [`Config::POOLED_PERCENT`] below 100, the pools have so much at its end, and no more than 16 MiB.
///
/// Time of a call: that of a [`Heap`](crate::Heap)'s for each memory that is asked, and somewhat more, because
/// addresses are not constants.
///
/// ```
/// use core::alloc::{GlobalAlloc, Layout};
/// static REGION: larder::Region = larder::Region::new();
/// let memory: &'static mut [u8] = Box::leak(vec![0; 8192].into_boxed_slice());
/// // SAFETY: the memory is nobody else's, for ever.
/// unsafe { REGION.claim(memory.as_mut_ptr(), memory.len()) }?;
/// let layout = Layout::new::<u64>();
/// // SAFETY: the layout's size is not zero, and the block is freed with the same layout.
/// unsafe {
///     let block = REGION.alloc(layout);
///     assert!(REGION.contains(block));
///     REGION.dealloc(block, layout);
/// }
/// # Ok::<(), larder::ClaimError>(())
/// ```
///
/// On a microcontroller whose linker script says `_sram2 = ORIGIN(SRAM2); _eram2 = ORIGIN(SRAM2) + LENGTH(SRAM2);`,
/// once, before the first request:
///
/// ```ignore
/// unsafe extern "C" {
///     static mut _sram2: u8;
///     static mut _eram2: u8;
/// }
/// let start = &raw mut _sram2;
/// // SAFETY: the linker script gives this memory to nobody else.
/// unsafe { REGION.claim(start, (&raw mut _eram2).addr() - start.addr()) }?;
/// ```
pub struct Region<C = Defaults, P = policy::Default, L = large::Segregated, const N: usize = 4> {
    extents: Extents<Memory<C, P, L>, N>,
}

// SAFETY: the memory of its extents is reached as in `Heap`.
unsafe impl<C: Config, P: Policy, L: Large, const N: usize> Sync for Region<C, P, L, N> {}
// SAFETY: a region owns its memory; nothing in it belongs to a thread.
unsafe impl<C: Config, P: Policy, L: Large, const N: usize> Send for Region<C, P, L, N> {}

/// Why a memory could not be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum ClaimError {
    /// It is too small for the tables, a page, and the pages that the configuration reserves.
    TooSmall,
    /// It is larger than places in it can be numbered: 4 GiB less 256 bytes on 32-bit targets, 2 GiB on hosts. With a
    /// large tier that does not keep the pools' pages apart, as `large::LinkedList`, 16 MiB.
    TooLarge,
    /// It is part of the region already.
    Twice,
    /// It overlaps memory of the region, or the end of the address space.
    Overlaps,
    /// The region has as many memories as its parameter `N` allows.
    TooMany,
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooSmall => {
                "the memory is too small for a heap's tables and its reserved pages: at least 1 KiB is needed"
            }
            Self::TooLarge => "the memory is larger than the region can number: claim it in parts",
            Self::Twice => "the memory is claimed already",
            Self::Overlaps => "the memory overlaps what is claimed already, or the end of the address space",
            Self::TooMany => "the region has as many memories as it can have",
        })
    }
}

impl core::error::Error for ClaimError {}

impl<C: Config, P: Policy, L: Large, const N: usize> Region<C, P, L, N> {
    /// The longest memory.
    const LONGEST_BYTES: usize =
        if L::KEEPS_PAGES_APART || C::TABLE.count == 0 { EXTENT_MAX_BYTES } else { ARENA_MAX_BYTES };

    /// A region without memory.
    pub const fn new() -> Self {
        let () = C::VALID;
        let () = policy::is_named::<P>();
        Self { extents: Extents::new() }
    }

    /// Gives the region a memory of `len_bytes` bytes from `start`, of which it aligns the start and
    /// zeroes its tables (about 4 %). The memory may hold anything before. On an error nothing was touched.
    ///
    /// Time: O(len), to lay out and zero the tables. Other contexts may use the region meanwhile.
    ///
    /// # Errors
    ///
    /// See [`ClaimError`]. There is no panic.
    ///
    /// # Safety
    ///
    /// - The memory is valid for reads and writes, nobody else's, and stays so for as long as the region
    ///   or any block of it is used.
    /// - No other call of `claim` or [`extend`](Region::extend) on this region runs at the same time.
    /// - Read-modify-write atomics work in it. (In the PSRAM of some ESP32 they don't.)
    pub unsafe fn claim(&self, start: *mut u8, len_bytes: usize) -> Result<(), ClaimError> {
        let skipped = skipped(start);
        self.end_of(start, len_bytes)?;
        let len_bytes = len_bytes.checked_sub(skipped).ok_or(ClaimError::TooSmall)?;
        if len_bytes > Self::LONGEST_BYTES {
            return Err(ClaimError::TooLarge);
        }
        let memory = Memory::lay_out(start.wrapping_add(skipped), len_bytes).ok_or(ClaimError::TooSmall)?;
        if self.extents.is_full() {
            return Err(ClaimError::TooMany);
        }
        // SAFETY: the caller gave the memory up, and keeps claims apart.
        unsafe {
            memory.zero_tables();
            if C::TELLS {
                let first = self.memories().next().unwrap_or(memory.extent());
                memory.extent().events().share(first.events());
            }
            self.extents.push(memory);
        }
        Ok(())
    }

    /// Gives the region more memory, which joins what it touches: if the memory that ends at `start`, of which there
    /// can be up to 7 bytes less than were claimed, can become longer, it does, and what is free at its end and at the
    /// start of the new is one run. Memory that touches none, or only the start of one, becomes a memory of its own, as
    /// [`claim`](Region::claim) makes it. For what others give back after start-up: the bootloader's, a radio stack's.
    /// Blocks stay where they are.
    ///
    /// A memory can't become longer if the large tier is `large::LinkedList`; if
    /// [`Config::POOLED_PERCENT`] is below 100; or by less than its tables and 16 bytes need.
    ///
    /// Time: O(tables of the memory), which move, and O(new).
    ///
    /// # Errors
    ///
    /// As for `claim`; then nothing was touched. There is no panic.
    ///
    /// # Safety
    ///
    /// - What `claim` asks for, of the new memory.
    /// - **Nobody else uses the region meanwhile**, neither a thread nor an interrupt handler nor another core: tables
    ///   move that are read without a lock. Nor is this called from one of the region's hooks, or out of
    ///   [`walk`](Region::walk). The context that uses the region afterwards does so ordered behind this call: by a
    ///   lock, by unmasking the interrupt, by a message.
    /// - The pointer that the touched memory was claimed by may be used for the new memory too. So it is if both are
    ///   parts of one Rust object, or if neither is any: memory of the linker script, or at an address of the
    ///   hardware's.
    ///
    /// ```
    /// use core::alloc::{GlobalAlloc, Layout};
    /// static REGION: larder::Region = larder::Region::new();
    /// let ram: &'static mut [u8] = Box::leak(vec![0; 16 * 1024].into_boxed_slice());
    /// let start = ram.as_mut_ptr();
    /// // SAFETY: the memory is nobody else's, for ever, and nobody else uses the region.
    /// unsafe {
    ///     REGION.claim(start, 8 * 1024)?; // the rest is the bootloader's
    ///     REGION.extend(start.add(8 * 1024), 8 * 1024)?; // now it is not
    /// }
    /// // SAFETY: the size is not zero.
    /// assert!(!unsafe { REGION.alloc(Layout::new::<[u8; 12 * 1024]>()) }.is_null());
    /// # Ok::<(), larder::ClaimError>(())
    /// ```
    pub unsafe fn extend(&self, start: *mut u8, len_bytes: usize) -> Result<(), ClaimError> {
        let end = self.end_of(start, len_bytes)?;
        for slot in self.extents.places() {
            // SAFETY: it was claimed. A copy, of which nothing has to be dropped.
            let old = unsafe { slot.read() };
            if start.addr().wrapping_sub(old.end().addr()) >= GRANULE_BYTES {
                continue;
            }
            // Nobody is inside, so `look` gets in, and sets the large tier up if nobody has been there.
            if let (Some(longer), Some(())) = (old.up_to(end), old.extent().look(|_| ())) {
                // SAFETY: the caller's contract: nobody else looks. `up_to` has made the one of the other, at least 16
                // bytes longer.
                unsafe {
                    lengthen(old.extent(), longer.extent());
                    slot.write(longer);
                }
                self.share_events();
                return Ok(());
            }
        }
        // SAFETY: passed on.
        unsafe { self.claim(start, len_bytes) }
    }

    /// Has all memories use the first one's word for the hook's runs, wherever that is now.
    fn share_events(&self) {
        if C::TELLS {
            for memory in self.memories() {
                let first = self.memories().next().unwrap_or(memory);
                // SAFETY: nobody uses the region while `extend` runs, which calls this. The first memory is there as
                // long as the others.
                unsafe { memory.events().share(first.events()) };
            }
        }
    }

    /// Where a memory would end that is none of the region's.
    fn end_of(&self, start: *mut u8, len_bytes: usize) -> Result<usize, ClaimError> {
        let end = start.addr().checked_add(len_bytes).ok_or(ClaimError::Overlaps)?;
        for memory in self.memories() {
            let first = memory.base().addr();
            if start.addr() < memory.0.end().addr() && first < end {
                let same = start.addr() + skipped(start) == first;
                return Err(if same { ClaimError::Twice } else { ClaimError::Overlaps });
            }
        }
        Ok(end)
    }

    /// The memories, in the order in which they were claimed.
    #[inline(always)]
    fn memories(&self) -> impl Iterator<Item = Extent<&Memory<C, P, L>>> {
        self.extents.iter().map(Memory::extent)
    }

    /// The memory in which the calls of this context begin.
    #[inline(always)]
    fn home(&self) -> Option<Extent<&Memory<C, P, L>>> {
        // There can be more by then.
        self.memories().nth(C::home_of(self.extents.len())?)
    }

    /// The memory in which an address lies.
    #[inline(always)]
    fn memory_of(&self, ptr: *mut u8) -> Option<Extent<&Memory<C, P, L>>> {
        self.memories().find(|memory| memory.holds(ptr))
    }

    /// The memory that answers for an address: one of none is for the home memory to report.
    #[inline(always)]
    fn responsible(&self, ptr: *mut u8) -> Option<Extent<&Memory<C, P, L>>> {
        let home = self.home()?;
        if home.holds(ptr) { Some(home) } else { self.further_of(ptr).or(Some(home)) }
    }

    #[cold]
    #[inline(never)]
    fn further_of(&self, ptr: *mut u8) -> Option<Extent<&Memory<C, P, L>>> {
        self.memory_of(ptr)
    }

    /// A block of the home memory, or of the first other that has one.
    fn find_block(&self, layout: Layout) -> Option<*mut u8> {
        let home = self.home()?;
        let block = home.allocate::<false>(layout);
        if block.is_null() { self.find_beside(home, layout) } else { Some(block) }
    }

    /// A block of the first memory that has one, but this.
    fn find_beside(&self, home: Extent<&Memory<C, P, L>>, layout: Layout) -> Option<*mut u8> {
        let others = self.memories().filter(|memory| !core::ptr::eq(memory.0, home.0));
        others.map(|memory| memory.allocate::<false>(layout)).find(|block| !block.is_null())
    }

    /// The home memory had nothing: the others are asked, and all of them when an out-of-memory hook says so.
    #[cold]
    #[inline(never)]
    fn allocate_elsewhere(&self, home: Extent<&Memory<C, P, L>>, layout: Layout) -> *mut u8 {
        let Some(first) = self.memories().next() else { return null_mut() };
        // With a hook, the home memory is asked again: another context's may have run since it was asked, and every
        // attempt that the hook is asked about has to begin after it was looked how often one ran.
        let attempt = || if C::RESCUES { self.find_block(layout) } else { self.find_beside(home, layout) };
        // The first memory keeps count, for all of them.
        first.persist(layout.size(), layout.align(), attempt)
    }

    /// Changes the size of a block where it is, or moves it, perhaps to another memory; null: it is none. `None`: there
    /// is no room.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    unsafe fn attempt_to_resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> Option<*mut u8> {
        let Some(memory) = self.responsible(ptr) else { return Some(null_mut()) };
        match memory.resize(ptr, layout.size(), new_size) {
            Ok(true) => Some(ptr),
            // SAFETY: `new_size` is valid for the alignment, and both blocks are the caller's, by
            // the contract of `realloc`. The new one may lie in another memory.
            Ok(false) => unsafe {
                let new = self.find_block(Layout::from_size_align_unchecked(new_size, layout.align()))?;
                core::ptr::copy_nonoverlapping(ptr, new, layout.size().min(new_size));
                memory.release(ptr, layout);
                Some(new)
            },
            Err(reason) => {
                memory.wrong_free(ptr, reason);
                Some(null_mut())
            }
        }
    }

    /// Counts what all memories hold: see [`Heap::stats`](crate::Heap::stats). Figures are sums, but for
    /// [`Stats::largest_free_bytes`], the largest of any memory; a peak is the sum of the memories' peaks, which need
    /// not have been at the same time.
    pub fn stats(&self) -> Stats {
        let mut sum = Stats::none();
        for memory in self.memories() {
            sum.add(&memory.stats());
        }
        sum
    }

    /// As [`Heap::walk`](crate::Heap::walk), one memory after the other: pieces touch within each.
    pub fn walk(&self, mut show: impl FnMut(Piece)) -> bool {
        let mut steady = true;
        for memory in self.memories() {
            steady &= memory.walk(&mut show);
        }
        steady
    }

    /// As [`Heap::trim`](crate::Heap::trim).
    pub fn trim(&self) {
        self.memories().for_each(|memory| memory.trim());
    }

    /// As [`Heap::check`](crate::Heap::check).
    pub fn check(&self) -> Result<(), CheckError> {
        self.memories().try_for_each(Extent::check)
    }

    /// As [`Heap::contains`](crate::Heap::contains).
    pub fn contains(&self, ptr: *const u8) -> bool {
        self.memory_of(ptr.cast_mut()).is_some()
    }

    /// As [`Heap::usable_size`](crate::Heap::usable_size).
    pub fn usable_size(&self, ptr: *const u8) -> usize {
        self.memory_of(ptr.cast_mut()).map_or(0, |memory| memory.occupied(ptr.cast_mut()))
    }

    /// Frees a block; `false`: it was wrong, or there is no memory.
    #[inline(always)]
    fn release(&self, ptr: *mut u8, layout: Layout) -> bool {
        self.responsible(ptr).is_some_and(|memory| memory.release(ptr, layout))
    }

    /// A block, or null, without asking the out-of-memory hook, and uncounted.
    fn attempt(&self, layout: Layout) -> *mut u8 {
        self.find_block(layout).unwrap_or(null_mut())
    }

    /// Changes the size of a block likewise.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    unsafe fn attempt_resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.attempt_to_resize(ptr, layout, new_size) }.unwrap_or(null_mut())
    }

    attempts!();
}

inspect!([C: Config, P: Policy, L: Large, const N: usize] Region<C, P, L, N>);

impl<C: Config, P: Policy, L: Large, const N: usize> Default for Region<C, P, L, N> {
    fn default() -> Self {
        Self::new()
    }
}

/// How many bytes a memory does not use at its start: up to the first page, and at address 0 a page, for no block there
/// could be told from a refusal.
fn skipped(start: *mut u8) -> usize {
    if start.is_null() { PAGE_BYTES } else { start.addr().wrapping_neg() % PAGE_BYTES }
}

const _: () = assert!(GRANULE_BYTES == 8);

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use core::ptr::without_provenance_mut;

    #[test]
    fn no_block_lies_at_address_zero() {
        let bytes = [0, 1, 255, 256, 257].map(|address| skipped(without_provenance_mut(address)));
        assert_eq!(bytes, [256, 255, 1, 0, 255]);
    }
}

// SAFETY: blocks come from the engines of disjoint memories; otherwise as for `Heap`.
unsafe impl<C: Config, P: Policy, L: Large, const N: usize> GlobalAlloc for Region<C, P, L, N> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(home) = self.home() else { return null_mut() };
        let block = home.allocate::<false>(layout);
        if block.is_null() { self.allocate_elsewhere(home, layout) } else { block }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.release(ptr, layout);
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let Some(first) = self.memories().next() else { return null_mut() };
        // SAFETY: passed on.
        first.persist(new_size, layout.align(), || unsafe { self.attempt_to_resize(ptr, layout, new_size) })
    }
}
