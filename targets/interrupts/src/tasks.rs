//! Two tasks of one priority in one heap, switched at any instruction: a task is suspended in the middle of the large
//! tier while the other allocates. Unlike a handler, the other need not be done when the first goes on.
//!
//! | policy | a task in the large tier | the other, meanwhile |
//! |---|---|---|
//! | `CriticalSection` | is not suspended | |
//! | `Try` | may be suspended | is refused, its frees are deferred |
//! | `Spin` | may be suspended | waits, for slices on end, until the first has left |
//!
//! `Spin` needs tasks that get their turn whatever the other does; a task of a higher priority, or a handler, would wait for ever.

use core::fmt::Write;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use larder_cortex_m::board;
use larder_suite::{Block, Mailbox, Random, Subject};

use crate::failure::now_at;
use crate::party::Party;
use crate::shared::Shared;
use crate::subject::is_inside;
use crate::trap::{Source, Trap};
use crate::{stage, switch, trap};

/// So large that nothing is ever refused for want of memory.
pub const ARENA_BYTES: usize = 6 * 1024;
const BLOCKS_AT_MOST: usize = 8;
const ROUNDS: u32 = 40;
const STEPS_OF_A_ROUND: u32 = 400;
/// Of a slice, in instructions. An operation takes from fifty to a thousand.
const SHORTEST: usize = 20;
const LONGEST: usize = 600;
const NOBODY: u32 = u32::MAX;

/// What the policy's documentation says.
#[derive(Clone, Copy, PartialEq)]
pub enum Promise {
    /// No task is suspended in the large tier.
    Masks,
    /// A call while the large tier is busy is refused, or its free deferred.
    Refuses,
    /// A call while the large tier is busy waits.
    Waits,
}

/// A task's own.
struct Task {
    party: Party,
    random: Random,
    /// Frees that were deferred because the other task is in the large tier.
    deferred: u32,
}

impl Task {
    const fn new(seed: u8) -> Self {
        Self { party: Party::new(seed), random: Random::new(seed as u32 + 77), deferred: 0 }
    }
}

/// Each is its task's; both are main's between two rounds.
static TASKS: [Shared<Task>; 2] = [Shared::new(Task::new(5)), Shared::new(Task::new(120))];
static POST: Mailbox<Block, 4> = Mailbox::new();
static HEAP: Shared<Option<&'static dyn Subject>> = Shared::new(None);
/// The round that is on, and the last that the second task has done.
static ROUND: AtomicU32 = AtomicU32::new(0);
static DONE: AtomicU32 = AtomicU32::new(0);
/// The slices' lengths. SysTick's.
static SLICES: Shared<Random> = Shared::new(Random::new(99));
/// The task that is suspended in the large tier. PendSV's.
static HOLDER: AtomicU32 = AtomicU32::new(NOBODY);
static SWITCHES: AtomicU32 = AtomicU32::new(0);
static SWITCHES_IN_LARGE_TIER: AtomicU32 = AtomicU32::new(0);

/// Runs both tasks and ends the run.
pub fn main(heap: &'static dyn Subject, promise: Promise) -> ! {
    let mut out = board::console();
    Trap::calibrate(Source::SysTick(0xFF));
    // SAFETY: no task runs yet; this is main.
    unsafe {
        HEAP.with(|it| *it = Some(heap));
        switch::start(second, next_slice, watch);
    }
    for round in 1..=ROUNDS {
        now_at("two tasks, round", "each other", [round, 0, 0]);
        ROUND.store(round, Relaxed);
        do_round(heap);
        while DONE.load(Relaxed) != round {
            cortex_m::asm::nop();
        }
        verify(heap);
    }
    trap::disarm();
    switch::assert_stacks_sufficed();
    report(&mut out, promise);
    board::succeed()
}

extern "C" fn second() -> ! {
    // SAFETY: set before the task started, and not changed since.
    let heap = unsafe { HEAP.with(|it| *it) }.expect("main has set it");
    loop {
        let round = ROUND.load(Relaxed);
        if round != DONE.load(Relaxed) {
            do_round(heap);
            DONE.store(round, Relaxed);
        }
    }
}

fn do_round(heap: &dyn Subject) {
    // SAFETY: each task has its own, and main waits for the other before it looks at both.
    unsafe { TASKS[switch::running()].with(|task| (0..STEPS_OF_A_ROUND).for_each(|_| task.step(heap))) };
}

impl Task {
    fn step(&mut self, heap: &dyn Subject) {
        let Self { party, random, .. } = self;
        let is_full = party.blocks().count() >= BLOCKS_AT_MOST;
        match random.number() % 8 {
            0..2 if !is_full => drop(party.add(random.range(1, 65))),
            2..4 if !is_full => drop(party.add(random.range(65, 250))),
            4 => party.resize(1, 300, random.range(1, 250)),
            5 => party.post(&POST, 1, random.range(30, 300)),
            6 => drop(POST.take()),
            _ => drop(party.take(random.range(1, 100), 300)),
        }
        // Only when the large tier is held is a free deferred, and the next visitor drains it: what is still there was
        // just deferred.
        let is_held = HOLDER.load(Relaxed) != NOBODY;
        self.deferred += u32::from(is_held && heap.stats().deferred_bytes > 0);
    }
}

fn next_slice() -> u32 {
    // SAFETY: SysTick alone uses it, after main has.
    unsafe { SLICES.with(|random| random.range(SHORTEST, LONGEST)) as u32 }
}

/// At each switch.
fn watch(suspended: usize) {
    let (task, holder) = (suspended as u32, HOLDER.load(Relaxed));
    count(&SWITCHES);
    if holder == NOBODY && is_inside() {
        HOLDER.store(task, Relaxed);
        count(&SWITCHES_IN_LARGE_TIER);
    } else if holder == 1 - task {
        // It is the holder that goes on.
        HOLDER.store(NOBODY, Relaxed);
    }
}

/// For one context alone.
fn count(counter: &AtomicU32) {
    counter.store(counter.load(Relaxed) + 1, Relaxed);
}

/// Between two rounds: the second task waits and is not in the heap.
fn verify(heap: &'static dyn Subject) {
    while POST.take().is_some() {}
    // SAFETY: the second task is between two rounds as well.
    let [first, second] = TASKS.each_ref().map(|task| unsafe { &mut *task.as_ptr() });
    stage::verify(heap, &mut [&mut first.party, &mut second.party]);
}

fn report(out: &mut impl Write, promise: Promise) {
    // SAFETY: nobody runs any more but main.
    let [first, second] = TASKS.each_ref().map(|task| unsafe { &*task.as_ptr() });
    let refused = first.party.refused + second.party.refused;
    let deferred = first.deferred + second.deferred;
    let (switches, in_large_tier) = (SWITCHES.load(Relaxed), SWITCHES_IN_LARGE_TIER.load(Relaxed));
    let steps = 2 * ROUNDS * STEPS_OF_A_ROUND;
    writeln!(
        out,
        "{steps} steps of 2 tasks, {switches} switches, {in_large_tier} of them in the middle of the large tier; {refused} requests refused, \
         {deferred} times frees were deferred"
    )
    .expect("the host prints");
    assert_eq!(
        in_large_tier > 0,
        promise != Promise::Masks,
        "a task was suspended in the large tier {in_large_tier} times"
    );
    assert_eq!(refused > 0, promise == Promise::Refuses, "{refused} requests were refused");
    assert_eq!(deferred > 0, promise == Promise::Refuses, "frees were deferred {deferred} times");
}
