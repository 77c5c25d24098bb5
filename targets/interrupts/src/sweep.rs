//! An interrupt at every instruction of every operation.
//!
//! For each operation, each script and each instruction: the heap is reset and brought into the operation's state, the
//! timer is set, the call is made, and the handler does what its script says, right before that instruction. Then every block's
//! contents, the statistics and the heap's invariants are verified, everything is freed, and nothing may be left.

use core::fmt::{self, Write};

use larder_cortex_m::board;
use larder_suite::Subject;

use crate::coverage::Coverage;
use crate::failure::now_at;
use crate::operations::{self, Operation, Step};
use crate::party::Party;
use crate::scripts::{self, Script};
use crate::shared::Shared;
use crate::stage;
use crate::subject::is_inside;
use crate::trap::{Landing, Source, Trap};

/// What the interrupt is, and what can keep it out.
pub struct Plan {
    pub source: Source,
    /// Whether some instructions can't be interrupted, because a critical section masks the interrupt: those of tier 2 under
    /// `CriticalSection`, those of a read-modify-write where there is no compare-and-swap.
    pub is_masked: bool,
    /// Whether tier 2 can be interrupted.
    pub enters_tier_2: bool,
}

/// What the handler has to do, and has seen.
struct Side {
    heap: Option<&'static dyn Subject>,
    script: &'static Script,
    own: Party,
    gifts: Party,
    seen: Option<Seen>,
}

#[derive(Clone, Copy)]
struct Seen {
    landing: Landing,
    was_inside: bool,
}

/// Used by main while no timer runs, and by the handler.
static SIDE: Shared<Side> = Shared::new(Side {
    heap: None,
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
    in_tier_2: u32,
}

/// Runs the sweep and ends the run.
pub fn main(heap: &'static &'static dyn Subject, plan: &Plan) -> ! {
    let mut out = board::console();
    let mut sweep = Sweep { heap, trap: Trap::calibrate(plan.source), mine: Party::new(3), coverage: Coverage::new() };
    let mut runs = 0;
    for operation in operations::ALL {
        let tally = sweep.operation(operation);
        tally.assert_covered(operation, plan);
        runs += tally.runs;
        writeln!(out, "{:<38} {tally}", operation.name).expect("the host prints");
    }
    let (operations, addresses) = (operations::ALL.len(), sweep.coverage.count());
    writeln!(out, "{operations} operations, {addresses} instructions interrupted, {runs} runs")
        .expect("the host prints");
    board::succeed()
}

struct Sweep {
    heap: &'static &'static dyn Subject,
    trap: Trap,
    mine: Party,
    coverage: Coverage,
}

impl Sweep {
    fn operation(&mut self, operation: &Operation) -> Tally {
        let mut tally = Tally { length: self.length(operation), ..Tally::default() };
        for position in 0..tally.length {
            for script in scripts::ALL {
                now_at(operation.name, script.name, [position, 0, 0]);
                let seen = self.run(operation, script, position);
                self.coverage.add(seen.landing.address);
                if tally.count(position, seen) == Came::Late {
                    // Where it came is another position, which has its own turn.
                    break;
                }
            }
        }
        tally
    }

    /// How many instructions the operation takes when nothing interrupts it.
    fn length(&mut self, operation: &Operation) -> u32 {
        now_at(operation.name, "nothing", [0; 3]);
        let step = self.prepare(operation);
        let call = step.call(self.heap);
        let (result, length) = stage::make(operation, || self.trap.measure(&call));
        step.finish(result, &mut self.mine);
        self.verify();
        length
    }

    fn run(&mut self, operation: &Operation, script: &'static Script, position: u32) -> Seen {
        let step = self.prepare(operation);
        with_side(|side| (side.script, side.seen) = (script, None));
        let call = step.call(self.heap);
        let result = stage::make(operation, || self.trap.spring(&call, position, interrupted));
        step.finish(result, &mut self.mine);
        self.verify();
        with_side(|side| side.seen).expect("the interrupt came")
    }

    fn prepare(&mut self, operation: &Operation) -> Step {
        with_side(|side| {
            side.heap = Some(*self.heap);
            // SAFETY: the last run has ended, and these are all that have blocks.
            unsafe { stage::clear(*self.heap, &mut [&mut self.mine, &mut side.own, &mut side.gifts]) };
            operations::give(&mut side.gifts);
        });
        (operation.prepare)(&mut self.mine)
    }

    fn verify(&mut self) {
        with_side(|side| stage::verify(*self.heap, &mut [&mut self.mine, &mut side.own, &mut side.gifts]));
    }
}

/// The handler.
fn interrupted(landing: Landing) {
    let was_inside = is_inside();
    with_side(|side| {
        side.seen = Some(Seen { landing, was_inside });
        let heap = side.heap.expect("the sweep has begun");
        (side.script.run)(heap, &mut side.own, &mut side.gifts);
    });
}

fn with_side<R>(work: impl FnOnce(&mut Side) -> R) -> R {
    // SAFETY: main uses it while no timer runs, and nothing that uses it interrupts the handler.
    unsafe { SIDE.with(work) }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Self { length, runs, masked, in_tier_2, .. } = self;
        let interrupted = length - masked;
        write!(out, "{interrupted:>5} of {length:>5} instructions in {runs:>5} runs, {in_tier_2:>5} in tier 2")
    }
}

impl Tally {
    fn count(&mut self, position: u32, seen: Seen) -> Came {
        let landed = seen.landing.position;
        assert!(landed >= position, "the interrupt came at {landed}, before its time");
        self.runs += 1;
        self.in_tier_2 += u32::from(seen.was_inside);
        if landed > position {
            self.masked += 1;
            return Came::Late;
        }
        self.prompt += 1;
        Came::InTime
    }

    /// Panics unless the operation was interrupted wherever it can be.
    fn assert_covered(&self, operation: &Operation, plan: &Plan) {
        let name = operation.name;
        let interrupted = self.length - self.masked;
        assert!(interrupted > 0, "{name} was never interrupted");
        assert_eq!(self.prompt, interrupted * scripts::ALL.len() as u32, "{name} was interrupted some other time");
        if !plan.is_masked {
            assert_eq!(self.masked, 0, "{name} was not interrupted at every instruction");
        }
        let is_expected = operation.visits && plan.enters_tier_2;
        assert_eq!(self.in_tier_2 > 0, is_expected, "{name} was interrupted {} times in tier 2", self.in_tier_2);
    }
}
