//@ thumbv7m-none-eabi -
// A `Small` has none.
use larder::{Defaults, Heap, Region, Small, policy};

pub static HEAP: Heap<{ 16 * 1024 }, Defaults, policy::Try> = Heap::new();
pub static REGION: Region<Defaults, policy::Patient> = Region::new();
pub static SMALL: Small<4096> = Small::new();
