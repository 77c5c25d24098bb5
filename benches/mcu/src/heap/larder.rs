//! larder in every configuration that is measured.
//!
//! Another variant is a line in `variants!`, a feature in Cargo.toml, and its title in the table there. Names begin with
//! `larder`: that is how the tables tell them from the peers.

#[allow(unused_imports, reason = "each variant takes what it needs")]
use super::ARENA_BYTES;
#[allow(unused_imports, reason = "as above")]
use larder::{Defaults, Heap, policy};

macro_rules! variants {
    ($($feature:literal, $lock:literal, $heap:ty;)*) => {
        $(
            #[cfg(feature = $feature)]
            pub const NAME: &str = $feature;
            #[cfg(feature = $feature)]
            pub const LOCK: &str = $lock;
            #[cfg(feature = $feature)]
            pub static HEAP: $heap = <$heap>::new();
        )*
    };
}

variants! {
    "larder", "critical-section", Heap<ARENA_BYTES>;
    "larder-try", "try", Heap<ARENA_BYTES, Defaults, policy::Try>;
    "larder-one-core", "critical-section", Heap<ARENA_BYTES>;
    "larder-frugal", "critical-section", Heap<ARENA_BYTES, larder::Frugal, policy::CriticalSection>;
    "larder-compact", "critical-section", Heap<ARENA_BYTES, larder::Compact, policy::CriticalSection>;
    "larder-small", "lock-free", larder::Small<ARENA_BYTES>;
}

pub fn init() {}
