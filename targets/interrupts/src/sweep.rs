//! An interrupt at every instruction of every operation.
//!
//! For each operation, each script and each instruction: the heap is reset and brought into the operation's state, the
//! timer is set, the call is made, and the handler does what its script says, right before that instruction. Then every block's
//! contents, the statistics and the heap's invariants are verified, everything is freed, and nothing may be left.
//!
//! The *middle* of a call is where it visits the large tier, or, where one table is all there is, where that tells neither what it did before
//! the call nor what it does after.

use core::fmt::{self, Write};

use larder_cortex_m::board;
use larder_suite::{Shape, Subject};

use crate::coverage::Coverage;
use crate::failure::now_at;
use crate::masking::MASKED_PRIORITY;
use crate::operations;
use crate::party::Party;
use crate::scripts::{self, Script};
use crate::shared::Shared;
use crate::small;
use crate::stage;
use crate::step::{Operation, Step};
use crate::subject::is_inside;
use crate::trap::{Landing, Source, Trap};

/// What the interrupt is, and what can keep it out.
pub struct Plan {
    pub source: Source,
    /// Whether some instructions can't be interrupted, because a critical section masks the interrupt: those of the
    /// large tier under `CriticalSection`, those of a read-modify-write where there is no compare-and-swap.
    pub is_masked: bool,
    /// Whether calls that have a middle can be interrupted there.
    pub reaches_middle: bool,
}

impl Plan {
    /// An interrupt that critical sections mask, of a heap that has none but those that stand for compare-and-swap.
    pub const NOTHING_MASKS: Self = Self {
        source: Source::SysTick(MASKED_PRIORITY),
        is_masked: cfg!(not(target_has_atomic = "32")),
        reaches_middle: true,
    };

    /// An interrupt that nothing masks: the NMI.
    pub const NMI: Self = Self { source: Source::Nmi, is_masked: false, reaches_middle: true };
}

/// Operations, and the scripts that interrupt each of them.
pub struct Set {
    pub operations: &'static [Operation],
    pub scripts: &'static [Script],
}

const OF_TIERS: &[Set] = &[Set { operations: operations::ALL, scripts: scripts::ALL }];

/// What the handler has to do, and has seen.
struct Side {
    heap: Option<&'static dyn Subject>,
    /// What is live before the call and after it, if the heap is a table.
    live: [usize; 2],
    script: &'static Script,
    own: Party,
    gifts: Party,
    seen: Option<Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    landing: Landing,
    was_in_middle: bool,
}

/// Used by main while no timer runs, and by the handler.
static SIDE: Shared<Side> = Shared::new(Side {
    heap: None,
    live: [0; 2],
    script: &scripts::ALL[0],
    own: Party::new(101),
    gifts: Party::new(202),
    seen: None,
});

#[derive(PartialEq)]
enum Came {
    InTime,
    Late,
}

/// What was found out about an operation.
#[derive(Default)]
struct Tally {
    length: u32,
    runs: u32,
    /// In so many runs the interrupt came in time, once for each script at an instruction, …
    prompt: u32,
    /// … while at so many instructions it was masked.
    masked: u32,
    in_middle: u32,
    /// In so many of these, the call got another block than usual: somebody had taken part of that meanwhile.
    rolled_back: u32,
}

/// What an operation does when nothing interrupts it.
struct Undisturbed {
    result: usize,
    /// In instructions.
    length: u32,
}

/// Runs the sweep and ends the run.
pub fn main(heap: &'static &'static dyn Subject, plan: &Plan) -> ! {
    let mut out = board::console();
    let mut sweep = Sweep { heap, trap: Trap::calibrate(plan.source), mine: Party::new(3), coverage: Coverage::new() };
    let (mut operations, mut runs) = (0, 0);
    for set in sets(heap.shape()) {
        for operation in set.operations {
            let tally = sweep.operation(operation, set.scripts);
            tally.assert_covered(operation, set.scripts.len() as u32, plan);
            (operations, runs) = (operations + 1, runs + tally.runs);
            writeln!(out, "{:<38} {tally}", operation.name).expect("the host prints");
        }
    }
    let addresses = sweep.coverage.count();
    writeln!(out, "{operations} operations, {addresses} instructions interrupted, {runs} runs")
        .expect("the host prints");
    board::succeed()
}

fn sets(shape: Shape) -> &'static [Set] {
    match shape {
        Shape::Tiers => OF_TIERS,
        Shape::Table => small::SETS,
    }
}

struct Sweep {
    heap: &'static &'static dyn Subject,
    trap: Trap,
    mine: Party,
    coverage: Coverage,
}

impl Sweep {
    fn operation(&mut self, operation: &Operation, scripts: &'static [Script]) -> Tally {
        let Undisturbed { result: usual, length } = self.undisturbed(operation);
        let mut tally = Tally { length, ..Tally::default() };
        for position in 0..length {
            for script in scripts {
                now_at(operation.name, script.name, [position, 0, 0]);
                let (seen, result) = self.run(operation, script, position);
                self.coverage.add(seen.landing.address);
                tally.rolled_back += u32::from(operation.rolls_back && seen.was_in_middle && result != usual);
                if tally.count(position, seen) == Came::Late {
                    // Where it came is another position, which has its own turn.
                    break;
                }
            }
        }
        tally
    }

    fn undisturbed(&mut self, operation: &Operation) -> Undisturbed {
        now_at(operation.name, "nothing", [0; 3]);
        let step = self.prepare(operation);
        let before = live_bytes(*self.heap);
        let call = step.call(self.heap);
        let (result, length) = stage::make(operation, || self.trap.measure(&call));
        with_side(|side| side.live = [before, live_bytes(*self.heap)]);
        step.finish(result, &mut self.mine);
        self.verify();
        Undisturbed { result, length }
    }

    /// What the handler saw, and the call's result.
    fn run(&mut self, operation: &Operation, script: &'static Script, position: u32) -> (Seen, usize) {
        let step = self.prepare(operation);
        with_side(|side| (side.script, side.seen) = (script, None));
        let call = step.call(self.heap);
        let result = stage::make(operation, || self.trap.spring(&call, position, interrupted));
        step.finish(result, &mut self.mine);
        self.verify();
        (with_side(|side| side.seen).expect("the interrupt came"), result)
    }

    fn prepare(&mut self, operation: &Operation) -> Step {
        with_side(|side| {
            side.heap = Some(*self.heap);
            // SAFETY: the last run has ended, and these are all that have blocks.
            unsafe { stage::clear(*self.heap, &mut [&mut self.mine, &mut side.own, &mut side.gifts]) };
            operations::give(&mut side.gifts);
            (operation.prepare)(&mut self.mine, &mut side.gifts)
        })
    }

    fn verify(&mut self) {
        with_side(|side| stage::verify(*self.heap, &mut [&mut self.mine, &mut side.own, &mut side.gifts]));
    }
}

/// What is live, where the middle of a call is known by it. Elsewhere, to ask would change what is swept.
fn live_bytes(heap: &dyn Subject) -> usize {
    match heap.shape() {
        Shape::Tiers => 0,
        Shape::Table => heap.stats().live_bytes,
    }
}

/// The handler.
fn interrupted(landing: Landing) {
    with_side(|side| {
        let heap = side.heap.expect("the sweep has begun");
        let was_in_middle = is_inside() || !side.live.contains(&live_bytes(heap));
        side.seen = Some(Seen { landing, was_in_middle });
        (side.script.run)(heap, &mut side.own, &mut side.gifts);
    });
}

fn with_side<R>(work: impl FnOnce(&mut Side) -> R) -> R {
    // SAFETY: main uses it while no timer runs, and nothing that uses it interrupts the handler.
    unsafe { SIDE.with(work) }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Self { length, runs, masked, in_middle, rolled_back, .. } = self;
        let interrupted = length - masked;
        write!(out, "{interrupted:>5} of {length:>5} instructions in {runs:>5} runs, {in_middle:>5} in the middle")?;
        if *rolled_back > 0 { write!(out, ", {rolled_back:>5} rolled back") } else { Ok(()) }
    }
}

impl Tally {
    fn count(&mut self, position: u32, seen: Seen) -> Came {
        let landed = seen.landing.position;
        assert!(landed >= position, "the interrupt came at {landed}, before its time");
        self.runs += 1;
        self.in_middle += u32::from(seen.was_in_middle);
        if landed > position {
            self.masked += 1;
            return Came::Late;
        }
        self.prompt += 1;
        Came::InTime
    }

    /// Panics unless the operation was interrupted wherever it can be, by each of so many scripts.
    fn assert_covered(&self, operation: &Operation, scripts: u32, plan: &Plan) {
        let name = operation.name;
        let interrupted = self.length - self.masked;
        assert!(interrupted > 0, "{name} was never interrupted");
        assert_eq!(self.prompt, interrupted * scripts, "{name} was interrupted some other time");
        if !plan.is_masked {
            assert_eq!(self.masked, 0, "{name} was not interrupted at every instruction");
        }
        let is_expected = operation.has_middle && plan.reaches_middle;
        assert_eq!(self.in_middle > 0, is_expected, "{name} was interrupted {} times in the middle", self.in_middle);
        assert!(self.rolled_back > 0 || !operation.rolls_back, "{name} never had to give back what it had");
    }
}
