//! Every replay that is measured, checked: contents of every block, bounds of the arena, larder's own walk of itself.

use memory::allocators::{ENTRIES, Entry};
use memory::workload::{self, Workload};

/// Compares every block with every other; the longest traces would take it minutes.
const SLOW: (&str, usize) = ("emballoc", 10_000);

/// The loop and the floor, which keep no contract.
const NO_ALLOCATORS: [&str; 2] = ["none", "bump"];

#[test]
fn every_allocator_serves_every_trace_and_keeps_its_blocks() {
    for Workload { name, trace, room } in &workload::load() {
        for entry in allocators().filter(|entry| entry.name != SLOW.0 || trace.events.len() <= SLOW.1) {
            let outcome = (entry.check)(room, room.arena_limit.min(7 << 19));
            assert_eq!(outcome, Ok(()), "{} on {name}", entry.name);
        }
    }
}

/// Where memory is so short that refusals are near, and pages and blocks are taken from wherever they can be had.
#[test]
fn the_smallest_arenas_are_served_without_a_fault() {
    for Workload { name, trace, room } in &workload::load() {
        for entry in allocators().filter(|entry| entry.name.starts_with("larder")) {
            let found = (entry.search)(room, trace.peak_bytes as usize).expect("an arena is large enough");
            for bytes in [found.smallest_bytes, found.steady_bytes] {
                assert_eq!((entry.check)(room, bytes), Ok(()), "{} on {name} in {bytes} bytes", entry.name);
            }
        }
    }
}

fn allocators() -> impl Iterator<Item = &'static Entry> {
    ENTRIES.iter().filter(|entry| !NO_ALLOCATORS.contains(&entry.name))
}
