//! An interrupt at every instruction of every operation.
//!
//! For each operation, each script and each instruction: the heap is reset and brought into the operation's state, the
//! timer is set, the call is made, and the handler does what its script says, right before that instruction. Then every block's
//! contents, the statistics and the heap's invariants are verified, everything is freed, and nothing may be left.

use core::fmt::Write;

use larder_cortex_m::board;
use larder_suite::{Subject, while_shut};

use crate::coverage::Coverage;
use crate::failure::now_at;
use crate::operations::{self, Operation};
use crate::party::Party;
use crate::scripts::{self, Script};
use crate::shared::Shared;
use crate::subject::{is_inside, reset};
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

/// What was found out about an operation.
#[derive(Default)]
struct Tally {
    length: u32,
    runs: u32,
    /// At so many instructions the interrupt came in time, …
    prompt: u32,
    /// … while it was masked at the others.
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
        let Tally { length, prompt, masked, in_tier_2, .. } = tally;
        let name = operation.name;
        writeln!(out, "{name:<38} {length:>5} {prompt:>6} {masked:>6} {in_tier_2:>6}").expect("the host prints");
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
        for script in scripts::ALL {
            for position in 0..tally.length {
                now_at(operation.name, script.name, [position, 0, 0]);
                let seen = self.run(operation, script, position);
                tally.count(position, seen);
                self.coverage.add(seen.landing.address);
            }
        }
        tally
    }

    /// How many instructions the operation takes when nothing interrupts it.
    fn length(&mut self, operation: &Operation) -> u32 {
        now_at(operation.name, "nothing", [0; 3]);
        let step = self.prepare(operation);
        let call = step.call(self.heap);
        let (result, length) = match operation.is_held {
            true => while_shut(|| self.trap.measure(&call)),
            false => self.trap.measure(&call),
        };
        step.finish(result, &mut self.mine);
        self.verify();
        length
    }

    fn run(&mut self, operation: &Operation, script: &'static Script, position: u32) -> Seen {
        let step = self.prepare(operation);
        with_side(|side| (side.script, side.seen) = (script, None));
        let call = step.call(self.heap);
        let spring = || self.trap.spring(&call, position, interrupted);
        let result = if operation.is_held { while_shut(spring) } else { spring() };
        step.finish(result, &mut self.mine);
        self.verify();
        with_side(|side| side.seen).expect("the interrupt came")
    }

    fn prepare(&mut self, operation: &Operation) -> operations::Step {
        self.mine.forget();
        // SAFETY: nobody is in the heap, and everybody forgets what they had of it.
        unsafe { reset(*self.heap) };
        with_side(|side| {
            side.heap = Some(*self.heap);
            side.own.forget();
            side.gifts.forget();
            operations::give(&mut side.gifts);
        });
        (operation.prepare)(&mut self.mine)
    }

    /// Nothing is lost, nothing is double, the figures are right; and nothing is left when all is freed.
    fn verify(&mut self) {
        let heap = *self.heap;
        let mine = &mut self.mine;
        with_side(|side| {
            let parties = [&*mine, &side.own, &side.gifts];
            parties.iter().flat_map(|party| party.blocks()).for_each(|block| block.verify());
            let live = parties.iter().flat_map(|party| party.blocks());
            let live_bytes: usize = live.map(|block| heap.usable_size(block.as_ptr(), block.layout())).sum();
            let refused: u32 = parties.iter().map(|party| party.refused).sum();
            let stats = heap.stats();
            heap.assert_sound();
            assert!(stats.consistent, "{stats}");
            assert_eq!(stats.live_bytes, live_bytes, "{stats}");
            assert_eq!((stats.refused, stats.wrong_frees), (refused, 0), "{stats}");
            side.own.free_all();
            side.gifts.free_all();
        });
        self.mine.free_all();
        heap.assert_empty();
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

impl Tally {
    fn count(&mut self, position: u32, seen: Seen) {
        let landed = seen.landing.position;
        assert!(landed >= position, "the interrupt came at {landed}, before its time");
        self.runs += 1;
        self.prompt += u32::from(landed == position);
        self.masked += u32::from(landed > position);
        self.in_tier_2 += u32::from(seen.was_inside);
    }

    /// Panics unless the operation was interrupted wherever it can be.
    fn assert_covered(&self, operation: &Operation, plan: &Plan) {
        let name = operation.name;
        assert!(self.prompt > 0, "{name} was never interrupted");
        if !plan.is_masked {
            assert_eq!(self.masked, 0, "{name} was not interrupted at every instruction");
        }
        let is_expected = operation.visits && plan.enters_tier_2;
        assert_eq!(self.in_tier_2 > 0, is_expected, "{name} was interrupted {} times in tier 2", self.in_tier_2);
    }
}
