//! Several cores in one heap at once, for long.
//!
//! Each core allocates, resizes, verifies and frees, and hands blocks over to another core, which frees them; so does the tick
//! of core 0. Now and then a step is made inside a critical section, which the heap has to enter again. After
//! each round all rest, and core 0 compares the heap with what the cores hold.

use core::fmt::{self, Write};
use core::hint;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering, Ordering::Relaxed};

use larder_suite::{Block, Mailbox, Random, Subject};

use crate::Board;
use crate::party::{Party, Step};

const CORES_MOST: usize = 4;
const SLOTS_OF_A_CORE: usize = 40;
const SLOTS_OF_THE_TICK: usize = 8;
const STEPS_OF_A_TICK: u32 = 3;
const STEPS_BETWEEN_SECTIONS: u32 = 32;
const ROUNDS: u32 = 25;
/// Between two ticks, in units of 80 ns.
const SHORTEST_PERIOD: usize = 500;
const LONGEST_PERIOD: usize = 5_000;
/// The largest block of a round. In some rounds everything fits, in others the heap is full most of the time.
const SIZES: [usize; 5] = [200, 60, 3_000, 400, 6_000];

static MAIL: [Mailbox<Block, 32>; CORES_MOST] = [const { Mailbox::new() }; CORES_MOST];
static TALLIES: [Tally; CORES_MOST] = [const { Tally::new() }; CORES_MOST];
/// What the blocks that each core holds take from the heap, as of the last rest.
static OCCUPIED_BYTES: [AtomicUsize; CORES_MOST] = [const { AtomicUsize::new(0) }; CORES_MOST];
static REST: Barrier = Barrier::new();
/// Core 0 asks its tick to rest; the tick says that it does, and holds nothing.
static IS_TICK_TO_REST: AtomicBool = AtomicBool::new(true);
static DOES_TICK_REST: AtomicBool = AtomicBool::new(true);
static TICKS_AT_WORK: AtomicU32 = AtomicU32::new(0);

/// The run, as all cores have to know it.
#[derive(Clone, Copy)]
pub struct Run<'heap> {
    pub heap: &'heap dyn Subject,
    pub cores: usize,
    /// Of all cores together: allocations, releases and resizes, the refused ones included.
    pub operations: u32,
}

/// Runs the part of core 0, which prints the result and ends the run. The others are to be in [`follow`] soon.
pub fn lead<B: Board>(run: Run) -> ! {
    let mut party = Party::new(0xC0FFEE);
    B::start_ticking(SHORTEST_PERIOD as u32);
    for round in 1..=ROUNDS {
        IS_TICK_TO_REST.store(false, Relaxed);
        work(&run, 0, round, &mut party);
        rest_the_tick::<B>();
        settle(&run, 0, &party);
        compare(&run);
        REST.wait(run.cores);
    }
    B::stop_ticking();
    report(&run, &mut B::console()).expect("the host prints");
    run.heap.assert_empty();
    assert_eq!(run.heap.stats().wrong_frees, 0);
    TALLIES[..run.cores].iter().for_each(Tally::assert_seen);
    assert!(TICKS_AT_WORK.load(Relaxed) > 0, "the tick was not at work");
    B::succeed()
}

/// Runs the part of another core.
pub fn follow(run: Run, core: usize) {
    let mut party = Party::new(0xC0FFEE + core as u32);
    for round in 1..=ROUNDS {
        work(&run, core, round, &mut party);
        settle(&run, core, &party);
        REST.wait(run.cores);
    }
}

/// The part of core 0's tick.
pub struct Handler {
    party: Party<SLOTS_OF_THE_TICK>,
    random: Random,
}

impl Handler {
    pub const fn new() -> Self {
        Self { party: Party::new(0xBEEF), random: Random::new(77) }
    }

    /// To be called by the tick's handler.
    pub fn tick<B: Board>(&mut self) {
        let is_to_rest = IS_TICK_TO_REST.load(Relaxed);
        match is_to_rest {
            true => self.party.free_all(),
            false => self.work(),
        }
        DOES_TICK_REST.store(is_to_rest, Relaxed);
        B::tick_again_after(self.random.range(SHORTEST_PERIOD, LONGEST_PERIOD) as u32);
    }

    fn work(&mut self) {
        for _ in 0..STEPS_OF_A_TICK {
            self.party.step(&MAIL[1], &MAIL[0], 400);
        }
        TICKS_AT_WORK.fetch_add(1, Relaxed);
    }
}

impl Default for Handler {
    fn default() -> Self {
        Self::new()
    }
}

/// A core's share of a round.
fn work(run: &Run, core: usize, round: u32, party: &mut Party<SLOTS_OF_A_CORE>) {
    let share = run.operations / run.cores as u32;
    while TALLIES[core].operations() < share / ROUNDS * round {
        step(run, core, party, SIZES[round as usize % SIZES.len()]);
    }
    if round == ROUNDS {
        party.free_all();
    }
}

/// Waits until core 0's tick holds nothing and is not in the heap any more.
fn rest_the_tick<B: Board>() {
    DOES_TICK_REST.store(false, Relaxed);
    IS_TICK_TO_REST.store(true, Relaxed);
    while !DOES_TICK_REST.load(Relaxed) {
        B::wait();
    }
}

/// Waits until no core works any more, and says what this one holds.
fn settle(run: &Run, core: usize, party: &Party<SLOTS_OF_A_CORE>) {
    REST.wait(run.cores);
    // Nobody sends any more: what lies in the mailbox now is all there is.
    while MAIL[core].take().is_some() {}
    OCCUPIED_BYTES[core].store(party.occupied_bytes(run.heap), Relaxed);
    REST.wait(run.cores);
}

/// What a large block has at least, and by how much it can be longer than its layout.
const SHORTEST_DEFERRED_BYTES: usize = 16;
const TAIL_BYTES: usize = 8;

/// Panics unless what is live is what the cores hold, and every invariant of the heap holds. Nobody else may be in the heap.
fn compare(run: &Run) {
    run.heap.assert_sound();
    let held: usize = OCCUPIED_BYTES[..run.cores].iter().map(|bytes| bytes.load(Relaxed)).sum();
    let stats = run.heap.stats();
    // A deferred block can be longer than its layout, by which it counts: the rest counts as live until it is drained.
    let tails = held..=held + stats.deferred_bytes / SHORTEST_DEFERRED_BYTES * TAIL_BYTES;
    assert!(tails.contains(&stats.live_bytes), "what is live is not what the cores hold, {held} B:\n{stats}");
}

fn report(run: &Run, out: &mut dyn Write) -> fmt::Result {
    let tallies = &TALLIES[..run.cores];
    for (core, tally) in tallies.iter().enumerate() {
        writeln!(out, "core {core}: {tally}")?;
    }
    let operations: u32 = tallies.iter().map(Tally::operations).sum();
    let ticks = TICKS_AT_WORK.load(Relaxed);
    writeln!(out, "{ticks} ticks\n{}\n{operations} operations on {} cores", run.heap.stats(), run.cores)
}

fn step(run: &Run, core: usize, party: &mut Party<SLOTS_OF_A_CORE>, longest: usize) {
    let steps = TALLIES[core].steps.load(Relaxed);
    let receiver = (core + 1 + steps as usize % (run.cores - 1)) % run.cores;
    let mut step = || party.step(&MAIL[receiver], &MAIL[core], longest);
    let done = match steps % STEPS_BETWEEN_SECTIONS {
        0 => critical_section::with(|_| step()),
        _ => step(),
    };
    TALLIES[core].note(done);
}

/// What a core did. It alone writes it.
struct Tally {
    steps: AtomicU32,
    by_kind: [AtomicU32; Step::KINDS],
}

impl Tally {
    const fn new() -> Self {
        Self { steps: AtomicU32::new(0), by_kind: [const { AtomicU32::new(0) }; Step::KINDS] }
    }

    fn note(&self, step: Step) {
        let add_one = |count: &AtomicU32| count.store(count.load(Relaxed) + 1, Relaxed);
        add_one(&self.steps);
        add_one(&self.by_kind[step as usize]);
    }

    fn of(&self, step: Step) -> u32 {
        self.by_kind[step as usize].load(Relaxed)
    }

    fn operations(&self) -> u32 {
        use Step::*;
        [Allocated, Resized, Freed, FreedTheirs, Refused].map(|step| self.of(step)).iter().sum()
    }

    /// Panics unless the core did some of everything.
    fn assert_seen(&self) {
        use Step::*;
        let kinds = [Allocated, Resized, Freed, FreedTheirs, HandedOver, Verified];
        assert!(kinds.iter().all(|&step| self.of(step) > 0), "a core did not do some of everything: {self}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        use Step::*;
        let [allocated, resized, freed, theirs, sent, refused] =
            [Allocated, Resized, Freed, FreedTheirs, HandedOver, Refused].map(|step| self.of(step));
        write!(out, "{allocated} allocated, {resized} resized, {freed} freed and {theirs} of other cores', ")?;
        write!(out, "{sent} handed over, {refused} refused")
    }
}

/// Where all cores wait for each other.
struct Barrier {
    arrived: AtomicUsize,
    /// How often all have met.
    meetings: AtomicUsize,
}

impl Barrier {
    const fn new() -> Self {
        Self { arrived: AtomicUsize::new(0), meetings: AtomicUsize::new(0) }
    }

    fn wait(&self, cores: usize) {
        let meetings = self.meetings.load(Relaxed);
        // AcqRel: pairs with itself, so that the last to arrive has seen what all did before they came.
        if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == cores {
            self.arrived.store(0, Relaxed);
            // Release: pairs with the Acquire below, for that and for the 0 in `arrived`.
            self.meetings.store(meetings + 1, Ordering::Release);
            return;
        }
        while self.meetings.load(Ordering::Acquire) == meetings {
            hint::spin_loop();
        }
    }
}
