//! Calls: in the extent where they begin, then in the others, then in memory that the source has.

use super::{Memories, Node, Source};
use crate::config::{Config, Table};
use crate::extent::Extent;
use crate::hooks::emergency;
use crate::large::Large;
use crate::policy::Policy;
use crate::sync::Ordering::*;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{copy_nonoverlapping, eq, null, null_mut};

impl<S: Source, C: Config, P: Policy, L: Large> Memories<S, C, P, L> {
    #[inline]
    pub(crate) fn allocate<const REPORT: bool>(&self, layout: Layout) -> *mut u8 {
        let home = self.home();
        let mut block = home.map_or(null_mut(), |memory| memory.allocate::<false>(layout));
        if block.is_null() {
            // Where memory arrives meanwhile, or what a hook released, an attempt that failed before says nothing.
            let asked = if C::RESCUES || S::GROWS { None } else { home };
            let asked = asked.map_or(null(), |memory| &raw const *memory.0);
            block = self.allocate_elsewhere::<REPORT>(layout.size(), layout.align(), asked);
        }
        self.meet_block(block, layout.size());
        block
    }

    /// Frees a block; `false`: it was wrong, or there is no memory.
    #[inline]
    pub(crate) fn release(&self, ptr: *mut u8, layout: Layout) -> bool {
        self.responsible(ptr).is_some_and(|memory| memory.release(ptr, layout))
    }

    /// What the home does not have: from the others, or from the source; and again, as often as the
    /// out-of-memory hook asks for it.
    #[cold]
    #[inline(never)]
    fn allocate_elsewhere<const REPORT: bool>(
        &self,
        size: usize,
        align: usize,
        asked: *const Node<S, C, P, L>,
    ) -> *mut u8 {
        self.persist::<REPORT>(size, align, || {
            // Relaxed: a guess, and the source knows whom it gave what there is.
            if S::GROWS && self.oldest.load(Relaxed).is_null() {
                self.begin();
            }
            loop {
                let seen = self.arrivals();
                let block = self.find_block(size, align, asked);
                if !block.is_null() {
                    return Some(block);
                }
                // Others may have what joined an extent before this context. Then there is more to be got, or memory
                // has run out.
                let block = self.grow(size, align, null_mut(), 0, seen)?;
                if !block.is_null() {
                    return Some(block);
                }
            }
        })
    }

    /// Makes attempts to serve a request, as many as the out-of-memory hook asks for; `None` is one in vain. Null after
    /// the last, which is counted and told. Without `REPORT`, there is one attempt, and that is all.
    #[inline]
    fn persist<const REPORT: bool>(
        &self,
        size: usize,
        align: usize,
        mut attempt: impl FnMut() -> Option<*mut u8>,
    ) -> *mut u8 {
        if !REPORT {
            return attempt().unwrap_or(null_mut());
        }
        // Where the hook runs, nobody is in the middle of a call of an extent: what it does may make one longer.
        let refuse = || {
            if let Some(extent) = self.home() {
                extent.refused(size, align);
            }
        };
        emergency::persist::<C>(&self.rescues, size, align, refuse, attempt)
    }

    /// A block of any extent, or null. The one that was `asked` just now is not asked. Where contexts have homes,
    /// theirs comes first.
    #[inline(never)]
    fn find_block(&self, size: usize, align: usize, asked: *const Node<S, C, P, L>) -> *mut u8 {
        let home = if S::GROWS || !asked.is_null() { None } else { self.home() };
        for extent in home.into_iter().chain(self.memories()) {
            if !eq(extent.0, asked) {
                let block = Self::allocate_in(extent, size, align);
                if !block.is_null() {
                    self.serve_from(extent.0);
                    return block;
                }
            }
        }
        null_mut()
    }

    /// A block of one extent, or null: by the shortest way, or, in a heap that grows, by the one that costs the fewest
    /// bytes of code.
    #[inline]
    fn allocate_in(extent: Extent<&Node<S, C, P, L>>, size: usize, align: usize) -> *mut u8 {
        if S::GROWS {
            return Extent::allocate_rarely::<false>(size, align, extent);
        }
        // SAFETY: both are those of a layout.
        extent.allocate::<false>(unsafe { Layout::from_size_align_unchecked(size, align) })
    }

    /// Gives a block back that has moved, in the same ways.
    #[inline]
    fn release_moved(&self, ptr: *mut u8, layout: Layout) {
        if !S::GROWS {
            self.release(ptr, layout);
        } else if let Some(extent) = self.find_responsible(ptr) {
            Extent::release_slowly(ptr, layout.size(), extent);
        }
    }

    #[inline]
    pub(super) fn serve_from(&self, extent: *const Node<S, C, P, L>) {
        if S::GROWS {
            // Release: pairs with the Acquire in `home`.
            self.last.store(extent.cast_mut(), Release);
        }
    }

    /// Called with a block before it is the caller's: another context may have got its memory meanwhile.
    #[inline]
    fn meet_block(&self, block: *mut u8, size: usize) {
        if S::IN_PLACE {
            self.source.meet(block.addr().wrapping_add(size.wrapping_sub(1)));
        }
    }

    /// Changes the size of a block, where it is or elsewhere.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    #[inline(never)]
    pub(crate) unsafe fn reallocate<const REPORT: bool>(
        &self,
        ptr: *mut u8,
        layout: Layout,
        new_size: usize,
    ) -> *mut u8 {
        // Each attempt is the whole request: what was released, or got, may lie behind the block.
        let new = self.persist::<REPORT>(new_size, layout.align(), || {
            let new = loop {
                let seen = self.arrivals();
                let resized = self.resize(ptr, layout, new_size);
                if resized.is_some() {
                    return resized;
                }
                let new = self.find_block(new_size, layout.align(), null());
                if !new.is_null() {
                    break new;
                }
                let new = self.grow(new_size, layout.align(), ptr, layout.size(), seen)?;
                if !new.is_null() {
                    break new;
                }
                // Once more from the start: what was got may lie right behind the block.
            };
            self.meet_block(new, new_size);
            // SAFETY: both blocks are the caller's, disjoint, and so long.
            unsafe { copy_nonoverlapping(ptr, new, layout.size().min(new_size)) };
            self.release_moved(ptr, layout);
            Some(new)
        });
        self.meet_block(new, new_size);
        new
    }

    /// Changes the size of a block where it is; null: it is none. `None`: it has to move.
    #[inline]
    fn resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> Option<*mut u8> {
        let extent = if S::GROWS { self.find_responsible(ptr) } else { self.responsible(ptr) };
        let Some(extent) = extent else { return Some(null_mut()) };
        match extent.resize(ptr, layout.size(), new_size) {
            Ok(true) => Some(ptr),
            Ok(false) => None,
            Err(reason) => {
                extent.wrong_free(ptr, reason);
                Some(null_mut())
            }
        }
    }
}

// SAFETY: blocks come from the engines of disjoint extents, whose tables are moved only while nobody is inside;
// otherwise as for `Heap`.
unsafe impl<S: Source, C: Config, P: Policy, L: Large> GlobalAlloc for Memories<S, C, P, L> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.allocate::<true>(layout)
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.release(ptr, layout);
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.reallocate::<true>(ptr, layout, new_size) }
    }
}
