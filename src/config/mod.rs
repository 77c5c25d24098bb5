//! What a heap can be told at compile time, and what it tells back.

pub(crate) mod classes;
mod derived;
pub(crate) mod geometry;

pub(crate) use derived::Table;

/// The static configuration of a heap. Every item has a default that is good without measuring.
///
/// What costs what: a class takes a bit a page, two words and a slot in the code's tables; a page that waits, kept or
/// in the stash, is 256 bytes which large requests get only on demand.
///
/// ```
/// struct Tuned;
/// impl larder::Config for Tuned {
///     const CLASSES: &'static [usize] = &[16, 32, 48, 96];
///     const RESERVED: &'static [(usize, usize)] = &[(32, 2)]; // two pages for blocks of 32 bytes
/// }
/// type Heap = larder::Heap<{ 16 * 1024 }, Tuned>;
/// static HEAP: Heap = Heap::new();
/// # unsafe { let p = core::alloc::GlobalAlloc::alloc(&HEAP, core::alloc::Layout::new::<[u8; 30]>()); assert!(!p.is_null()); }
/// ```
///
/// A list that makes no sense is a compile error in words:
///
/// ```compile_fail
/// struct Wrong;
/// impl larder::Config for Wrong {
///     const CLASSES: &'static [usize] = &[8, 12]; // not a multiple of 8
/// }
/// static HEAP: larder::Heap<4096, Wrong> = larder::Heap::new();
/// ```
pub trait Config: Sized + 'static {
    /// The block sizes of the pools, in bytes: ascending multiples of 8, at most 128. Requests up to
    /// the last one are pooled, all others go to the large tier. None: there are no pools, as in [`Compact`].
    const CLASSES: &'static [usize] = &[8, 16, 24, 32, 40, 48, 56, 64];

    /// Pages that belong to a class from the first visit of the large tier on and for ever, as (block size in bytes,
    /// pages). An interrupt handler can have their blocks even while the large tier is busy and all else is used up.
    /// More pages than the pools can have, or a size that is not in the list, is a compile error.
    ///
    /// The first call that needs the large tier opens all of them, one in each visit: it takes longer by about a refill
    /// for each, but masks for no longer than others. A program that has deadlines allocates something before they
    /// begin, or calls `trim`.
    const RESERVED: &'static [(usize, usize)] = &[];

    /// How much of the arena the pools may have, in percent: so much at its end, in whole pages. What lies before is
    /// the large tier's alone: it needs no tables for pages, which are about 2.4 % of what they are for, and large
    /// blocks find it undivided by pages. When the pools have all of their part, small requests go to the large tier
    /// one by one, as large ones do. How many pages a program needs is what
    /// [`Stats::classes`](crate::Stats::classes) says at its peak. [`Frugal`] has a quarter.
    ///
    /// Below 100 needs [`Segregated`](crate::large::Segregated), the default. The heap that grows, `wasm::Heap`, counts
    /// 100 whatever this says: it does not know where its end will be.
    const POOLED_PERCENT: usize = 100;

    /// How many empty pages stay in their classes until a context needs them; at most 64. 0: none, and a block that is
    /// allocated and freed over and over costs a refill and a retirement each time. A large request that finds nothing
    /// takes back all of them before it is refused, so each makes the longest call longer.
    const KEPT_PAGES: usize = 1;

    /// How many pages that belong to nobody wait for the next class that needs one, without entering the large tier; at
    /// most 64. Worth having where interrupt handlers meet a large tier that is held: a refill from here does not need
    /// it.
    const STASH_PAGES: usize = 0;

    /// The memory of a [`Region`](crate::Region) in which the requests of the calling context begin, modulo the number
    /// of memories that it has: the core's number (`mhartid`, for example), or a number for each thread. So threads or
    /// cores with a memory each do not compete for pages, nor for the large tier, as long as there is room in theirs;
    /// what one frees goes back to the memory that it came from. The default is 0: all begin in the first memory.
    ///
    /// Called by every allocation, and by `realloc` and `dealloc`, which look in that memory first. It must not
    /// allocate: it would recurse. It must not unwind: a panic aborts. Any answer at any time is right: contexts that
    /// begin in the same memory only meet more often. Figures for threads are in `benches/results/host.md`.
    ///
    /// ```
    /// use std::alloc::{GlobalAlloc, Layout};
    /// use std::cell::Cell;
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// use larder::{Config, Region};
    ///
    /// static THREADS: AtomicUsize = AtomicUsize::new(0);
    /// thread_local! {
    ///     static HOME: Cell<Option<usize>> = const { Cell::new(None) };
    /// }
    ///
    /// struct ByThread;
    /// impl Config for ByThread {
    ///     fn home() -> usize {
    ///         HOME.get().unwrap_or_else(|| {
    ///             HOME.set(Some(THREADS.fetch_add(1, Relaxed)));
    ///             HOME.get().unwrap_or(0)
    ///         })
    ///     }
    /// }
    /// static REGION: Region<ByThread> = Region::new();
    ///
    /// for _ in 0..2 {
    ///     let memory: &'static mut [u8] = Box::leak(vec![0; 64 * 1024].into());
    ///     // SAFETY: the memory is nobody else's, for ever.
    ///     unsafe { REGION.claim(memory.as_mut_ptr(), memory.len()) }?;
    /// }
    /// let allocate = || {
    ///     // SAFETY: the size is not zero.
    ///     let block = unsafe { REGION.alloc(Layout::new::<[u8; 30]>()) };
    ///     assert!(!block.is_null());
    ///     block.addr()
    /// };
    /// let (a, b) = (allocate(), std::thread::spawn(allocate).join().unwrap());
    /// assert!(a.abs_diff(b) > 32 * 1024); // not in one memory
    /// # Ok::<(), larder::ClaimError>(())
    /// ```
    #[inline(always)]
    fn home() -> usize {
        0
    }

    /// Called where something happens that a program may want to see, in the context in which it happens, outside of
    /// the large tier. Must not unwind: a panic aborts. The default is none, and costs nothing.
    ///
    /// It may use the heap, from which it was called too: allocate the line of a log, free a cache. So it runs once at
    /// a time in all contexts that use the heap. What happens there while it runs is not told, but counted in
    /// [`Stats::events_untold`](crate::Stats::events_untold):
    /// - what its own calls do. A hook that allocates when it is told of a refusal, and is refused itself, returns; so
    ///   does one that allocates at [`Event::RefillBegins`] what needs the same refill;
    /// - what an interrupt handler, another thread or another core does at that time, because nothing tells it apart.
    ///   So an event that begins something may be told without the one that ends it, and the other way round. A short
    ///   hook misses less.
    ///
    /// [`Stats::refused`](crate::Stats::refused) and [`Stats::wrong_frees`](crate::Stats::wrong_frees) count these
    /// events whether they were told or not. The out-of-memory hook is another matter: what happens in its calls is
    /// told, and a request of this hook's may call it.
    ///
    /// ```
    /// use core::alloc::{GlobalAlloc, Layout};
    /// use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// use larder::{Config, Event, Heap};
    ///
    /// static LAST_REFUSED: AtomicUsize = AtomicUsize::new(0);
    ///
    /// fn watch(event: Event) {
    ///     match event {
    ///         Event::Refused { size_bytes, .. } => LAST_REFUSED.store(size_bytes, Relaxed),
    ///         Event::WrongFree(wrong) => eprintln!("{wrong}"), // on a microcontroller: log, or stop
    ///         _ => {}
    ///     }
    /// }
    ///
    /// struct Watched;
    /// impl Config for Watched {
    ///     const ON_EVENT: Option<fn(Event)> = Some(watch);
    /// }
    /// static HEAP: Heap<4096, Watched> = Heap::new();
    ///
    /// // SAFETY: the size is not zero.
    /// assert!(unsafe { HEAP.alloc(Layout::new::<[u8; 5000]>()) }.is_null());
    /// assert_eq!(LAST_REFUSED.load(Relaxed), 5000);
    /// ```
    const ON_EVENT: Option<fn(Event)> = None;

    /// Called when memory has run out and a request is about to be refused. It may release something, a cache or a
    /// block kept for that, and answer [`Emergency::Retry`]; it is asked again if that was not enough, until it says
    /// [`Emergency::GiveUp`]: a hook that never does never returns from the call. The default is none, and costs
    /// nothing.
    ///
    /// It runs in the context that asked for memory, outside of the large tier, with nothing masked: in an interrupt
    /// handler too, if handlers allocate. There it can interrupt anything, so:
    /// - What it releases must be free to take. The thread may be in the middle of the cache, and be the very one that
    ///   ran out: *try* to lock or borrow it, and give up if you can't. (`realloc` too runs out: while a `Vec` grows,
    ///   its owner holds it.)
    /// - It may free anything that it owns, and allocate: it runs once at a time, so its own request, if refused,
    ///   returns null without another hook. So does one of an interrupt handler, or of another thread, that fails while
    ///   it runs.
    /// - A handler that came into the middle of the large tier can only be helped by pooled blocks: large releases are
    ///   deferred.
    /// - It must not unwind: a panic aborts.
    ///
    /// [`Heap`](crate::Heap) and [`Region`](crate::Region) call it, and `wasm::Heap` when the host has no more memory
    /// either.
    ///
    /// [`Event::Refused`] is told, and [`Stats::refused`](crate::Stats::refused) grows, only after the hook has given
    /// up.
    ///
    /// ```
    /// use core::alloc::{GlobalAlloc, Layout};
    /// use core::sync::atomic::{AtomicPtr, Ordering::AcqRel};
    /// use larder::{Config, Emergency, Heap, OutOfMemory};
    ///
    /// type Reserve = [u8; 1024];
    /// static RESERVE: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
    ///
    /// /// Frees the reserve, once.
    /// fn release_reserve(_: OutOfMemory) -> Emergency {
    ///     let reserve = RESERVE.swap(core::ptr::null_mut(), AcqRel);
    ///     if reserve.is_null() {
    ///         return Emergency::GiveUp;
    ///     }
    ///     // SAFETY: it was allocated with this layout, and only one swap gets it.
    ///     unsafe { HEAP.dealloc(reserve, Layout::new::<Reserve>()) };
    ///     Emergency::Retry
    /// }
    ///
    /// struct Prepared;
    /// impl Config for Prepared {
    ///     const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(release_reserve);
    /// }
    /// static HEAP: Heap<4096, Prepared> = Heap::new();
    ///
    /// let block = Layout::new::<[u8; 500]>();
    /// // SAFETY: the layouts' sizes are not zero.
    /// let served = unsafe {
    ///     RESERVE.store(HEAP.alloc(Layout::new::<Reserve>()), core::sync::atomic::Ordering::Release);
    ///     (0..100).take_while(|_| !HEAP.alloc(block).is_null()).count()
    /// };
    /// assert_eq!(served, 7); // two of them where the reserve was
    /// assert_eq!(HEAP.stats().refused, 1);
    /// ```
    const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = None;
}

/// The request that [`Config::ON_OUT_OF_MEMORY`] is asked about. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub struct OutOfMemory {
    /// How many bytes are asked for. May be more than the arena has.
    pub size_bytes: usize,
    /// Their alignment.
    pub align_bytes: usize,
    /// How often the hook has answered [`Emergency::Retry`] to this request, in vain.
    pub retries: u32,
}

/// The answer of [`Config::ON_OUT_OF_MEMORY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Emergency {
    /// Something was released: try again.
    Retry,
    /// Refuse the request.
    GiveUp,
}

/// The configuration of a heap that was given none.
pub struct Defaults;
impl Config for Defaults {}

/// No pools at all: for programs where RAM matters more than speed, and no interrupt must be kept waiting.
///
/// Every call visits the large tier, and so masks, waits or can be refused, as [the first
/// table](crate#who-may-call-what-from-where) says for large calls. In return there is less code, the tables take less
/// than half of the bytes from 64 KiB of arena up, and small blocks are packed without pages around them, but take 16
/// bytes at least. Figures are in `benches/results`.
///
/// ```
/// use larder::{Compact, Heap};
///
/// static HEAP: Heap<{ 64 * 1024 }, Compact> = Heap::new();
/// static POOLED: Heap<{ 64 * 1024 }> = Heap::new();
///
/// assert!(HEAP.stats().metadata_bytes * 2 < POOLED.stats().metadata_bytes);
/// ```
pub struct Compact;
impl Config for Compact {
    const CLASSES: &'static [usize] = &[];
    const KEPT_PAGES: usize = 0;
}

/// Pools in the last quarter of the arena: in 64 KiB, the tables take less than two thirds of what they take with the
/// [`Defaults`], and calls are as with these as long as blocks of up to 64 bytes need no more than a quarter. Figures
/// are in `benches/results`.
///
/// ```
/// use larder::{Frugal, Heap};
///
/// static HEAP: Heap<{ 64 * 1024 }, Frugal> = Heap::new();
/// static POOLED: Heap<{ 64 * 1024 }> = Heap::new();
///
/// assert!(HEAP.stats().metadata_bytes * 3 < POOLED.stats().metadata_bytes * 2);
/// ```
pub struct Frugal;
impl Config for Frugal {
    const POOLED_PERCENT: usize = 25;
}

/// What [`Config::ON_EVENT`] is told. Sizes are in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Event {
    /// A class has no free block left and is about to get a page.
    RefillBegins {
        /// Size of the class's blocks.
        block_bytes: usize,
    },
    /// The class has got its page, or there was none.
    RefillEnds {
        /// Size of the class's blocks.
        block_bytes: usize,
    },
    /// An empty page, which another displaced from where kept pages stand, is about to be taken out of its class. What
    /// a refill, a large request or `trim` takes back itself is not told.
    RetireBegins,
    /// The page was given back, or was in use again.
    RetireEnds,
    /// A request was refused: the call returned null.
    Refused {
        /// How many bytes were asked for.
        size_bytes: usize,
        /// Their alignment.
        align_bytes: usize,
    },
    /// A free was wrong. Nothing was changed.
    WrongFree(WrongFree),
}

/// A free that the heap refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct WrongFree {
    /// The address that was to be freed; 0 if it was deferred, and found wrong only when it was drained.
    pub address: usize,
    /// Why it was refused.
    pub reason: Reason,
}

/// Why a free was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u32)]
pub enum Reason {
    /// The address is not in the heap's arena, or in its tables.
    Foreign,
    /// The address is in the arena, but no block starts there.
    NoBlock,
    /// The block is free already. Of a large block, the address may also read as [`Reason::NoBlock`]: once it has
    /// joined its neighbours, no block starts there.
    Double,
    /// The layout's size is not the block's, which is large. The sizes of pooled blocks are not looked at, and under a
    /// policy that does not always wait, a large block may be longer than its layout: it may have shrunk while the
    /// large tier was held.
    Size,
}

impl core::fmt::Display for WrongFree {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let reason = match self.reason {
            Reason::Foreign => "is not in this heap",
            Reason::NoBlock => "is not the start of a block",
            Reason::Double => "is free already",
            Reason::Size => "is a block of another size",
        };
        write!(f, "wrong free: {:#x} {reason}", self.address)
    }
}
