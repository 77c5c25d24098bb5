//! Collections with a heap to themselves, and requests of callers that can cope with a refusal.

#![cfg(not(loom))]

use core::alloc::{GlobalAlloc, Layout};
use larder::policy::Try;
use larder::{Config, Emergency, Event, Heap, OutOfMemory, Region, Small};
use std::cell::Cell;

const BYTES: usize = 16 * 1024;

thread_local! {
    static RESCUES: Cell<u32> = const { Cell::new(0) };
    static REFUSED: Cell<u32> = const { Cell::new(0) };
}

struct Watched;
impl Config for Watched {
    const ON_EVENT: Option<fn(Event)> = Some(|event| {
        if let Event::Refused { .. } = event {
            REFUSED.set(REFUSED.get() + 1);
        }
    });
    const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(|_| {
        RESCUES.set(RESCUES.get() + 1);
        Emergency::GiveUp
    });
}

fn region<C: Config>(memories: usize, len: usize) -> &'static Region<C, Try> {
    let region: &Region<C, Try> = Box::leak(Box::new(Region::new()));
    for _ in 0..memories {
        let memory = Vec::leak(vec![0u8; len]);
        // SAFETY: the memory is nobody else's, for ever.
        unsafe { region.claim(memory.as_mut_ptr(), len) }.unwrap();
    }
    region
}

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 8).unwrap()
}

macro_rules! attempts_of {
    ($heap:expr, $memories:expr) => {{
        let heap = $heap;
        RESCUES.set(0);
        REFUSED.set(0);
        let block = heap.try_alloc_zeroed(bytes(1000)).unwrap();
        // SAFETY: so many bytes are ours.
        unsafe {
            assert!(block.cast::<[u8; 1000]>().as_ref().iter().all(|&byte| byte == 0));
            block.write_bytes(0x5A, 1000);
            // In place, and moved: there is another block behind it.
            let block = heap.try_realloc(block, bytes(1000), 1500).unwrap();
            let wall = heap.try_alloc(bytes(100)).unwrap();
            let moved = heap.try_realloc(block, bytes(1500), 5000).unwrap();
            assert!(moved.cast::<[u8; 1000]>().as_ref().iter().all(|&byte| byte == 0x5A));
            // All there is, to the last byte, in all memories; then nothing, which nobody is told.
            let mut held = Vec::new();
            for size in [3000, 64, 16, 8] {
                held.extend(core::iter::from_fn(|| heap.try_alloc(bytes(size)).map(|block| (block, size))));
            }
            assert!(held.len() > 10);
            assert!(heap.try_alloc_zeroed(bytes(8)).is_none());
            assert!(heap.try_realloc(moved, bytes(5000), 9000 * $memories).is_none());
            assert!(heap.try_alloc(bytes(100_000)).is_none());
            assert_eq!((RESCUES.get(), REFUSED.get(), heap.stats().refused), (0, 0, 0));
            // The others are told as ever.
            assert!(heap.alloc(bytes(3000)).is_null());
            assert!(heap.realloc(moved.as_ptr(), bytes(5000), 9000 * $memories).is_null());
            assert_eq!((RESCUES.get(), REFUSED.get(), heap.stats().refused), (2, 2, 2));
            // A wrong one is wrong here too.
            assert!(heap.try_realloc(moved.add(8), bytes(4992), 100).is_none());
            assert_eq!(heap.stats().wrong_frees, 1);
            held.extend([(moved, 5000), (wall, 100)]);
            held.into_iter().for_each(|(block, size)| heap.dealloc(block.as_ptr(), bytes(size)));
        }
        heap.check().unwrap();
        assert_eq!(heap.stats().live_bytes, 0);
    }};
}

#[test]
fn an_attempt_is_neither_counted_nor_told() {
    attempts_of!(&*Box::new(Heap::<BYTES, Watched, Try>::new()), 1);
    attempts_of!(region::<Watched>(2, BYTES), 2);
    attempts_of!(&*Box::new(Small::<BYTES, Watched>::new()), 1);
}

#[cfg(feature = "allocator-api2")]
mod collections {
    use super::*;
    use allocator_api2::alloc::Allocator;
    use allocator_api2::{boxed::Box, vec::Vec};
    use core::ptr::NonNull;
    use hashbrown::{DefaultHashBuilder, HashMap};
    use larder::policy::Spin;
    use larder::{Defaults, Stats};

    const MORE: usize = 64 * 1024;

    trait Counted {
        fn figures(&self) -> Stats;
    }
    impl<C: Config> Counted for &Heap<MORE, C, Spin> {
        fn figures(&self) -> Stats {
            self.trim();
            self.check().unwrap();
            self.stats()
        }
    }
    impl<C: Config> Counted for &Region<C, Try> {
        fn figures(&self) -> Stats {
            self.trim();
            self.check().unwrap();
            self.stats()
        }
    }
    impl Counted for &Small<MORE> {
        fn figures(&self) -> Stats {
            self.check().unwrap();
            self.stats()
        }
    }

    /// The layouts of frees are looked at under the policy `Spin`, and in a small heap.
    fn holds_collections<A: Allocator + Counted + Copy>(heap: A) {
        let mut numbers = Vec::new_in(heap);
        numbers.extend(0..500_u32);
        let place = numbers.as_ptr();
        // It grows where it is, while nothing stands behind it, and shrinks there.
        numbers.reserve_exact(1000);
        assert_eq!((numbers.as_ptr(), numbers.capacity()), (place, 1500));
        numbers.shrink_to_fit();
        assert_eq!((numbers.as_ptr(), numbers.capacity()), (place, 500));
        let boxed = Box::new_in([7_u64; 40], heap);
        let slice = numbers.into_boxed_slice();
        assert!((0..500).all(|at| slice[at] == at as u32));
        let mut map: HashMap<u32, Box<u32, A>, _, A> = HashMap::with_hasher_in(DefaultHashBuilder::default(), heap);
        for round in 0..3 {
            for key in 0..120 {
                map.insert(key, Box::new_in(key * round, heap));
            }
            map.retain(|key, _| key % 3 != round);
            map.shrink_to_fit();
        }
        assert!(map.iter().all(|(key, value)| **value <= key * 2) && map.len() >= 40);
        assert!(boxed.iter().all(|&word| word == 7));
        // What does not fit is an error.
        assert!(Vec::<u8, A>::new_in(heap).try_reserve(1 << 20).is_err());
        let empty: Vec<Box<(), A>, A> = Vec::new_in(heap);
        assert_eq!(*Box::new_in((), heap), ());
        drop((map, boxed, slice, empty));
        let stats = heap.figures();
        assert_eq!((stats.live_bytes, stats.free_runs, stats.wrong_frees), (0, 1, 0), "{stats}");
    }

    #[test]
    fn every_heap_holds_collections() {
        holds_collections(&*std::boxed::Box::new(Heap::<MORE, Defaults, Spin>::new()));
        holds_collections(region::<larder::Defaults>(1, MORE));
        holds_collections(&*std::boxed::Box::new(Small::<MORE>::new()));
    }

    /// Every step from one layout to another: contents stay, alignments hold, and what grows zeroed is.
    fn changes_layouts<A: Allocator + Counted>(heap: A) {
        let mut random = fastrand::Rng::with_seed(3);
        let layout = |random: &mut fastrand::Rng| {
            Layout::from_size_align(random.usize(0..12) * random.usize(0..60), 1 << random.u32(0..9)).unwrap()
        };
        let mut old = layout(&mut random);
        let mut block: NonNull<u8> = heap.allocate_zeroed(old).unwrap().cast();
        for step in 0..5000 {
            let new = layout(&mut random);
            // SAFETY: the block is live, of the old layout, and grows or shrinks as that says.
            unsafe {
                for at in 0..old.size() {
                    block.add(at).write(step as u8);
                }
                let changed = match new.size() {
                    size if size < old.size() => heap.shrink(block, old, new),
                    _ if step % 2 == 0 => heap.grow_zeroed(block, old, new),
                    _ => heap.grow(block, old, new),
                };
                let changed = changed.unwrap();
                assert_eq!((changed.len(), changed.cast::<u8>().addr().get() % new.align()), (new.size(), 0));
                block = changed.cast();
                assert!((0..old.size().min(new.size())).all(|at| block.add(at).read() == step as u8), "step {step}");
                if step % 2 == 0 {
                    assert!((old.size()..new.size()).all(|at| block.add(at).read() == 0), "step {step}");
                }
            }
            old = new;
        }
        // SAFETY: as above.
        unsafe { heap.deallocate(block, old) };
        let stats = heap.figures();
        assert_eq!((stats.live_bytes, stats.wrong_frees, stats.refused), (0, 0, 0), "{stats}");
    }

    #[test]
    fn blocks_change_their_layouts() {
        changes_layouts(&*std::boxed::Box::new(Heap::<MORE, Defaults, Spin>::new()));
        changes_layouts(region::<larder::Defaults>(2, BYTES));
        changes_layouts(&*std::boxed::Box::new(Small::<MORE>::new()));
    }
}
