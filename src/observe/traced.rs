use super::Observer;
use crate::trace::{Event, Origin, Trace};
use core::alloc::Layout;

/// Writes every call of a heap into a [`Trace`] of `WORDS` words, from where the program sends it to a file:
/// `larder-tools` then says who holds memory, what leaks, and how large the arena has to be.
///
/// A release is recorded before the block is free, so that no allocation at the same address comes first. If it turns
/// out to be wrong, an [`Event::WrongFree`] of the same address follows, with 31 for its reason: unknown.
///
/// Cost: one record a call, and what `origin` takes. Where the queue is full, records are lost, and counted.
///
/// ```
/// use larder::observe::{self, Observed, Traced};
/// use larder::trace::Origin;
///
/// static HEAP: Observed<larder::Heap<{ 64 * 1024 }>, Traced<1024>> =
///     Observed::new(larder::Heap::new(), Traced::new(|| Origin { tag: observe::TAG.current(), ..Origin::NONE }));
///
/// # use std::alloc::{GlobalAlloc, Layout};
/// # let layout = Layout::new::<[u8; 100]>();
/// {
///     let _net = larder::tag!("net");
///     // SAFETY: the size is not zero; the block is freed once, with its layout.
///     unsafe { HEAP.dealloc(HEAP.alloc(layout), layout) };
/// }
/// let mut bytes = [0; 256];
/// let len = HEAP.observer().trace().read(&mut bytes); // to a UART, a probe, a file
/// assert!(len > 0);
/// ```
pub struct Traced<const WORDS: usize> {
    trace: Trace<WORDS>,
    origin: fn() -> Origin,
}

#[cfg(not(all(test, loom)))]
impl<const WORDS: usize> Traced<WORDS> {
    /// An empty trace. `origin` says where a call comes from, and when: called in each, in its context, so it must not
    /// allocate. `|| Origin::NONE` costs nothing.
    pub const fn new(origin: fn() -> Origin) -> Self {
        Self { trace: Trace::new(), origin }
    }
}

impl<const WORDS: usize> Traced<WORDS> {
    /// The queue, to read from.
    pub const fn trace(&self) -> &Trace<WORDS> {
        &self.trace
    }

    #[inline]
    fn record(&self, event: &Event) {
        // What was lost is counted.
        let _ = self.trace.record(event, (self.origin)());
    }
}

/// The reason of a wrong free that is not known here.
const UNKNOWN: u8 = 31;

impl<const WORDS: usize> Observer for Traced<WORDS> {
    #[inline]
    unsafe fn allocated(&self, block: *mut u8, layout: Layout, _: *mut u8) {
        let address = block.addr();
        self.record(&Event::Alloc { address, size_bytes: layout.size(), align_bytes: layout.align() });
    }

    fn refused(&self, layout: Layout) {
        let (size_bytes, align_bytes) = (layout.size(), layout.align());
        self.record(&Event::Refused { size_bytes, align_bytes, old_address: 0 });
    }

    #[inline]
    unsafe fn may_free(&self, block: *mut u8, layout: Layout, _: *mut u8) -> bool {
        let address = block.addr();
        self.record(&Event::Free { address, size_bytes: layout.size(), align_bytes: layout.align() });
        true
    }

    #[inline]
    fn freed(&self, block: *mut u8, _: Layout, right: bool) {
        if !right {
            self.record(&Event::WrongFree { address: block.addr(), reason: UNKNOWN });
        }
    }

    unsafe fn resized(&self, block: *mut u8, layout: Layout, new: *mut u8, new_size: usize, _: *mut u8) {
        let (old_address, align_bytes) = (block.addr(), layout.align());
        self.record(&match new.is_null() {
            true => Event::Refused { size_bytes: new_size, align_bytes, old_address },
            false => Event::Realloc {
                address: new.addr(),
                size_bytes: new_size,
                old_address,
                old_bytes: layout.size(),
                align_bytes,
            },
        });
    }
}
