//! Main and its interrupt handlers in the heap at once, for long.
//!
//! All allocate, resize, verify and free, and each frees blocks that another one allocated. The tick comes at ever other
//! distances, so that in time it interrupts everything everywhere. The summons comes when main or the tick asks for
//! it, the latter in the middle of whatever main is doing, and the next tick into the middle of the summons.

use core::fmt::Write;

use larder_suite::{Block, Mailbox, Random, Subject};
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use crate::Board;
use crate::party::{Party, Step};
use crate::watch::{self, Interrupted};

const STEPS_OF_MAIN: u32 = 120_000;
const STEPS_BETWEEN_CHECKS: u32 = 2_500;
const SLOTS_OF_MAIN: usize = 80;
const SLOTS_OF_HANDLER: usize = 12;
const STEPS_OF_A_TICK: u32 = 3;
const STEPS_OF_A_SUMMONS: u32 = 12;
/// Of main, on average; and as many ticks.
const STEPS_BETWEEN_SUMMONS: u32 = 8;
/// Between two ticks, in units of 80 ns. An instruction takes about one and a half.
const SHORTEST_PERIOD: usize = 1_500;
const LONGEST_PERIOD: usize = 12_000;

static FOR_HANDLERS: Mailbox<Block, 4> = Mailbox::new();
static FOR_MAIN: Mailbox<Block, 4> = Mailbox::new();
static IS_ENDING: AtomicBool = AtomicBool::new(false);
/// How many handlers hold blocks, or may.
static HANDLERS_AT_WORK: AtomicU32 = AtomicU32::new(0);
/// How many handlers are between their beginning and their end now, and how many began in the middle of another.
static HANDLERS_RUNNING: AtomicU32 = AtomicU32::new(0);
static NESTED: AtomicU32 = AtomicU32::new(0);
/// How often the summons was answered.
static ANSWERED: AtomicU32 = AtomicU32::new(0);
static STEPS_OF_HANDLERS: AtomicU32 = AtomicU32::new(0);
static REFUSED_TO_HANDLERS: AtomicU32 = AtomicU32::new(0);

/// Runs the storm and ends the run.
pub fn main<B: Board>(heap: &dyn Subject, reaches_large_tier: bool) -> ! {
    let mut out = B::console();
    let mut party = Party::<SLOTS_OF_MAIN>::new(0xC0FFEE);
    let mut refused = 0;
    B::start_ticking(LONGEST_PERIOD as u32);
    for step in 0..STEPS_OF_MAIN {
        refused += u32::from(party.step(&FOR_HANDLERS, &FOR_MAIN, sizes(step)) == Step::Refused);
        if step % STEPS_BETWEEN_SUMMONS == 0 {
            B::summon();
        }
        if step % STEPS_BETWEEN_CHECKS == 0 {
            // Main is in no call and no handler can come: nobody is in the heap.
            B::undisturbed(|| heap.assert_sound());
        }
    }
    end::<B>(&mut party);
    let (interrupted, of_handlers) = (Interrupted::so_far(), STEPS_OF_HANDLERS.load(Relaxed));
    let refused_to_handlers = REFUSED_TO_HANDLERS.load(Relaxed);
    let (answered, nested) = (ANSWERED.load(Relaxed), NESTED.load(Relaxed));
    let result = writeln!(
        out,
        "{STEPS_OF_MAIN} steps of main, {refused} refused; {of_handlers} of the handlers, {refused_to_handlers} refused\n\
         {answered} summons answered, {nested} handlers in the middle of another\n\
         {interrupted}\n{}",
        heap.stats()
    );
    result.expect("the host prints");
    heap.assert_empty();
    assert_eq!(heap.stats().wrong_frees, 0);
    interrupted.assert_seen(reaches_large_tier);
    assert!(answered == 0 || nested > 0, "no tick came into the middle of a summons");
    B::succeed()
}

/// Has all parties free what they hold, and stops the tick.
fn end<B: Board>(party: &mut Party<SLOTS_OF_MAIN>) {
    IS_ENDING.store(true, Relaxed);
    while HANDLERS_AT_WORK.load(Relaxed) > 0 {
        B::summon();
        B::wait();
    }
    B::stop_ticking();
    party.free_all();
    while FOR_HANDLERS.take().or_else(|| FOR_MAIN.take()).is_some() {}
}

/// The largest block of a step. Phases of plenty and of want alternate: in some, everything fits, in others the heap is
/// full most of the time.
fn sizes(step: u32) -> usize {
    [200, 60, 3_000, 400, 6_000][(step / 3_000 % 5) as usize]
}

/// A handler's part.
pub struct Handler {
    party: Party<SLOTS_OF_HANDLER>,
    random: Random,
    is_at_work: bool,
}

impl Handler {
    pub const fn new() -> Self {
        Self { party: Party::new(0xBEEF), random: Random::new(77), is_at_work: false }
    }

    /// To be called by the tick's handler.
    pub fn tick<B: Board>(&mut self) {
        self.act(STEPS_OF_A_TICK);
        if self.random.number() % STEPS_BETWEEN_SUMMONS == 0 {
            B::summon();
        }
        B::tick_again_after(self.random.range(SHORTEST_PERIOD, LONGEST_PERIOD) as u32);
    }

    /// To be called by the summons's handler, with a `Handler` of its own.
    pub fn answer(&mut self) {
        ANSWERED.fetch_add(1, Relaxed);
        self.act(STEPS_OF_A_SUMMONS);
    }

    fn act(&mut self, steps: u32) {
        watch::note_interrupt();
        let running = HANDLERS_RUNNING.fetch_add(1, Relaxed);
        NESTED.fetch_add(u32::from(running > 0), Relaxed);
        match IS_ENDING.load(Relaxed) {
            true => self.end(),
            false => self.work(steps),
        }
        HANDLERS_RUNNING.fetch_sub(1, Relaxed);
    }

    fn work(&mut self, steps: u32) {
        if !self.is_at_work {
            self.is_at_work = true;
            HANDLERS_AT_WORK.fetch_add(1, Relaxed);
        }
        for _ in 0..steps {
            let step = self.party.step(&FOR_MAIN, &FOR_HANDLERS, 400);
            REFUSED_TO_HANDLERS.fetch_add(u32::from(step == Step::Refused), Relaxed);
            STEPS_OF_HANDLERS.fetch_add(1, Relaxed);
        }
    }

    fn end(&mut self) {
        self.party.free_all();
        if self.is_at_work {
            self.is_at_work = false;
            HANDLERS_AT_WORK.fetch_sub(1, Relaxed);
        }
    }
}

impl Default for Handler {
    fn default() -> Self {
        Self::new()
    }
}
