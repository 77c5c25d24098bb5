//! Requests of a caller that can cope with a refusal, the same for every heap.

/// The methods, for a type that has `attempt` and `attempt_resize`.
macro_rules! attempts {
    () => {
        /// As [`alloc`](core::alloc::GlobalAlloc::alloc), for a caller that can cope with a refusal: it does not call
        /// the out-of-memory hook, so nobody drops a cache for it. `None`: there is no room, which is neither counted
        /// nor told. A request of 0 bytes gets the smallest block.
        ///
        /// The block is like any other: freed by [`dealloc`](core::alloc::GlobalAlloc::dealloc) with this layout. Time:
        /// that of `alloc`. Nothing panics.
        ///
        /// ```
        /// use core::alloc::{GlobalAlloc, Layout};
        ///
        /// static HEAP: larder::Heap<4096> = larder::Heap::new();
        ///
        /// // As much as there is, up to 64 KiB.
        /// let sizes = (8..17).rev().map(|log2| Layout::from_size_align(1 << log2, 8).unwrap());
        /// let (layout, buffer) = sizes.filter_map(|size| Some((size, HEAP.try_alloc(size)?))).next().unwrap();
        /// assert_eq!((layout.size(), HEAP.stats().refused), (2048, 0));
        /// // SAFETY: the block is live, and this is its layout.
        /// unsafe { HEAP.dealloc(buffer.as_ptr(), layout) };
        /// ```
        pub fn try_alloc(&self, layout: core::alloc::Layout) -> Option<core::ptr::NonNull<u8>> {
            core::ptr::NonNull::new(self.attempt(layout))
        }

        /// As [`try_alloc`](Self::try_alloc), of a block that is all zeros. Time: that, and to fill it.
        pub fn try_alloc_zeroed(&self, layout: core::alloc::Layout) -> Option<core::ptr::NonNull<u8>> {
            let block = self.try_alloc(layout)?;
            // SAFETY: the block is new, and so long.
            unsafe { block.write_bytes(0, layout.size()) };
            Some(block)
        }

        /// As [`realloc`](core::alloc::GlobalAlloc::realloc), for a caller that can cope with a refusal: see
        /// [`try_alloc`](Self::try_alloc). `None`: there is no room, and the block is as before; or it is none, which
        /// is counted and told as a wrong free.
        ///
        /// # Safety
        ///
        /// That of `realloc`:
        /// - The block was allocated by this heap, and is live. What used it uses what is returned from then on, if
        ///   that is not `None`.
        /// - `layout` is the one that it was allocated with, at its present size.
        /// - `new_size` is not zero, and does not overflow `isize` when it is rounded up to the layout's alignment.
        pub unsafe fn try_realloc(
            &self,
            block: core::ptr::NonNull<u8>,
            layout: core::alloc::Layout,
            new_size: usize,
        ) -> Option<core::ptr::NonNull<u8>> {
            // SAFETY: passed on.
            core::ptr::NonNull::new(unsafe { self.attempt_resize(block.as_ptr(), layout, new_size) })
        }
    };
}

pub(crate) use attempts;
