//! The units in which the heap counts.
//!
//! ```text
//!   arena   ┌ page 1 ┬ page 2 ┬ … ┬ page P ┬ tail ┬ tables ┐
//!           │ 256 B  │ 256 B  │   │ 256 B  │< 256 │        │
//!   (a static arena of 64 KiB or more has its tables in front)
//!   page    └─ 32 granules of 8 bytes: one bit each in one 32-bit word
//! ```
//!
//! Pages and granules are numbered from 1, so that 0, which is what zeroed memory holds, means *none*
//! in every link, front and slot. A *place* is 8 times a granule's number: what lies there is that far,
//! less 8, from the start of the arena. The numbers are the same on every target: what a test proves on a
//! 64-bit host, it proves for the microcontroller.

/// Bytes of a granule: the unit of every size and address the heap hands out.
pub const GRANULE_BYTES: usize = 8;
/// Granules of a page: as many as a word of the pool protocol has bits.
pub const PAGE_GRANULES: u32 = 32;
/// Bytes of a page: what one size class owns at a time.
pub const PAGE_BYTES: usize = GRANULE_BYTES * PAGE_GRANULES as usize;
/// The smallest block of the large tier, in bytes: room for a free run's two links and two sizes.
pub const LARGE_MIN_BYTES: u32 = 16;
/// The largest alignment that is served, in bytes.
pub const ALIGN_MAX_BYTES: usize = 64 * 1024;
/// The largest arena, in bytes: the numbers of its granules fit into 21 bits, of its pages into 16.
pub const ARENA_MAX_BYTES: usize = 16 * 1024 * 1024;
/// The most pages that the pools of a region's memory can have: what fits into 16 bits. What lies behind is the large
/// tier's alone.
pub const PAGES_MAX: usize = (1 << 16) - 1;
/// The largest extent of a heap that grows, and the largest memory of a region, in bytes. On 32-bit targets it ends
/// with the address space: the numbers of its granules fit into 29 bits, of its pages into 24. On 64-bit hosts a place
/// is also an `i32`.
pub const EXTENT_MAX_BYTES: usize = if usize::BITS == 32 { u32::MAX as usize - 255 } else { i32::MAX as usize - 255 };

/// [`GRANULE_BYTES`], for places and lengths inside an arena.
pub const GRANULE: u32 = GRANULE_BYTES as u32;
/// [`PAGE_BYTES`], for places and lengths inside an arena.
pub const PAGE: u32 = PAGE_BYTES as u32;

/// Granules that hold `bytes`. `bytes` must not exceed `isize::MAX`.
#[inline(always)]
pub const fn granules(bytes: usize) -> usize {
    bytes.wrapping_add(GRANULE_BYTES - 1) / GRANULE_BYTES
}

/// The place of a page: 8 times the number of its first granule.
#[inline(always)]
pub const fn page_place(page: u32) -> u32 {
    page * PAGE - (PAGE - GRANULE)
}

/// The page in which a place lies.
#[inline(always)]
pub const fn place_page(place: u32) -> u32 {
    (place + (PAGE - GRANULE)) / PAGE
}
