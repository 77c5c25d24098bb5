//! An allocator that threads share.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::{Cell, UnsafeCell};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicUsize, Ordering};

use larder::{Config, Region, large, policy};
use memory::allocators::{buddy, dlmalloc, emballoc, linked_list, rlsf, talc};
use memory::heap::Heap;
use spin::Mutex;

use crate::homes::Homes;
use crate::threads::THREADS_MAX;
use crate::{actions, count, replay};

/// One heap for all threads, over one arena.
///
/// # Safety
/// As for `GlobalAlloc`, from any thread; blocks lie in the arena (or, with [`Heap::ARENA_INSIDE`], in the heap).
pub unsafe trait Shared: Sync + Sized + 'static {
    const NAME: &'static str;

    /// Whether a block keeps what is written into it; the floor's do not, once its memory is used a second time.
    const KEEPS: bool = true;

    /// Whether there are blocks at all: the loop alone has none.
    const SERVES: bool = true;

    /// Of the work that the others do, this part: for the one that looks at every block in turn.
    const PART: usize = 1;

    /// A fresh heap, which does not move.
    ///
    /// # Safety
    /// The arena is nobody else's while the heap lives.
    unsafe fn start(arena: NonNull<[u8]>) -> Box<Self>;

    /// # Safety
    /// As for `GlobalAlloc::alloc`.
    unsafe fn alloc(&self, layout: Layout) -> *mut u8;

    /// # Safety
    /// As for `GlobalAlloc::alloc_zeroed`.
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8;

    /// # Safety
    /// As for `GlobalAlloc::realloc`.
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8;

    /// # Safety
    /// As for `GlobalAlloc::dealloc`.
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout);
}

/// larder needs no lock around it, in so many memories. A variant is a type, its name, and a line in [`ENTRIES`].
pub struct Larder<P, L, C, const MEMORIES: usize>(Region<C, P, L>);

/// As it comes on hosts.
pub type Default = Larder<policy::Spin, large::Segregated, larder::Defaults, 1>;

/// A memory a thread.
pub type FourMemories = Larder<policy::Spin, large::Segregated, Homes, 4>;

trait Named {
    const NAME: &'static str;
}

impl Named for Default {
    const NAME: &'static str = "larder";
}

impl Named for FourMemories {
    const NAME: &'static str = "larder 4 memories";
}

// SAFETY: larder keeps the contract.
unsafe impl<P: policy::Policy + 'static, L: large::Large + 'static, C: Config + 'static, const MEMORIES: usize> Shared
    for Larder<P, L, C, MEMORIES>
where
    Self: Named,
{
    const NAME: &'static str = <Self as Named>::NAME;

    unsafe fn start(arena: NonNull<[u8]>) -> Box<Self> {
        let heap = Box::new(Self(Region::new()));
        let (start, bytes) = (arena.as_ptr().cast::<u8>(), arena.len() / MEMORIES);
        for at in 0..MEMORIES {
            // SAFETY: the caller's contract; parts of the arena don't overlap.
            unsafe { heap.0.claim(start.add(at * bytes), bytes) }.expect("the arena is large enough");
        }
        heap
    }

    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's contract.
        unsafe { self.0.realloc(block, layout, new_size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's contract.
        unsafe { self.0.dealloc(block, layout) }
    }
}

/// A peer behind a spin lock, as its users would have it in a `static`.
pub struct Locked<H> {
    lock: Mutex<()>,
    /// Only touched with the lock held, and never moved.
    heap: UnsafeCell<H>,
}

// SAFETY: only the holder of the lock touches the heap, and no heap here keeps anything of the thread that called it.
unsafe impl<H> Sync for Locked<H> {}

impl<H> Locked<H> {
    /// # Safety
    /// `body` does not come back here.
    unsafe fn with<R>(&self, body: impl FnOnce(&mut H) -> R) -> R {
        let _guard = self.lock.lock();
        // SAFETY: the lock is held.
        body(unsafe { &mut *self.heap.get() })
    }
}

/// `emballoc` looks at every block in turn; a hundredth of the work shows it.
const PATIENCE: usize = 100;

/// What an allocator with an arena of a fixed size inside of itself is told that it has.
const INSIDE_BYTES: usize = 2 << 20;

// SAFETY: the peer keeps the contract for one thread at a time, and the lock lets one in.
unsafe impl<H: Heap + 'static> Shared for Locked<H> {
    const NAME: &'static str = H::NAME;
    const PART: usize = if H::ARENA_INSIDE { PATIENCE } else { 1 };

    unsafe fn start(arena: NonNull<[u8]>) -> Box<Self> {
        let bytes = if H::ARENA_INSIDE { INSIDE_BYTES } else { arena.len() };
        let arena = NonNull::slice_from_raw_parts(arena.cast(), bytes);
        // In place: some are too large for a stack.
        let mut locked = Box::<Self>::new_uninit();
        let at = locked.as_mut_ptr();
        // SAFETY: both fields are written before the box counts as initialised; the arena is the caller's to give.
        unsafe {
            (&raw mut (*at).lock).write(Mutex::new(()));
            let heap = (&raw mut (*at).heap).cast::<H>();
            H::place(heap);
            assert!((*heap).start(arena), "{}: the arena is too small", H::NAME);
            locked.assume_init()
        }
    }

    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract; no heap calls another.
        unsafe { self.with(|heap| heap.alloc(layout)) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.with(|heap| heap.alloc_zeroed(layout)) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.with(|heap| heap.realloc(block, layout, new_size)) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { self.with(|heap| heap.dealloc(block, layout)) }
    }
}

/// The floor: each thread has a bump pointer in a part of the arena of its own, and begins anew at the end of it. What two
/// threads are faster than one here is what the machine can do.
pub struct Floor {
    arena: NonNull<[u8]>,
    parts: AtomicUsize,
}

// SAFETY: the arena is only handed out, part by part.
unsafe impl Sync for Floor {}

thread_local! {
    /// Where this thread's next block begins, and where its part ends.
    static BUMP: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

impl Floor {
    /// The first address of the calling thread's part, which it keeps.
    #[cold]
    fn part(&self, end: usize) -> usize {
        let bytes = self.arena.len() / THREADS_MAX;
        if end != 0 {
            return end - bytes;
        }
        let part = self.parts.fetch_add(1, Ordering::Relaxed) % THREADS_MAX;
        self.arena.cast::<u8>().as_ptr() as usize + part * bytes
    }
}

// SAFETY: not kept, which `KEEPS` says: blocks are in the arena and aligned, and are handed out again while they live.
unsafe impl Shared for Floor {
    const NAME: &'static str = "bump";
    const KEEPS: bool = false;

    unsafe fn start(arena: NonNull<[u8]>) -> Box<Self> {
        Box::new(Self { arena, parts: AtomicUsize::new(0) })
    }

    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let (next, end) = BUMP.get();
        let block = next.next_multiple_of(layout.align());
        let (block, end) = if end.saturating_sub(block) < layout.size() || next == 0 {
            let start = self.part(end);
            (start, start + self.arena.len() / THREADS_MAX)
        } else {
            (block, end)
        };
        BUMP.set((block + layout.size(), end));
        self.arena.as_ptr().cast::<u8>().with_addr(block)
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the block is as large as its layout.
        unsafe {
            let block = self.alloc(layout);
            block.write_bytes(0, layout.size());
            block
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: blocks are as large as their layouts; they may be the same memory, so the copy may overlap.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            moved.copy_from(block, layout.size().min(new_size));
            moved
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// Serves nothing: what remains is the loop.
pub struct Nothing;

// SAFETY: not kept; only the counted replay runs it, which looks at no block.
unsafe impl Shared for Nothing {
    const NAME: &'static str = "none";
    const KEEPS: bool = false;
    const SERVES: bool = false;

    unsafe fn start(_: NonNull<[u8]>) -> Box<Self> {
        Box::new(Self)
    }

    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        std::ptr::without_provenance_mut(layout.align())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        std::ptr::without_provenance_mut(layout.align())
    }

    unsafe fn realloc(&self, block: *mut u8, _: Layout, _: usize) -> *mut u8 {
        block
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

/// An allocator as a row of functions, so that one program drives many.
#[derive(Clone, Copy)]
pub struct Entry {
    pub name: &'static str,
    pub serves: bool,
    pub is_floor: bool,
    pub part: usize,
    pub actions: actions::Run,
    pub replay: replay::Run,
    pub count: count::Run,
}

const fn entry<H: Shared>() -> Entry {
    Entry {
        name: H::NAME,
        serves: H::SERVES,
        is_floor: H::SERVES && !H::KEEPS,
        part: H::PART,
        actions: actions::run::<H>,
        replay: replay::run::<H>,
        count: count::count::<H>,
    }
}

/// What is compared, in this order.
pub const ENTRIES: &[Entry] = &[
    entry::<Nothing>(),
    entry::<Floor>(),
    entry::<Default>(),
    entry::<FourMemories>(),
    entry::<Locked<dlmalloc::Dl>>(),
    entry::<Locked<linked_list::LinkedList>>(),
    entry::<Locked<rlsf::Fine>>(),
    entry::<Locked<talc::Standard>>(),
    entry::<Locked<buddy::Buddy>>(),
    entry::<Locked<emballoc::First>>(),
];
