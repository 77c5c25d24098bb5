//! larder's fuzzers: calls that a fuzzer chooses, against the shadow model of the differential test.
//!
//! After each call the whole heap is verified, and at the end all of it has to be one free run again. A fuzzer also
//! chooses the arena's size, the configuration, and which calls find the large tier held, as they do that interrupt its
//! holder. Of a small heap, it chooses the size and the address.

#[path = "../../tests/shadow/mod.rs"]
mod shadow;

use arbitrary::Arbitrary;
use larder::large::{Large, Segregated};
use larder::policy::Try;
use larder::{Config, Defaults, Small};
use shadow::configs::{Apart, KeepsNothing, Reserving, Sparse};
use shadow::{Action, Door, Memory, Shadow};

/// One run of a fuzzer.
#[derive(Debug, Arbitrary)]
pub struct Run {
    arena: Arena,
    configuration: Configuration,
    calls: Vec<Call>,
}

#[derive(Debug, Arbitrary)]
enum Arena {
    OneKib,
    /// So many bytes more than 1 KiB.
    FewPages(u16),
    SixtyFourKib,
}

#[derive(Debug, Arbitrary)]
enum Configuration {
    Defaults,
    Sparse,
    Reserving,
    Apart,
    KeepsNothing,
}

#[derive(Debug, Arbitrary)]
struct Call {
    while_held: bool,
    action: Action,
}

/// The arena that [`Reserving`] needs at least, with a page left for large blocks.
const RESERVING_BYTES: usize = 2048;

/// The arena that [`Apart`] needs at least: its reserved pages are two fifths of it.
const APART_BYTES: usize = 4096;

impl Run {
    /// Does the run, on a heap with that large tier; panics when the heap is not what the model says.
    pub fn on<L: Large>(&self) {
        match self.configuration {
            Configuration::Defaults => self.with::<L, Defaults>(self.arena.bytes()),
            Configuration::Sparse => self.with::<L, Sparse>(self.arena.bytes()),
            Configuration::Reserving => self.with::<L, Reserving>(self.arena.bytes().max(RESERVING_BYTES)),
            // Not every large tier can.
            Configuration::Apart => self.with::<Segregated, Apart>(self.arena.bytes().max(APART_BYTES)),
            Configuration::KeepsNothing => self.with::<L, KeepsNothing>(self.arena.bytes()),
        }
    }

    fn with<L: Large, C: Config>(&self, bytes: usize) {
        let memory = Memory::new(bytes);
        let heap = memory.region::<Door<Try>, L, C>();
        let mut shadow = Shadow::new(&heap, &memory);
        for call in &self.calls {
            match call.while_held {
                true => shadow.step_while_held(call.action),
                false => shadow.step(call.action),
            }
        }
        shadow.verify_all();
        shadow.finish();
    }
}

/// One run of the fuzzer for small heaps.
#[derive(Debug, Arbitrary)]
pub struct SmallRun {
    arena: SmallArena,
    /// How many times 8 bytes it lies behind an address that is aligned to all that is served.
    offset: u8,
    calls: Vec<Action>,
}

/// Sizes are constants: some with a last word of the table that is used in full, hardly, and in between.
#[derive(Debug, Arbitrary)]
enum SmallArena {
    OneKib,
    WordFull,
    WordBegun,
    NoRoundNumber,
    SixteenKib,
    SixtyFourKib,
}

impl SmallRun {
    /// Does the run; panics when the heap is not what the model says.
    pub fn run(&self) {
        match self.arena {
            SmallArena::OneKib => self.with::<1024>(),
            SmallArena::WordFull => self.with::<{ 56 + 20 * 132 - 8 }>(),
            SmallArena::WordBegun => self.with::<{ 56 + 20 * 132 + 4 }>(),
            SmallArena::NoRoundNumber => self.with::<3001>(),
            SmallArena::SixteenKib => self.with::<{ 16 * 1024 }>(),
            SmallArena::SixtyFourKib => self.with::<{ 64 * 1024 }>(),
        }
    }

    fn with<const BYTES: usize>(&self) {
        let offset = usize::from(self.offset) * 8;
        let part = offset..offset + size_of::<Small<BYTES>>();
        let memory = Memory::new(part.end + 64);
        // SAFETY: all zeros is an empty heap. Of this memory, what is the heap's is used through it and its blocks alone.
        let heap = unsafe { memory.zeroed::<Small<BYTES>>(offset) };
        let mut shadow = Shadow::new(heap, &memory);
        self.calls.iter().for_each(|&call| shadow.step(call));
        shadow.verify_all();
        shadow.finish();
        memory.verify_outside(part);
    }
}

impl Arena {
    fn bytes(&self) -> usize {
        match self {
            Self::OneKib => 1024,
            Self::FewPages(more) => 1024 + usize::from(*more) % (16 * 1024),
            Self::SixtyFourKib => 64 * 1024,
        }
    }
}
