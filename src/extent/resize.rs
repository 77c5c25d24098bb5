//! Blocks that change their size, where they are or elsewhere.

use super::{Extent, Location, Place, Storage, large_bytes};
use crate::config::{Reason, Table};
use crate::large::Resized;
use core::alloc::Layout;
use core::ptr::null_mut;

/// Resizes blocks.
impl<S: Storage> Extent<S> {
    /// Changes the size of a block where it is, or moves it. Without `REPORT`, no out-of-memory hook is asked, and a
    /// refusal is neither counted nor told.
    ///
    /// # Safety
    ///
    /// That of `GlobalAlloc::realloc`.
    #[inline]
    pub(crate) unsafe fn reallocate<const REPORT: bool>(
        self,
        ptr: *mut u8,
        layout: Layout,
        new_size: usize,
    ) -> *mut u8 {
        let location = self.locate(ptr);
        let resize = || match self.resize_at(location, layout.size(), new_size) {
            Ok(true) => Some(ptr),
            // SAFETY: the contract of `realloc` is this function's: the block is the caller's, of this layout, the new
            // size not zero.
            Ok(false) => unsafe { self.relocate::<REPORT>(location, ptr, layout, new_size) },
            Err(reason) => {
                self.wrong_free(ptr, reason);
                Some(null_mut())
            }
        };
        match REPORT && S::Config::RESCUES {
            // Each attempt is the whole request: what was released may lie behind the block.
            true => self.persist(new_size, layout.align(), resize),
            false => resize().unwrap_or(null_mut()),
        }
    }

    /// Moves a block, which is what `locate` has found; `None`: there was none to be had. With `REPORT`, and without an
    /// out-of-memory hook, that was counted and told.
    ///
    /// # Safety
    ///
    /// That of `GlobalAlloc::realloc`.
    #[inline]
    pub(crate) unsafe fn relocate<const REPORT: bool>(
        self,
        location: Location,
        ptr: *mut u8,
        layout: Layout,
        new_size: usize,
    ) -> Option<*mut u8> {
        let new = match REPORT && !S::Config::RESCUES {
            true => Self::allocate_rarely::<true>(new_size, layout.align(), self),
            false => Self::allocate_rarely::<false>(new_size, layout.align(), self),
        };
        if new.is_null() {
            return None;
        }
        // SAFETY: both blocks are the caller's, disjoint, and so long.
        unsafe { core::ptr::copy_nonoverlapping(ptr, new, layout.size().min(new_size)) };
        self.release_at(location, ptr, layout.size());
        Some(new)
    }

    /// `Ok(false)`: the block has to move.
    #[inline]
    pub(crate) fn resize(self, ptr: *mut u8, old_size: usize, new_size: usize) -> Result<bool, Reason> {
        self.resize_at(self.locate(ptr), old_size, new_size)
    }

    /// The same for what `locate` has found.
    #[inline]
    pub(crate) fn resize_at(self, location: Location, old_size: usize, new_size: usize) -> Result<bool, Reason> {
        match location.place()? {
            // A smaller size can be right: a request may get a block of a larger class.
            Place::Pooled(class) if old_size > Self::TABLE.block_bytes(class) => Err(Reason::Size),
            Place::Pooled(class) => Ok(new_size <= Self::TABLE.block_bytes(class)),
            Place::Large(_) if new_size > self.map().ground as usize => Ok(false),
            Place::Large(first) => match self.resize_large(first, large_bytes(old_size), large_bytes(new_size)) {
                Resized::InPlace => Ok(true),
                Resized::Move => Ok(false),
                Resized::Wrong(reason) => Err(reason),
            },
        }
    }
}
