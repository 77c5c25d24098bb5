//! What the wasm module exports. The host calls `lay_out`, writes the ops where it says, and measures.
//!
//! ```text
//! module's data | stack | __heap_base: ops | slots | state | guard | arena, at a multiple of 64 KiB | guard
//! ```
#![cfg_attr(target_arch = "wasm32", no_std)]

#[cfg(target_arch = "wasm32")]
mod exports {
    use core::arch::wasm32::{memory_grow, memory_size};
    use core::ptr::{null, null_mut};
    use memory::allocators::{ENTRIES, Entry};
    use memory::room::{ARENA_ALIGN, GUARD_BYTES, Room};

    const WASM_PAGE_BYTES: usize = 1 << 16;

    static mut ROOM: Room = Room {
        ops: null(),
        ops_len: 0,
        slots: null_mut(),
        slots_len: 0,
        state: null_mut(),
        arena: null_mut(),
        arena_limit: 0,
    };

    unsafe extern "C" {
        static mut __heap_base: u8;
    }

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo) -> ! {
        core::arch::wasm32::unreachable()
    }

    /// Some allocators link `alloc`; nobody may allocate here.
    struct Refuse;

    #[global_allocator]
    static REFUSE: Refuse = Refuse;

    // SAFETY: refusing is within the contract, and nothing is ever freed.
    unsafe impl core::alloc::GlobalAlloc for Refuse {
        unsafe fn alloc(&self, _: core::alloc::Layout) -> *mut u8 {
            null_mut()
        }

        unsafe fn dealloc(&self, _: *mut u8, _: core::alloc::Layout) {}
    }

    fn room() -> &'static mut Room {
        // SAFETY: the module has one thread, and no export calls another.
        unsafe { &mut *(&raw mut ROOM) }
    }

    fn allocator(index: usize) -> &'static Entry {
        &ENTRIES[index]
    }

    /// Allocators in this module.
    #[unsafe(no_mangle)]
    extern "C" fn allocators() -> usize {
        ENTRIES.len()
    }

    #[unsafe(no_mangle)]
    extern "C" fn name_start(index: usize) -> *const u8 {
        allocator(index).name.as_ptr()
    }

    #[unsafe(no_mangle)]
    extern "C" fn name_bytes(index: usize) -> usize {
        allocator(index).name.len()
    }

    #[unsafe(no_mangle)]
    extern "C" fn state_bytes(index: usize) -> usize {
        allocator(index).state_bytes
    }

    /// Makes room for a trace and for arenas of up to `arena_limit` bytes; where the host must write the ops, 0 if there
    /// is not enough memory.
    #[unsafe(no_mangle)]
    extern "C" fn lay_out(ops_len: usize, slots_len: usize, arena_limit: usize) -> *mut u8 {
        let place_bytes = ENTRIES.iter().map(|entry| entry.place_bytes).max().unwrap_or(0);
        let base = &raw mut __heap_base;
        let room = room();
        let ops = base.wrapping_add(base.align_offset(16));
        let slots = ops.wrapping_add(ops_len * 16);
        let state = slots.wrapping_add((slots_len * 4).next_multiple_of(16));
        let after = state.wrapping_add(place_bytes + GUARD_BYTES);
        let arena = after.wrapping_add((after as usize).next_multiple_of(ARENA_ALIGN) - after as usize);
        let pages = (arena as usize + arena_limit + GUARD_BYTES).div_ceil(WASM_PAGE_BYTES);
        if pages > memory_size(0) && memory_grow(0, pages - memory_size(0)) == usize::MAX {
            return null_mut();
        }
        *room = Room { ops: ops.cast(), ops_len, slots: slots.cast(), slots_len, state, arena, arena_limit };
        ops
    }

    /// The arenas for a trace with this peak: the smallest in the low half, the steady one in the high half; 0 if none.
    #[unsafe(no_mangle)]
    extern "C" fn search(index: usize, peak_bytes: usize) -> u64 {
        let found = (allocator(index).search)(room(), peak_bytes);
        found.map_or(0, |found| found.smallest_bytes as u64 | (found.steady_bytes as u64) << 32)
    }

    /// A checked replay: 0, or the fault's number.
    #[unsafe(no_mangle)]
    extern "C" fn check(index: usize, arena_bytes: usize) -> u32 {
        (allocator(index).check)(room(), arena_bytes).map_or_else(|(_, fault)| fault as u32, |()| 0)
    }

    /// A fresh heap; 1 if it could begin.
    #[unsafe(no_mangle)]
    extern "C" fn start(index: usize, arena_bytes: usize) -> u32 {
        u32::from((allocator(index).start)(room(), arena_bytes))
    }

    /// Replays on the heap that `start` made; 1 if nothing was refused.
    #[unsafe(no_mangle)]
    extern "C" fn replay(index: usize) -> u32 {
        u32::from((allocator(index).replay)(room()).is_none())
    }
}
