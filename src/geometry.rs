//! The units in which the heap counts.
//!
//! ```text
//!   arena   ┌ page 1 ┬ page 2 ┬ … ┬ page P ┬ tail ┬ tables ┐
//!           │ 256 B  │ 256 B  │   │ 256 B  │< 256 │        │
//!   page    └─ 32 granules of 8 bytes: one bit each in one 32-bit word
//! ```
//!
//! Pages and granules are numbered from 1, so that 0, which is what zeroed memory holds, means *none*
//! in every link, hint and slot. The numbers are the same on every target: what a test proves on a
//! 64-bit host, it proves for the microcontroller.

/// Bytes of a granule: the unit of every size and address the heap hands out.
pub const GRANULE_BYTES: usize = 8;
/// Granules of a page: as many as a word of the pool protocol has bits.
pub const PAGE_GRANULES: u32 = 32;
/// Bytes of a page: what one size class owns at a time.
pub const PAGE_BYTES: usize = GRANULE_BYTES * PAGE_GRANULES as usize;
/// The smallest block of the large tier, in granules: room for a free block's two links and two sizes.
pub const LARGE_MIN_GRANULES: u32 = 2;
/// The largest alignment that is served, in bytes.
pub const ALIGN_MAX_BYTES: usize = 64 * 1024;
/// The largest arena, in bytes: the numbers of its granules fit into 21 bits, of its pages into 16.
pub const ARENA_MAX_BYTES: usize = 16 * 1024 * 1024;

/// Granules that hold `bytes`. `bytes` must not exceed `isize::MAX`.
#[inline(always)]
pub const fn granules(bytes: usize) -> usize {
    (bytes + (GRANULE_BYTES - 1)) / GRANULE_BYTES
}

/// The first granule of a page.
#[inline(always)]
pub const fn page_granule(page: u32) -> u32 {
    (page - 1) * PAGE_GRANULES + 1
}

/// The page in which a granule lies.
#[inline(always)]
pub const fn granule_page(granule: u32) -> u32 {
    (granule - 1) / PAGE_GRANULES + 1
}
