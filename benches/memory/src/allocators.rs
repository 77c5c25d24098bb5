//! larder and its peers.

#[cfg(feature = "buddy")]
pub mod buddy;
#[cfg(feature = "bump")]
pub mod bump;
#[cfg(feature = "dlmalloc")]
pub mod dlmalloc;
#[cfg(feature = "emballoc")]
pub mod emballoc;
#[cfg(feature = "larder")]
pub mod larder;
#[cfg(feature = "linked_list")]
pub mod linked_list;
#[cfg(feature = "none")]
pub mod none;
#[cfg(feature = "rlsf")]
pub mod rlsf;
#[cfg(feature = "larder")]
pub mod small;
#[cfg(feature = "talc")]
pub mod talc;

use crate::heap::{Anatomy, Heap, Wrong};
use crate::room::{Found, Room};

/// An allocator as a row of functions, so that one program can drive many.
#[derive(Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    /// What the figures add to the arena.
    pub state_bytes: usize,
    /// What the room must have for the state.
    pub place_bytes: usize,
    pub search: fn(&Room, usize) -> Option<Found>,
    pub attempt: fn(&Room, usize) -> Option<usize>,
    pub check: fn(&Room, usize) -> Result<(), Wrong>,
    /// Places a fresh heap.
    pub start: fn(&Room, usize) -> bool,
    /// Replays on the heap that `start` placed: the timed loop.
    pub replay: fn(&Room) -> Option<usize>,
    /// Of the heap that `start` or the latest `attempt` placed.
    pub anatomy: fn(&Room) -> Option<Anatomy>,
}

#[allow(dead_code, reason = "a build without allocators only writes ops")]
const fn entry<H: Heap + 'static>() -> Entry {
    Entry {
        name: H::NAME,
        state_bytes: H::STATE_BYTES,
        place_bytes: size_of::<H>(),
        search: Room::search::<H>,
        attempt: Room::attempt::<H>,
        check: Room::check::<H>,
        start: |room, bytes| room.fresh::<H>(bytes).is_some(),
        // SAFETY: `start` placed a heap of this type.
        replay: |room| room.replay(unsafe { &mut *room.state.cast::<H>() }),
        // SAFETY: as above.
        anatomy: |room| unsafe { &*room.state.cast::<H>() }.anatomy(),
    }
}

/// The allocators of this build.
pub const ENTRIES: &[Entry] = &[
    #[cfg(feature = "none")]
    entry::<none::Nothing>(),
    #[cfg(feature = "bump")]
    entry::<bump::Bump>(),
    #[cfg(feature = "larder")]
    entry::<larder::Default>(),
    #[cfg(feature = "larder")]
    entry::<larder::Frugal>(),
    #[cfg(feature = "larder")]
    entry::<larder::Compact>(),
    #[cfg(feature = "larder")]
    entry::<small::Small>(),
    #[cfg(feature = "dlmalloc")]
    entry::<dlmalloc::Dl>(),
    #[cfg(feature = "linked_list")]
    entry::<linked_list::LinkedList>(),
    #[cfg(feature = "rlsf")]
    entry::<rlsf::Fine>(),
    #[cfg(feature = "rlsf")]
    entry::<rlsf::Medium>(),
    #[cfg(feature = "rlsf")]
    entry::<rlsf::Coarse>(),
    #[cfg(feature = "talc")]
    entry::<talc::Standard>(),
    #[cfg(feature = "talc")]
    entry::<talc::Wasm>(),
    #[cfg(feature = "talc")]
    entry::<talc::Fine>(),
    #[cfg(feature = "buddy")]
    entry::<buddy::Buddy>(),
    #[cfg(feature = "emballoc")]
    entry::<emballoc::First>(),
];
