//! larder over a region that is given at run time, in the configurations that are compared.

use crate::heap::{Anatomy, Heap, calls_of_the_first_field};
use ::larder::{Config, Region, large, policy};
use core::ptr::NonNull;

/// A region with a name for the tables. A variant is a type of these three, and a line in `ENTRIES`.
pub struct Larder<L, C>(Region<C, policy::Default, L>);

/// As it comes.
pub type Default = Larder<large::Segregated, ::larder::Defaults>;

/// With pools in a quarter of the arena.
pub type Frugal = Larder<large::Segregated, ::larder::Frugal>;

/// Without pools.
pub type Compact = Larder<large::Segregated, ::larder::Compact>;

/// What a variant is called.
trait Named {
    const NAME: &'static str;
}

impl Named for Default {
    const NAME: &'static str = "larder";
}

impl Named for Frugal {
    const NAME: &'static str = "larder, frugal";
}

impl Named for Compact {
    const NAME: &'static str = "larder, no pools";
}

// SAFETY: larder keeps the contract.
unsafe impl<L: large::Large, C: Config> Heap for Larder<L, C>
where
    Self: Named,
{
    const NAME: &'static str = <Self as Named>::NAME;

    fn anatomy(&self) -> Option<Anatomy> {
        let stats = self.0.stats();
        Some(Anatomy {
            tables_bytes: stats.metadata_bytes,
            live_bytes: stats.live_bytes,
            bound_bytes: stats.waste_bytes + stats.deferred_bytes,
            free_bytes: stats.free_bytes,
            largest_free_bytes: stats.largest_free_bytes,
        })
    }

    fn verify(&self) -> bool {
        self.0.check().is_ok()
    }

    unsafe fn place(at: *mut Self) {
        // SAFETY: the caller's contract.
        unsafe { at.write(Self(Region::new())) }
    }

    unsafe fn start(&mut self, arena: NonNull<[u8]>) -> bool {
        // SAFETY: the caller's contract.
        unsafe { self.0.claim(arena.as_ptr().cast(), arena.len()).is_ok() }
    }

    calls_of_the_first_field!();
}
