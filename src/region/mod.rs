//! The heap in memory that is only known at run time.

use crate::config::geometry::{ARENA_MAX_BYTES, EXTENT_MAX_BYTES, GRANULE_BYTES, PAGE_BYTES};
use crate::config::{Config, Defaults, Table};
use crate::extent::map::Map;
use crate::heap::attempts::attempts;
use crate::large::{self, Large};
use crate::memories::{Memories, Source};
use crate::policy::{self, Policy};
use crate::report::{CheckError, Piece, Stats, inspect};
use core::alloc::{GlobalAlloc, Layout};
use core::fmt;

/// A heap in memory that is only known at run time: a linker-symbol region, a second RAM, PSRAM.
///
/// Until [`Region::claim`] has given it memory, every request is refused, without being counted. There can be any
/// number of memories. Each is an extent with its tables inside, and so is all that the region knows of it; requests go
/// to the first that can serve them, so claim the fast one first. A block whose growth its memory can't serve moves to
/// another. `KEPT_PAGES`, `STASH_PAGES` and `RESERVED` of the configuration are for each memory.
///
/// Where threads or cores use the region at the same time, [`Config::home`] gives each a memory to begin with. They
/// then share not even the large tier, as long as there is room in what is theirs.
///
/// | parameter | what it is | default |
/// |---|---|---|
/// | `C`, `P`, `L` | as for a [`Heap`](crate::Heap) | the same |
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
pub struct Region<C = Defaults, P = policy::Default, L = large::Segregated>(Memories<Claims, C, P, L>);

/// Memory that the program gives, and none besides.
struct Claims;

// SAFETY: it gives none.
unsafe impl Source for Claims {
    const GROWS: bool = false;
    const PAGE_BITS: u32 = 16;

    fn map<C: Config, P: Policy, L: Large>(bytes: usize) -> Option<Map> {
        Map::new::<C, P, L>(bytes)
    }
}

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
        })
    }
}

impl core::error::Error for ClaimError {}

impl<C: Config, P: Policy, L: Large> Region<C, P, L> {
    /// The longest memory.
    const LONGEST_BYTES: usize =
        if L::KEEPS_PAGES_APART || C::TABLE.count == 0 { EXTENT_MAX_BYTES } else { ARENA_MAX_BYTES };

    /// A region without memory.
    pub const fn new() -> Self {
        let () = policy::is_named::<P>();
        Self(Memories::new(Claims))
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
        // SAFETY: the caller gave the memory up.
        let is_added = len_bytes >= Map::MIN_BYTES && unsafe { self.0.add(start.wrapping_add(skipped), len_bytes) };
        if is_added { Ok(()) } else { Err(ClaimError::TooSmall) }
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
        // SAFETY: the caller's contract: nobody else looks.
        if unsafe { self.0.lengthen(start, end) } {
            return Ok(());
        }
        // SAFETY: passed on.
        unsafe { self.claim(start, len_bytes) }
    }

    /// Where a memory would end that is none of the region's.
    fn end_of(&self, start: *mut u8, len_bytes: usize) -> Result<usize, ClaimError> {
        let end = start.addr().checked_add(len_bytes).ok_or(ClaimError::Overlaps)?;
        for memory in self.0.memories() {
            let first = memory.base().addr();
            if start.addr() < memory.0.end().addr() && first < end {
                let same = start.addr() + skipped(start) == first;
                return Err(if same { ClaimError::Twice } else { ClaimError::Overlaps });
            }
        }
        Ok(end)
    }

    /// Counts what all memories hold: see [`Heap::stats`](crate::Heap::stats). Figures are sums, but for
    /// [`Stats::largest_free_bytes`], the largest of any memory; a peak is the sum of the memories' peaks, which need
    /// not have been at the same time.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// As [`Heap::walk`](crate::Heap::walk), one memory after the other: pieces touch within each.
    pub fn walk(&self, show: impl FnMut(Piece)) -> bool {
        self.0.walk(show)
    }

    /// As [`Heap::trim`](crate::Heap::trim).
    pub fn trim(&self) {
        self.0.trim();
    }

    /// As [`Heap::check`](crate::Heap::check).
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    pub fn check(&self) -> Result<(), CheckError> {
        self.0.check()
    }

    /// As [`Heap::contains`](crate::Heap::contains). Time: O(memories).
    pub fn contains(&self, ptr: *const u8) -> bool {
        self.0.contains(ptr)
    }

    /// As [`Heap::usable_size`](crate::Heap::usable_size).
    pub fn usable_size(&self, ptr: *const u8) -> usize {
        self.0.usable_size(ptr)
    }

    /// Frees a block; `false`: it was wrong, or there is no memory.
    #[inline]
    fn release(&self, ptr: *mut u8, layout: Layout) -> bool {
        self.0.release(ptr, layout)
    }

    /// A block, or null, without asking the out-of-memory hook, and uncounted.
    fn attempt(&self, layout: Layout) -> *mut u8 {
        self.0.allocate::<false>(layout)
    }

    /// Changes the size of a block likewise.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    unsafe fn attempt_resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.0.reallocate::<false>(ptr, layout, new_size) }
    }

    attempts!();
}

inspect!([C: Config, P: Policy, L: Large] Region<C, P, L>);

impl<C: Config, P: Policy, L: Large> Default for Region<C, P, L> {
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

// SAFETY: passed on.
unsafe impl<C: Config, P: Policy, L: Large> GlobalAlloc for Region<C, P, L> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.allocate::<true>(layout)
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.release(ptr, layout);
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.0.reallocate::<true>(ptr, layout, new_size) }
    }
}
