//! A heap for one collection: a map in a second RAM, a buffer in a heap to itself, while all else of the program stays where it is.
//!
//! ```sh
//! cargo run --example one_collection --features allocator-api2
//! ```

use std::cell::UnsafeCell;

use allocator_api2::{boxed::Box, vec::Vec};
use hashbrown::{DefaultHashBuilder, HashMap};
use larder::{Region, Small};

/// What the linker script would have placed in the second RAM.
struct Ram(UnsafeCell<[u8; 32 * 1024]>);

// SAFETY: nobody but the region looks inside.
unsafe impl Sync for Ram {}

static SRAM2: Ram = Ram(UnsafeCell::new([0xA5; 32 * 1024]));
static SECOND: Region = Region::new();

/// The log has a heap to itself: whatever it does, nobody else runs out of memory.
static LOG: Small<{ 4 * 1024 }> = Small::new();

fn main() {
    // SAFETY: the memory is the region's alone, for ever, and nobody else claims at the same time.
    unsafe { SECOND.claim(SRAM2.0.get().cast(), 32 * 1024) }.expect("32 KiB are enough");

    let mut sensors = HashMap::with_hasher_in(DefaultHashBuilder::default(), &SECOND);
    for id in 0..200_u32 {
        sensors.insert(id, Box::new_in([id; 4], &SECOND));
    }
    assert!((0..200).all(|id| sensors[&id][3] == id));

    let mut log: Vec<u8, _> = Vec::new_in(&LOG);
    log.extend_from_slice(b"200 sensors");
    let place = log.as_ptr();
    while log.try_reserve_exact(100).is_ok() {
        log.extend(core::iter::repeat_n(b'.', 100));
    }
    // It has grown where it is, up to the end of its heap; only the log noticed that this is full.
    assert_eq!(log.as_ptr(), place);
    println!("The log has {} bytes of its heap's 4096.\n{}", log.len(), SECOND.stats());

    drop(sensors);
    assert_eq!(SECOND.stats().live_bytes, 0);
}
