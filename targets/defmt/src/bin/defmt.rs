//! Logs what a heap tells through defmt, each value twice: as its `defmt::Format` sends it, and as its `Debug` writes it. The test
//! `tests/defmt` decodes the stream.
#![no_std]
#![no_main]

#[path = "../workload.rs"]
mod workload;

use core::fmt::Debug;

use cortex_m_rt::entry;
use defmt::{Debug2Format, Format};
use defmt_semihosting as _;
use larder::{CheckError, Config, Defaults, Event, Heap, Region, policy};
use larder_cortex_m::board;
use panic_semihosting as _;

/// Logs every event in the middle of the call that it is about: this logger may be used anywhere, and does not allocate.
struct Told;

impl Config for Told {
    const ON_EVENT: Option<fn(Event)> = Some(|event| {
        log("event", &event);
    });
}

// What the program is linked with wants an allocator; nobody asks it for more than the workload.
#[global_allocator]
static HEAP: Heap<{ workload::ARENA_BYTES }, Told, policy::Try> = Heap::new();
static REGION: Region<Defaults, policy::Try> = Region::new();

fn log(name: &str, value: &(impl Format + Debug)) {
    defmt::println!("{=str} format {}", name, value);
    defmt::println!("{=str} debug {}", name, Debug2Format(value));
}

#[entry]
fn main() -> ! {
    log("stats before", &HEAP.stats());
    workload::run(&HEAP);
    let stats = HEAP.stats();
    log("stats after", &stats);
    stats.classes().iter().for_each(|row| log("row", row));
    log("check", &HEAP.check());
    log("check error", &CheckError { what: "a page that is made up", page: 7 });
    // SAFETY: the memory is refused.
    let claimed = unsafe { REGION.claim(core::ptr::without_provenance_mut(0x1000), 100) };
    log("claim", &claimed);
    board::succeed()
}
