//! The heap of a wasm module, whose memory grows.

mod system;

use crate::config::geometry::GRANULE_BYTES;
use crate::config::{Config, Defaults};
use crate::heap::attempts::attempts;
use crate::large::{self, Large};
use crate::memories::{Memories, Source, UNIT_BYTES};
use crate::policy::Policy;
use crate::report::{CheckError, Piece, Stats, inspect};
use crate::sync::SINGLE;
use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32::{memory_grow, memory_size};
use core::hint::black_box;
use core::ptr::with_exposed_provenance_mut;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The heap of a module on wasm32: it begins in the memory that the module has, and grows with `memory.grow`.
///
/// ```ignore (a heap for wasm32 alone)
/// #[cfg(target_arch = "wasm32")] // elsewhere there is no `larder::wasm`: in a crate's tests on the host, for one
/// #[global_allocator]
/// static HEAP: larder::wasm::Heap = larder::wasm::Heap::new();
/// ```
///
/// Nothing is done before the first request. It begins with what lies between `__heap_base` and `__heap_end`, where the
/// linker put the end of the module's initial memory, and never touches what the host, or wasm-bindgen, has added
/// behind. When it is full it asks for an eighth of what it has, at least for what the request needs, in units of 64
/// KiB; where there is a limit, for ever less, and then the request is refused. What is free at the heap's end counts.
/// New memory that lies behind the heap's joins it, whatever its length: what is free is one run wherever it touches.
/// Memory that does not touch the heap's becomes another extent, and so does memory that is added in the middle of a
/// call, by [`Config::ON_EVENT`] or in a [`walk`](Self::walk). Memory never goes back to the host: wasm has no way to.
///
/// | target | memory that the heap begins in | where more comes from | tested |
/// |---|---|---|---|
/// | `wasm32-unknown-unknown`, `wasm32v1-none` | the module's own | `memory.grow` | runs under Node |
/// | the first of these with `+atomics` | the module's own | `memory.grow` | runs under Node, with workers |
/// | `wasm32-wasip1`, `wasm32-wasip1-threads` | none: the module's own is the C library's | the C library's `malloc`, as 64 KiB or more at a time | runs under Node, with threads |
/// | `wasm32-wasip2` | none | the same | builds; Node does not run components |
/// | `wasm32-unknown-emscripten`, `wasm32-wali-linux-musl` | a compile error: the system's `sbrk` would hand the same memory out | | says so |
/// | `wasm64-unknown-unknown` | there is no `larder::wasm`, because there is no stable target with 64-bit memory | | |
///
/// A static [`larder::Heap<BYTES>`](crate::Heap), whose memory is the program's own data, is for all of them.
///
/// **With the standard library from Rust 1.97 on, do not link `wasm32-unknown-unknown` with `--initial-memory`.** Its
/// `System`, which `std::thread::current` and others call whatever the global allocator is, is the crate `dlmalloc`,
/// and that takes what lies between the same two symbols from version 0.2.13 on, without a way to ask. It does so where
/// that is 64 KiB or more; without that argument, the linker leaves less. A module of fixed memory that needs both the
/// standard library and all of that memory has a static heap.
///
/// **Shared memory.** Built with `+atomics`, any number of workers use one heap, whose pooled path takes no lock.
/// Tables that are read without a lock can't be moved. So an extent has tables for more memory from the start: for
/// three times of what the heap had when it began. They are up to 13 % of that in addresses, in which nothing is
/// written before they are needed, and where that is too much, there is no such reserve. New memory that lies behind
/// joins such an extent in place, as long as its tables have room. Then another extent begins: there are few, each can
/// become three times as long as all before, and when everything is free, two fifths of the heap at least are one run,
/// unless other memory lies in between. The module's own memory has no reserve. Nothing ever waits by
/// `memory.atomic.wait`, which a browser's main thread must not execute: a worker that finds the large tier busy, or
/// another worker growing the memory, looks again, at most 2²² times, which is some milliseconds. Then the request goes
/// on to another extent, or to the host for more memory, and only if there is none it is refused; a release is deferred
/// ([`policy::Patient`](crate::policy::Patient)).
///
/// Such a module needs a standard library that was built so as well:
///
/// ```sh
/// export RUSTFLAGS="-Ctarget-feature=+atomics,+bulk-memory,+mutable-globals -Clink-arg=--shared-memory \
///     -Clink-arg=--import-memory -Clink-arg=--max-memory=1073741824 -Clink-arg=--export=__stack_pointer"
/// cargo +nightly build --release -Zbuild-std=core,alloc --target wasm32-unknown-unknown # or =std,panic_abort
/// ```
///
/// wasm-bindgen takes memory for threads as well: from 0.2.127 on, behind all that the linker knows; before, the page
/// at `__heap_base`, which the heap then leaves to it.
///
/// Each worker instantiates it over the same memory, and needs its own stack before its first call: without
/// wasm-bindgen, which sees to that, a block of this heap whose end goes into `__stack_pointer`. A stack that two share
/// corrupts silently.
///
/// V8 (seen in Node 20, 24 and 26) may tell an instance late how far another worker has grown the memory; until then it
/// traps on atomic accesses, copies and fills there. The heap's own are safe from that, and so are the blocks that a
/// worker allocates itself. A worker that gets a block from another one without a message calls
/// [`contains`](Self::contains) before it does one of these to the block.
///
/// | parameter | what it is | default |
/// |---|---|---|
/// | `C` | classes, reserved pages and the hook: see [`Config`]; pages and the stash are for each extent; the out-of-memory hook is asked when `memory.grow` has nothing left | [`Defaults`] |
/// | `P` | how contexts enter the large tier: see [`policy`](crate::policy) | [`Entry`] |
/// | `L` | the large tier: see [`large`]; of [`large::LinkedList`](crate::large), memories don't join | [`large::Segregated`] |
///
/// Blocks can be as long as a `Layout` can be, just below 2 GiB, and extents as long as the memory, up to all 4 GiB of
/// it. Tables take about 4 %. Where an extent becomes longer, in a module with one thread, they move behind what was
/// got: that costs about as much as copying 4 % of the heap, once for each eighth that it grows by.
///
/// Several of these heaps in one module share the memory: the first that is used begins in the module's own. A module
/// of fixed memory can have a [`larder::Heap<BYTES>`](crate::Heap) instead, as on any other target.
pub struct Heap<C = Defaults, P = Entry, L = large::Segregated>(Memories<Pages, C, P, L>);

/// How the large tier is entered by default: `policy::Alone` where there is one thread, else
/// [`policy::Patient`](crate::policy::Patient).
pub type Entry = crate::policy::Default;

/// The module's memory.
struct Pages;

/// Whether the module's own memory has been taken, by whatever heap.
static FIRST_TAKEN: AtomicU32 = AtomicU32::new(0);

unsafe extern "C" {
    /// Symbols of the linker: only their addresses mean something.
    static __heap_base: u8;
    static __heap_end: u8;
}

// SAFETY: what lies between the linker's symbols is nobody's but the heap's, and given out once; `memory.grow` returns
// fresh zeroed memory, different ranges to each caller, and so does `system::memory_grow`. Wasm's memory is one object.
unsafe impl Source for Pages {
    const IN_PLACE: bool = !SINGLE;
    /// A system's `malloc` gives what it likes.
    const TOUCHES: bool = cfg!(any(target_os = "none", target_os = "unknown"));

    fn first(&self) -> Option<(*mut u8, usize)> {
        // WASI's own allocator begins there as well.
        if cfg!(target_os = "wasi") || FIRST_TAKEN.load(Relaxed) != 0 || FIRST_TAKEN.swap(1, Relaxed) != 0 {
            return None;
        }
        let (start, end) = ((&raw const __heap_base).addr(), (&raw const __heap_end).addr());
        // The compiler must not believe that there is no more than the symbol's one byte.
        Some(behind_thread_counter(between(black_box(start), black_box(end))))
    }

    fn grow(&self, units: usize) -> Option<(*mut u8, usize)> {
        let old = system::memory_grow(units);
        (old != usize::MAX).then(|| between(old * UNIT_BYTES, old.wrapping_add(units).wrapping_mul(UNIT_BYTES)))
    }

    fn next(&self) -> usize {
        memory_size::<0>().wrapping_mul(UNIT_BYTES)
    }

    /// An engine may check atomic accesses against the size that this instance knows, which another worker's growth
    /// reaches a little later than its pointers do. That size is what `memory.size` says; to grow by nothing makes the
    /// engine look.
    #[inline]
    fn meet(&self, address: usize) {
        if Self::IN_PLACE && address / UNIT_BYTES >= memory_size::<0>() {
            memory_grow::<0>(0);
        }
    }
}

/// What is left of a module's own memory. Before 0.2.127, wasm-bindgen takes the first page of it for threads, and
/// tells only the export `__heap_base`. Its first word counts threads: it is not zero when the first of them calls
/// anything.
fn behind_thread_counter((start, len_bytes): (*mut u8, usize)) -> (*mut u8, usize) {
    let counter = start.wrapping_add(start.align_offset(align_of::<u32>())).cast::<u32>();
    if SINGLE || len_bytes < 2 * size_of::<u32>() {
        return (start, len_bytes);
    }
    // SAFETY: inside of that memory, aligned; the caller's alone, unless it is such a counter, which is atomic.
    let count = unsafe { AtomicU32::from_ptr(counter) }.load(Relaxed);
    let taken_bytes = if count == 0 { 0 } else { UNIT_BYTES.min(len_bytes) };
    (start.wrapping_add(taken_bytes), len_bytes - taken_bytes)
}

/// The memory between two addresses. The end of the address space, which is none, reads 0: the last granule before it
/// is left out.
fn between(start: usize, end: usize) -> (*mut u8, usize) {
    let end = if end == 0 { 0_usize.wrapping_sub(GRANULE_BYTES) } else { end };
    (with_exposed_provenance_mut(start), end.saturating_sub(start))
}

impl<C: Config, P: Policy, L: Large> Heap<C, P, L> {
    /// A heap that has nothing yet. As a `static`, all its bytes are zero.
    pub const fn new() -> Self {
        let () = const { system::is_asked() };
        Self(Memories::new(Pages))
    }

    /// Returns the number of 64 KiB pages added since the start. It never falls.
    pub fn pages_grown(&self) -> u32 {
        self.0.units_grown()
    }

    /// How many memories the heap is in. 1 as long as what was got joined what was there.
    pub fn extents(&self) -> usize {
        self.0.memories().count()
    }

    /// Counts what the heap holds, as [`Region::stats`](crate::Region::stats) does.
    pub fn stats(&self) -> Stats {
        self.0.stats()
    }

    /// As [`Heap::walk`](crate::Heap::walk), one extent after the other: pieces touch within each. Memory that the heap
    /// gets during a walk is another extent.
    pub fn walk(&self, show: impl FnMut(Piece)) -> bool {
        self.0.walk(show)
    }

    /// As [`Heap::trim`](crate::Heap::trim).
    pub fn trim(&self) {
        self.0.trim();
    }

    /// As [`Heap::check`](crate::Heap::check).
    ///
    /// # Errors
    ///
    /// The first invariant that does not hold.
    pub fn check(&self) -> Result<(), CheckError> {
        self.0.check()
    }

    /// As [`Heap::contains`](crate::Heap::contains). Time: O(extents).
    pub fn contains(&self, ptr: *const u8) -> bool {
        self.0.contains(ptr)
    }

    /// As [`Heap::usable_size`](crate::Heap::usable_size).
    pub fn usable_size(&self, ptr: *const u8) -> usize {
        self.0.usable_size(ptr)
    }

    /// Frees a block; `false`: it was wrong.
    #[inline]
    fn release(&self, ptr: *mut u8, layout: Layout) -> bool {
        self.0.release(ptr, layout)
    }

    /// A block, or null, without asking the out-of-memory hook, and uncounted.
    fn attempt(&self, layout: Layout) -> *mut u8 {
        self.0.allocate::<false>(layout)
    }

    /// Changes the size of a block likewise.
    ///
    /// # Safety
    ///
    /// As for `GlobalAlloc::realloc`.
    unsafe fn attempt_resize(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.0.reallocate::<false>(ptr, layout, new_size) }
    }

    attempts!();
}

inspect!([C: Config, P: Policy, L: Large] Heap<C, P, L>);

impl<C: Config, P: Policy, L: Large> Default for Heap<C, P, L> {
    fn default() -> Self {
        Self::new()
    }
}

// SAFETY: passed on.
unsafe impl<C: Config, P: Policy, L: Large> GlobalAlloc for Heap<C, P, L> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { self.0.dealloc(ptr, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: passed on.
        unsafe { self.0.realloc(ptr, layout, new_size) }
    }
}
