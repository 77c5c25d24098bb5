//! `GlobalAlloc`'s functions on the allocator under test, with layouts that the compiler cannot know.

/// With nothing around them.
pub mod uncounted {
    use crate::heap::HEAP;
    use core::alloc::{GlobalAlloc, Layout};

    /// # Safety
    /// `GlobalAlloc::alloc`'s contract.
    #[inline(never)]
    pub unsafe extern "C" fn alloc(size: usize, align: usize) -> *mut u8 {
        // SAFETY: the caller's contract; the layout's parts come from one.
        unsafe { HEAP.alloc(Layout::from_size_align_unchecked(size, align)) }
    }

    /// # Safety
    /// `GlobalAlloc::dealloc`'s contract.
    #[inline(never)]
    pub unsafe extern "C" fn dealloc(ptr: *mut u8, size: usize, align: usize) {
        // SAFETY: as in `alloc`.
        unsafe { HEAP.dealloc(ptr, Layout::from_size_align_unchecked(size, align)) }
    }

    /// # Safety
    /// `GlobalAlloc::realloc`'s contract.
    #[inline(never)]
    pub unsafe extern "C" fn realloc(ptr: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { HEAP.realloc(ptr, Layout::from_size_align_unchecked(size, align), new_size) }
    }

    /// # Safety
    /// `GlobalAlloc::alloc_zeroed`'s contract.
    #[inline(never)]
    pub unsafe extern "C" fn alloc_zeroed(size: usize, align: usize) -> *mut u8 {
        // SAFETY: as in `alloc`.
        unsafe { HEAP.alloc_zeroed(Layout::from_size_align_unchecked(size, align)) }
    }
}

/// Each counted and taken down.
pub mod counted {
    use super::{moving, uncounted};
    use crate::record::{Call, Operation, Record, measure};

    /// # Safety
    /// `GlobalAlloc::alloc`'s contract.
    pub unsafe fn alloc(record: &mut Record, size: usize, align: usize) -> *mut u8 {
        // SAFETY: the caller's contract, which is the function's.
        let (ptr, call) = unsafe { counted(uncounted::alloc as *const (), [size, align, 0, 0]) };
        record.add(Operation::Alloc, &call);
        ptr
    }

    /// # Safety
    /// `GlobalAlloc::alloc_zeroed`'s contract.
    pub unsafe fn alloc_zeroed(record: &mut Record, size: usize, align: usize) -> *mut u8 {
        // SAFETY: as in `alloc`.
        let (ptr, mut call) = unsafe { counted(uncounted::alloc_zeroed as *const (), [size, align, 0, 0]) };
        if call.served {
            call.moved_bytes = size;
            call.moving = moving::cost_of_fill(ptr, size);
        }
        record.add(Operation::Zeroed, &call);
        ptr
    }

    /// # Safety
    /// `GlobalAlloc::dealloc`'s contract.
    pub unsafe fn dealloc(record: &mut Record, ptr: *mut u8, size: usize, align: usize) {
        // SAFETY: as in `alloc`.
        let (_, mut call) = unsafe { counted(uncounted::dealloc as *const (), [ptr as usize, size, align, 0]) };
        call.served = true;
        record.add(Operation::Dealloc, &call);
    }

    /// A block that has moved is taken to have been copied.
    ///
    /// # Safety
    /// `GlobalAlloc::realloc`'s contract.
    pub unsafe fn realloc(record: &mut Record, ptr: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8 {
        let function = uncounted::realloc as *const ();
        // SAFETY: as in `alloc`.
        let (new, mut call) = unsafe { counted(function, [ptr as usize, size, align, new_size]) };
        if call.served && new != ptr {
            call.moved_bytes = size.min(new_size);
            call.moving = moving::cost_of_copy(new, ptr, call.moved_bytes);
        }
        record.add(Operation::Realloc, &call);
        new
    }

    /// A call that is served when it does not return null.
    unsafe fn counted(function: *const (), arguments: [usize; 4]) -> (*mut u8, Call) {
        // SAFETY: the callers pass a function of these arguments, under its own contract.
        let (result, instructions, masked) = unsafe { measure(function, arguments) };
        let ptr = result as *mut u8;
        (ptr, Call { instructions, served: !ptr.is_null(), moved_bytes: 0, moving: 0, masked })
    }
}

/// What copying and zeroing take, by doing them.
mod moving {
    use crate::heap::ARENA_BYTES;
    use crate::record::measure;
    use core::cell::UnsafeCell;

    /// As long as any block that moves.
    const BYTES: usize = ARENA_BYTES;
    /// Copies are faster where both ends are aligned, so the scratch memory is used at the same offset from this.
    const ALIGN: usize = 16;

    unsafe extern "C" {
        fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
        fn memset(to: *mut u8, byte: i32, bytes: usize) -> *mut u8;
    }

    #[repr(C, align(16))]
    struct Scratch(UnsafeCell<[[u8; BYTES + ALIGN]; 2]>);

    // SAFETY: one thread, and nobody reads what lies there.
    unsafe impl Sync for Scratch {}

    static SCRATCH: Scratch = Scratch(UnsafeCell::new([[0; BYTES + ALIGN]; 2]));

    /// A place in one of the halves of the scratch memory, aligned as `like` is.
    fn scratch(half: usize, like: *mut u8) -> usize {
        SCRATCH.0.get() as usize + half * (BYTES + ALIGN) + like as usize % ALIGN
    }

    /// What `memcpy` of so many bytes takes between such addresses, its call included.
    pub fn cost_of_copy(to: *mut u8, from: *mut u8, bytes: usize) -> u32 {
        // SAFETY: within the two halves of the scratch memory.
        unsafe { measure(memcpy as *const (), [scratch(0, to), scratch(1, from), bytes.min(BYTES), 0]).1 }
    }

    /// What `memset` of so many bytes takes at such an address, its call included.
    pub fn cost_of_fill(to: *mut u8, bytes: usize) -> u32 {
        // SAFETY: within the scratch memory.
        unsafe { measure(memset as *const (), [scratch(0, to), 0, bytes.min(BYTES), 0]).1 }
    }
}
