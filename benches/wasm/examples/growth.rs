//! A module whose allocator does what the host asks: a trace, or random actions. The host reads how large its memory is
//! before and after.
//!
//! What the loops need lies in pages of their own, which the host has the module grow by first: no allocator knows them.
#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
mod exports {
    use core::alloc::{GlobalAlloc, Layout};
    use core::arch::wasm32::memory_grow;
    use core::ptr::{NonNull, null_mut};
    use larder_bench_wasm::Global;
    use memory::heap::{self, Heap};
    use memory::op::Op;

    const PAGE_BYTES: usize = 1 << 16;

    /// Blocks of the random actions; half of them live.
    const BLOCKS: usize = 1024;

    /// The global allocator as the loops want it.
    struct TheGlobal;

    // SAFETY: every method is the global allocator's.
    unsafe impl Heap for TheGlobal {
        const NAME: &'static str = "global";

        unsafe fn place(_: *mut Self) {}

        unsafe fn start(&mut self, _: NonNull<[u8]>) -> bool {
            true
        }

        unsafe fn alloc(&mut self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's contract.
            unsafe { Global.alloc(layout) }
        }

        unsafe fn dealloc(&mut self, block: *mut u8, layout: Layout) {
            // SAFETY: the caller's contract.
            unsafe { Global.dealloc(block, layout) }
        }

        unsafe fn alloc_zeroed(&mut self, layout: Layout) -> *mut u8 {
            // SAFETY: the caller's contract.
            unsafe { Global.alloc_zeroed(layout) }
        }

        unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            // SAFETY: the caller's contract.
            unsafe { Global.realloc(block, layout, new_size) }
        }
    }

    unsafe extern "C" {
        /// Symbols of the linker: only their addresses mean something.
        static __heap_base: u8;
        static __heap_end: u8;
    }

    /// Where the rest of the module's initial memory begins, which is nobody's unless the allocator takes it.
    #[unsafe(no_mangle)]
    extern "C" fn rest_begin() -> *const u8 {
        &raw const __heap_base
    }

    /// Where it ends.
    #[unsafe(no_mangle)]
    extern "C" fn rest_end() -> *const u8 {
        &raw const __heap_end
    }

    /// Pages for the host's own use; their address, or 0.
    #[unsafe(no_mangle)]
    extern "C" fn reserve(bytes: usize) -> *mut u8 {
        match memory_grow(0, bytes.div_ceil(PAGE_BYTES)) {
            usize::MAX => null_mut(),
            first => core::ptr::with_exposed_provenance_mut(first * PAGE_BYTES),
        }
    }

    /// # Safety
    /// The host wrote so many ops, a valid trace, and behind them has zeroed words for its slots.
    unsafe fn trace<'a>(ops: *const Op, ops_len: usize, slots_len: usize) -> (&'a [Op], &'a mut [*mut u8]) {
        // SAFETY: the caller's contract.
        unsafe {
            let slots = ops.add(ops_len).cast_mut().cast();
            (core::slice::from_raw_parts(ops, ops_len), core::slice::from_raw_parts_mut(slots, slots_len))
        }
    }

    /// Replays a trace; 1 if nothing was refused.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn replay(ops: *const Op, ops_len: usize, slots_len: usize) -> u32 {
        // SAFETY: the host keeps `trace`'s contract; nothing lives.
        unsafe {
            let (ops, slots) = trace(ops, ops_len, slots_len);
            u32::from(heap::replay(&mut TheGlobal, ops, slots).is_none())
        }
    }

    /// Replays a trace with every block filled and compared; 0, or the fault's number.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn check(ops: *const Op, ops_len: usize, slots_len: usize) -> u32 {
        let anywhere = NonNull::slice_from_raw_parts(NonNull::<u128>::dangling().cast(), isize::MAX as usize);
        // SAFETY: the host keeps `trace`'s contract; nothing lives.
        unsafe {
            let (ops, slots) = trace(ops, ops_len, slots_len);
            heap::check(&mut TheGlobal, ops, slots, anywhere).map_or_else(|(_, fault)| fault as u32, |()| 0)
        }
    }

    /// So many random actions; 1 if nothing was refused.
    #[unsafe(no_mangle)]
    extern "C" fn random(actions: u32, seed: u32) -> u32 {
        static mut TABLE: [(*mut u8, usize); BLOCKS] = [(null_mut(), 0); BLOCKS];
        // SAFETY: the module has one thread, and this export calls none of the others.
        let table = unsafe { &mut *(&raw mut TABLE) };
        let mut rng = Rng(seed | 1);
        (0..actions).all(|_| act(&mut table[rng.below(BLOCKS as u32) as usize], &mut rng)).into()
    }

    /// Fills an empty slot; empties a full one, or resizes it in one of eight cases.
    #[inline(always)]
    fn act((block, size): &mut (*mut u8, usize), rng: &mut Rng) -> bool {
        // SAFETY: sizes are not zero; the block is live and of that layout unless it is null.
        unsafe {
            let layout = Layout::from_size_align_unchecked(*size, 8);
            if block.is_null() {
                *size = rng.size();
                *block = call::alloc(Layout::from_size_align_unchecked(*size, 8));
            } else if rng.below(8) == 0 {
                *size = rng.size();
                *block = call::realloc(*block, layout, *size);
            } else {
                call::dealloc(*block, layout);
                *block = null_mut();
                return true;
            }
        }
        !block.is_null()
    }

    /// Calls that are not inlined, as those of programs are not.
    mod call {
        use super::*;

        #[inline(never)]
        pub unsafe fn alloc(layout: Layout) -> *mut u8 {
            // SAFETY: the caller's contract.
            unsafe { Global.alloc(layout) }
        }

        #[inline(never)]
        pub unsafe fn realloc(block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            // SAFETY: the caller's contract.
            unsafe { Global.realloc(block, layout, new_size) }
        }

        #[inline(never)]
        pub unsafe fn dealloc(block: *mut u8, layout: Layout) {
            // SAFETY: the caller's contract.
            unsafe { Global.dealloc(block, layout) }
        }
    }

    /// Marsaglia's xorshift with 32 bits.
    struct Rng(u32);

    impl Rng {
        fn below(&mut self, bound: u32) -> u32 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 17;
            self.0 ^= self.0 << 5;
            ((u64::from(self.0) * u64::from(bound)) >> 32) as u32
        }

        /// 70 % up to 64 bytes, 20 % up to 256, 8 % up to 1 KiB, 2 % up to 4 KiB; whole double words.
        fn size(&mut self) -> usize {
            let (low, high) = match self.below(100) {
                0..70 => (8, 64),
                70..90 => (65, 256),
                90..98 => (257, 1024),
                _ => (1025, 4096),
            };
            ((low + self.below(high - low + 1)) as usize).next_multiple_of(8)
        }
    }
}
