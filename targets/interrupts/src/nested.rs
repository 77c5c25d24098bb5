//! Handlers of several priorities that interrupt each other in the middle of their calls.
//!
//! | step | handler | what |
//! |---|---|---|
//! | 1 | SysTick, most urgent, at a chosen instruction of main's call | uses the heap, pends LOW, sets itself to some instructions later |
//! | 2 | LOW, a software interrupt | uses the heap, over main's call |
//! | 3 | SysTick, in the middle of that | uses the heap, pends HIGH, sets itself again |
//! | 4 | HIGH, a more urgent software interrupt | uses the heap, over LOW's call |
//! | 5 | SysTick, in the middle of that | uses the heap, raises the NMI |
//! | 6 | NMI, where there is compare-and-swap | uses the heap, over everybody |
//!
//! Each frees what it allocated itself, what main allocated, and what any of the others did. The first instruction sweeps each operation;
//! the other two are drawn at random.

use core::fmt::Write;

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::{NVIC, Peripherals, SCB};
use larder_cortex_m::board;
use larder_suite::{Block, Mailbox, Random, Shape, Subject};

use crate::failure::now_at;
use crate::operations::{self, POOLED};
use crate::party::Party;
use crate::shared::Shared;
use crate::small;
use crate::stage;
use crate::step::Operation;
use crate::subject::{depth, is_inside};
use crate::trap::{self, Landing, Source, Trap};

/// Beyond the longest handler's work there is nothing to meet.
const LONGEST_WAIT: usize = 3_000;
const SHORTEST_WAIT: usize = 100;
/// ICSR's bit that raises the NMI.
const NMIPENDSET: u32 = 1 << 31;

/// Where there is no compare-and-swap, the NMI must not use the heap.
const HAS_NMI: bool = cfg!(target_has_atomic = "32");

/// Priorities, and what can be expected of them.
pub struct Plan {
    pub low: u8,
    pub high: u8,
    pub tick: u8,
    /// Handlers that can come into the middle of the large tier: this one and those more urgent, or only the NMI, which
    /// here comes over SysTick alone.
    pub enters_large_tier: Option<Level>,
}

/// The handlers, the least urgent first.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub enum Level {
    Low,
    High,
    Tick,
    Nmi,
}
const LEVELS: usize = 4;

/// A software interrupt: a line of the NVIC to which no device is connected, or none that interrupts.
#[derive(Clone, Copy)]
struct Line(u16);

const LOW: Line = Line(0);
const HIGH: Line = Line(1);

// SAFETY: the number is that of an interrupt which every board has.
unsafe impl InterruptNumber for Line {
    fn number(self) -> u16 {
        self.0
    }
}

/// A handler's blocks, and those of main's that it may free.
struct Side {
    own: Party,
    gifts: Party,
    seen: Seen,
}

/// What a level came into the middle of.
#[derive(Clone, Copy, Default)]
struct Seen {
    calls: u32,
    /// Of how many calls at most, one over the other.
    deepest: u32,
    /// How often of as many.
    at_deepest: u32,
    in_large_tier: u32,
}

impl Side {
    const fn new(seed: u8) -> Self {
        let seen = Seen { calls: 0, deepest: 0, at_deepest: 0, in_large_tier: 0 };
        Self { own: Party::new(seed), gifts: Party::new(seed + 20), seen }
    }
}

/// Each used by its level, and by main while no timer runs.
static SIDES: [Shared<Side>; LEVELS] =
    [Shared::new(Side::new(11)), Shared::new(Side::new(22)), Shared::new(Side::new(33)), Shared::new(Side::new(44))];
/// Where blocks change hands.
static POST: Mailbox<Block, 4> = Mailbox::new();
/// How long SysTick waits, after the first time and after the second. Set by main while no timer runs.
static WAITS: Shared<[u32; 2]> = Shared::new([0; 2]);

/// Runs all of it and ends the run.
pub fn main(heap: &'static &'static dyn Subject, plan: &Plan) -> ! {
    let mut out = board::console();
    let source = Source::SysTick(plan.tick);
    set_priorities(plan);
    trap::on_nmi(|_| use_heap(Level::Nmi));
    trap::on_lines([|| use_heap(Level::Low), || use_heap(Level::High)]);
    let mut stage = Nested { heap, trap: Trap::calibrate(source), mine: Party::new(3) };
    let mut random = Random::new(4711);
    let mut runs = 0;
    let operations = operations(heap.shape());
    for operation in operations {
        for position in 0..stage.run(operation, None) {
            let waits = [0; 2].map(|_| random.range(SHORTEST_WAIT, LONGEST_WAIT) as u32);
            now_at(operation.name, "handlers that interrupt each other", [position, waits[0], waits[1]]);
            // SAFETY: no timer runs.
            unsafe { WAITS.with(|it| *it = waits) };
            stage.run(operation, Some(position));
            runs += 1;
        }
    }
    report(&mut out, plan);
    let levels = if HAS_NMI { LEVELS } else { LEVELS - 1 };
    writeln!(out, "{levels} handlers over each other, {runs} times in {} operations", operations.len())
        .expect("the host prints");
    board::succeed()
}

fn operations(shape: Shape) -> &'static [Operation] {
    match shape {
        Shape::Tiers => operations::ALL,
        Shape::Table => small::OPERATIONS,
    }
}

struct Nested {
    heap: &'static &'static dyn Subject,
    trap: Trap,
    mine: Party,
}

impl Nested {
    /// Makes the operation's call, interrupted at that position or not at all. Returns how many instructions it took if not.
    fn run(&mut self, operation: &Operation, position: Option<u32>) -> u32 {
        let heap = *self.heap;
        let step = self.with_parties(|parties| {
            // SAFETY: the last run has ended, and these are all that have blocks.
            unsafe { stage::clear(heap, parties) };
            let [mine, gifts, ..] = parties else { unreachable!("main and the handlers") };
            operations::give(gifts);
            for size in [40, 80] {
                mine.add(size);
                mine.post(&POST, size, size);
            }
            (operation.prepare)(mine, gifts)
        });
        let call = step.call(self.heap);
        let (result, length) = stage::make(operation, || match position {
            None => self.trap.measure(&call),
            Some(position) => (self.trap.spring(&call, position, tick_over_main), 0),
        });
        step.finish(result, &mut self.mine);
        while POST.take().is_some() {}
        self.with_parties(|parties| stage::verify(heap, parties));
        length
    }

    /// Main's blocks, those that it gave away, and those of each level.
    fn with_parties<R>(&mut self, work: impl FnOnce(&mut [&mut Party]) -> R) -> R {
        // SAFETY: no timer runs, so no level does, and each is another place.
        let [low, high, tick, nmi] = SIDES.each_ref().map(|side| unsafe { &mut *side.as_ptr() });
        work(&mut [&mut self.mine, &mut low.gifts, &mut low.own, &mut high.own, &mut tick.own, &mut nmi.own])
    }
}

fn tick_over_main(_: Landing) {
    use_heap(Level::Tick);
    NVIC::pend(LOW);
    // SAFETY: main sets it only while no timer runs.
    trap::spring_again(unsafe { WAITS.with(|waits| waits[0]) }, tick_over_low);
}

fn tick_over_low(_: Landing) {
    use_heap(Level::Tick);
    NVIC::pend(HIGH);
    // SAFETY: as above.
    trap::spring_again(unsafe { WAITS.with(|waits| waits[1]) }, tick_over_high);
}

fn tick_over_high(_: Landing) {
    trap::disarm();
    use_heap(Level::Tick);
    if HAS_NMI {
        // SAFETY: the NMI's handler is this module's.
        unsafe { (*SCB::PTR).icsr.write(NMIPENDSET) };
        cortex_m::asm::isb();
    }
}

/// What a handler does.
fn use_heap(level: Level) {
    // SAFETY: no level interrupts itself, and main uses it only while no timer runs.
    unsafe { SIDES[level as usize].with(|side| side.work()) };
}

impl Side {
    fn work(&mut self) {
        self.seen.note();
        let Self { own, gifts, .. } = self;
        own.add(POOLED);
        drop(gifts.take(POOLED, POOLED));
        own.add(100);
        drop(POST.take());
        own.add(POOLED);
        own.post(&POST, POOLED, POOLED);
        drop(gifts.take(100, 400));
        own.resize(100, 100, 160);
        own.post(&POST, 160, 160);
        own.add(48);
        drop(POST.take());
        own.resize(48, 48, 80);
        drop(own.take(POOLED, POOLED));
    }
}

impl Seen {
    fn note(&mut self) {
        let depth = depth();
        if depth > self.deepest {
            (self.deepest, self.at_deepest) = (depth, 0);
        }
        self.calls += 1;
        self.at_deepest += u32::from(depth == self.deepest);
        self.in_large_tier += u32::from(is_inside());
    }
}

fn report(out: &mut impl Write, plan: &Plan) {
    for (level, name) in [(Level::Low, "LOW"), (Level::High, "HIGH"), (Level::Tick, "SysTick"), (Level::Nmi, "NMI")] {
        if level == Level::Nmi && !HAS_NMI {
            continue;
        }
        // SAFETY: no timer runs.
        let Seen { calls, deepest, at_deepest, in_large_tier } =
            unsafe { SIDES[level as usize].with(|side| side.seen) };
        writeln!(
            out,
            "{name:<8} {calls:>6} times, {at_deepest:>6} over {deepest} calls that interrupt each other, {in_large_tier:>6} in the large tier"
        )
        .expect("the host prints");
        // LOW comes over main's call; HIGH and SysTick over LOW's; SysTick over HIGH's, and with it the NMI.
        let expected = [1, 2, 3, 3][level as usize];
        assert_eq!(deepest, expected, "{name} did not meet what it should");
        assert_eq!(
            in_large_tier > 0,
            plan.enters_large_tier.is_some_and(|least| level >= least),
            "{name} met the large tier {in_large_tier} times"
        );
    }
}

fn set_priorities(plan: &Plan) {
    // SAFETY: no other code uses the interrupt controller, and no handler runs yet.
    unsafe {
        let mut nvic = Peripherals::steal().NVIC;
        nvic.set_priority(LOW, plan.low);
        nvic.set_priority(HIGH, plan.high);
        NVIC::unmask(LOW);
        NVIC::unmask(HIGH);
    }
}
