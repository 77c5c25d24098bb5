//! What a call of a small heap does.

use super::granules::{Blocks, Granules, state};
use crate::config::geometry::{GRANULE_BYTES, granules};
use crate::config::{Event, Reason, Table, WrongFree};
use crate::hooks::emergency;
use crate::hooks::events;
use crate::sync::Ordering::*;
use core::alloc::Layout;
use core::num::NonZero;
use core::ptr::null_mut;

/// Serves calls.
impl<G: Granules> Blocks<G> {
    #[inline]
    pub(crate) fn allocate<const REPORT: bool>(self, layout: Layout) -> *mut u8 {
        match REPORT {
            true => self.serve(layout.size(), layout.align()),
            false => self.search(length(layout.size()), layout.align()).unwrap_or(null_mut()),
        }
    }

    /// A block; or null, which is counted and told.
    #[inline(never)]
    pub(crate) fn serve(self, size: usize, align: usize) -> *mut u8 {
        self.persist(size, align, || self.search(length(size), align))
    }

    /// Makes attempts to serve a request: see [`emergency::persist`].
    #[inline]
    pub(crate) fn persist(self, size: usize, align: usize, attempt: impl FnMut() -> Option<*mut u8>) -> *mut u8 {
        let header = self.header();
        let refuse = || emergency::refuse(&header.refused, size, align, |event| self.tell(event));
        emergency::persist::<G::Config>(&header.rescues, size, align, refuse, attempt)
    }

    /// A block of that many granules, or null.
    #[inline]
    pub(crate) fn search(self, len: usize, align: usize) -> Option<*mut u8> {
        let hint = self.hint(len);
        let mut from = hint.map_or(0, |hint| hint.load(Relaxed) as usize);
        // A run of that many has `len` at an aligned place, wherever it begins.
        let most = len + (align - 1) / GRANULE_BYTES;
        loop {
            let run = self.at(self.find(most, from));
            let block = run.map_addr(|addr| addr.wrapping_add(align - 1) & !(align - 1));
            let first = self.granule(block);
            let end = first + len;
            if end > self.count() {
                if from == 0 {
                    return None;
                }
                from = 0;
            } else if self.claim(first, end, true) {
                if let Some(hint) = hint {
                    hint.store(first as u32, Relaxed);
                }
                return Some(block);
            }
        }
    }

    /// Takes a block back. `false`: it is none, which is counted and told.
    #[inline]
    pub(crate) fn deallocate(self, ptr: *mut u8, layout: Layout) -> bool {
        self.give(ptr, length(layout.size()))
    }

    /// Frees a block of that many granules. `false`: it is none, which is counted and told.
    #[inline(never)]
    pub(crate) fn give(self, ptr: *mut u8, len: usize) -> bool {
        let Some(end) = self.locate(ptr, len) else { return false };
        let mine = self.release(end.get() - len, end.get());
        if !mine {
            self.wrong_free(ptr, Reason::Double);
        }
        mine
    }

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
        let len = length(layout.size());
        let Some(end) = self.locate(ptr, len) else { return null_mut() };
        let wanted = end.get() - len + length(new_size);
        let extend = || self.move_end(end.get(), wanted).then_some(ptr);
        let whole = || extend().or_else(|| self.search(length(new_size), layout.align()));
        let new = match REPORT {
            false => whole().unwrap_or(null_mut()),
            // Each attempt is the whole request: what was released may lie behind the block.
            true if G::Config::RESCUES => self.persist(new_size, layout.align(), whole),
            true => extend().unwrap_or_else(|| self.serve(new_size, layout.align())),
        };
        if new != ptr && !new.is_null() {
            // SAFETY: both blocks are the caller's, disjoint, and so long: one that does not grow stays.
            unsafe { core::ptr::copy_nonoverlapping(ptr, new, layout.size()) };
            self.give(ptr, len);
        }
        new
    }

    /// Moves the end of a block. `false`: what is behind it is not free.
    #[inline]
    pub(crate) fn move_end(self, end: usize, wanted: usize) -> bool {
        if wanted <= end {
            self.clear(wanted, end);
            return true;
        }
        wanted <= self.count() && self.claim(end, wanted, false)
    }

    /// Where a live block of that many granules ends. `None`: it is none, or longer or shorter, which is counted and
    /// told.
    #[inline(never)]
    pub(crate) fn locate(self, ptr: *mut u8, len: usize) -> Option<NonZero<usize>> {
        // An address inside of a granule becomes a large number too.
        let first = self.offset(ptr).rotate_right(GRANULE_BYTES.ilog2());
        let reason = if first >= self.count() {
            if self.contains(ptr) { Reason::NoBlock } else { Reason::Foreign }
        } else {
            match self.state(first) {
                state::STARTS => {
                    let end = self.end(first);
                    if end == first + len {
                        return NonZero::new(end);
                    }
                    Reason::Size
                }
                state::GOES_ON => Reason::NoBlock,
                _ => Reason::Double,
            }
        };
        self.wrong_free(ptr, reason);
        None
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn wrong_free(self, ptr: *mut u8, reason: Reason) {
        self.header().wrong_frees.fetch_add(1, Relaxed);
        self.tell(Event::WrongFree(WrongFree { address: ptr.addr(), reason }));
    }

    /// Tells the hook, if there is one.
    #[inline]
    pub(crate) fn tell(self, event: Event) {
        if G::Config::TELLS {
            events::tell::<G::Config>(self.0.events(), self.0.events(), event);
        }
    }

    /// How many bytes an address lies behind the start; very many for one before it.
    #[inline]
    pub(crate) fn offset(self, ptr: *mut u8) -> usize {
        ptr.addr().wrapping_sub(self.0.base().addr())
    }

    /// The granule in which an address lies.
    #[inline]
    pub(crate) fn granule(self, ptr: *mut u8) -> usize {
        self.offset(ptr) / GRANULE_BYTES
    }

    #[inline]
    pub(crate) fn contains(self, ptr: *mut u8) -> bool {
        self.granule(ptr) < self.count()
    }

    #[inline]
    pub(crate) fn at(self, granule: usize) -> *mut u8 {
        self.0.base().wrapping_add(granule * GRANULE_BYTES)
    }
}

/// Granules of a block. A request of no bytes is a caller's error, and gets the smallest.
#[inline]
fn length(size: usize) -> usize {
    granules(size.max(1))
}
