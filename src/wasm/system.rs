//! Where a module gets more memory.

/// As the instruction `memory.grow`: the number of the first of that many more pages, which are zeroed; `usize::MAX` if
/// there are none.
#[cfg(not(target_os = "wasi"))]
pub(super) fn memory_grow(pages: usize) -> usize {
    core::arch::wasm32::memory_grow::<0>(pages)
}

/// The same, from the C library. Its `malloc` grows the memory in two steps now and then, and takes what it gets for
/// one piece: what another thread got by the instruction in between, it would hand out a second time. Its own lock
/// keeps its callers apart.
#[cfg(target_os = "wasi")]
pub(super) fn memory_grow(pages: usize) -> usize {
    use crate::memories::UNIT_BYTES;

    #[link(name = "c")]
    unsafe extern "C" {
        safe fn aligned_alloc(align_bytes: usize, size_bytes: usize) -> *mut u8;
    }

    let Some(bytes) = pages.checked_mul(UNIT_BYTES) else { return usize::MAX };
    let start = aligned_alloc(UNIT_BYTES, bytes);
    if start.is_null() {
        return usize::MAX;
    }
    // SAFETY: the block is ours, and so long.
    unsafe { start.write_bytes(0, bytes) };
    start.expose_provenance() / UNIT_BYTES
}

/// Whether all that takes a module's memory asks for it.
pub(super) const fn is_asked() {
    if !cfg!(any(target_os = "none", target_os = "unknown", target_os = "wasi")) {
        panic!(
            "larder: this system's `sbrk` would hand out wasm::Heap's memory a second time: take a static larder::Heap<BYTES>, or the \
             system's own allocator"
        );
    }
}
