//! The library's atomics, and another context in the middle of a call.

use std::cell::{Cell, RefCell};

use core::sync::atomic;
pub use core::sync::atomic::Ordering;

pub const SINGLE: bool = false;

/// Another context's work, and before which access it runs.
pub type Work<'a> = (usize, Box<dyn FnOnce() + 'a>);

thread_local! {
    /// How many accesses the call has made; `None`: nothing is to come in between.
    static MADE: Cell<Option<usize>> = const { Cell::new(None) };
    /// What is still to come, the first last.
    static WORKS: RefCell<Vec<Work<'static>>> = const { RefCell::new(Vec::new()) };
}

/// An access is about to be made.
#[inline]
fn step() {
    if let Some(made) = MADE.get() {
        interrupt(made);
    }
}

fn interrupt(made: usize) {
    // Accesses of the other context do not count.
    MADE.set(None);
    loop {
        let due = WORKS.with_borrow_mut(|works| if works.last()?.0 == made { works.pop() } else { None });
        let Some((_, work)) = due else { break };
        work();
    }
    MADE.set(Some(made + 1));
}

/// Makes a call that is suspended before some of its accesses, in ascending order. `false`: it ended earlier.
pub fn suspend(mut works: Vec<Work<'_>>, call: impl FnOnce()) -> bool {
    assert!(works.is_sorted_by_key(|work| work.0));
    works.reverse();
    // SAFETY: only the lifetime of the works changes. None outlives this function: what was not run is dropped below, and a panic
    // ends the test, whose thread makes no call again.
    let works = unsafe { core::mem::transmute::<Vec<Work<'_>>, Vec<Work<'static>>>(works) };
    WORKS.set(works);
    MADE.set(Some(0));
    call();
    MADE.set(None);
    WORKS.take().is_empty()
}

/// As `core`'s.
#[inline]
pub fn fence(ordering: Ordering) {
    step();
    atomic::fence(ordering);
}

/// As `core`'s.
#[inline]
pub fn compiler_fence() {
    atomic::compiler_fence(Ordering::SeqCst);
}

macro_rules! atomics {
    ($($name:ident: $value:ty),*) => {
        $(
            /// As `core`'s.
            #[repr(transparent)]
            #[derive(Default)]
            pub struct $name(atomic::$name);

            impl $name {
                pub const fn new(value: $value) -> Self {
                    Self(atomic::$name::new(value))
                }

                #[inline]
                pub fn load(&self, ordering: Ordering) -> $value {
                    step();
                    self.0.load(ordering)
                }

                #[inline]
                pub fn store(&self, value: $value, ordering: Ordering) {
                    step();
                    self.0.store(value, ordering);
                }
            }
        )*
    };
}

atomics!(AtomicU8: u8, AtomicU32: u32);

pub type StoredU32 = AtomicU32;

macro_rules! read_modify_writes {
    ($($name:ident),*) => {
        impl AtomicU32 {
            $(
                #[inline]
                pub fn $name(&self, value: u32, ordering: Ordering) -> u32 {
                    step();
                    self.0.$name(value, ordering)
                }
            )*
        }
    };
}

read_modify_writes!(swap, fetch_add, fetch_sub, fetch_or, fetch_and, fetch_max);

impl AtomicU32 {
    #[inline]
    pub fn compare_exchange(&self, old: u32, new: u32, success: Ordering, failure: Ordering) -> Result<u32, u32> {
        step();
        self.0.compare_exchange(old, new, success, failure)
    }

    #[inline]
    pub fn compare_exchange_weak(&self, old: u32, new: u32, success: Ordering, failure: Ordering) -> Result<u32, u32> {
        self.compare_exchange(old, new, success, failure)
    }
}
