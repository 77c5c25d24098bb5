//@ thumbv7m-none-eabi -
// A `Small` has none.
use larder::{Heap, Region, Small, policy};

pub static HEAP: Heap<{ 16 * 1024 }, policy::Try> = Heap::new();
pub static REGION: Region<policy::Patient> = Region::new();
pub static SMALL: Small<4096> = Small::new();
