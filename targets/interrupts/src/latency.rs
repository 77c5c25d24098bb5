//! How long interrupts are masked, by kind of call: instructions from masking to unmasking, counted exactly.
//!
//! Two workloads make the visits of the large tier long: a random churn of a firmware's sizes that is refused now and then, and combs, in
//! which every other block was freed, so that a request meets many runs that are a little too short.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};

use larder::{Config, Event};
use larder_cortex_m::board::{self, ARENA_BYTES};
use larder_suite::{Block, Random, Shape, Subject};

use crate::failure::now_at;
use crate::masking;
use crate::party::layout;
use crate::shared::Shared;
use crate::trap::{self, Source, Trap};

/// The default's largest pooled size.
const POOLED_MAX: usize = 64;
const SLOTS: usize = ARENA_BYTES / 120;
const CHURN_STEPS: u32 = 40_000;
const STEPS_BETWEEN_LOOKS: u32 = 400;

/// The default configuration, and what it was told of during a call.
pub struct Noted;

static REFILLED: AtomicBool = AtomicBool::new(false);
static RETIRED: AtomicBool = AtomicBool::new(false);

impl Config for Noted {
    const ON_EVENT: Option<fn(Event)> = Some(|event| match event {
        Event::RefillBegins { .. } => REFILLED.store(true, Relaxed),
        Event::RetireBegins => RETIRED.store(true, Relaxed),
        _ => {}
    });
}

/// Kinds of calls, in the order of the report.
#[derive(Clone, Copy)]
enum Kind {
    /// Blocks of a page of their class, which is there. Where there is one table, all that are no longer than these.
    Pooled,
    /// A small block that was resized, or that was allocated when its class had no page: it may lie anywhere.
    Elsewhere,
    Refill,
    Retirement,
    LargeAlloc,
    LargeFree,
    Realloc,
    Refused,
    Stats,
    Trim,
    Check,
}
const KINDS: [&str; 11] = [
    "pooled",
    "elsewhere",
    "refill",
    "retirement",
    "large alloc",
    "large free",
    "realloc",
    "refused",
    "stats",
    "trim",
    "check",
];

/// What a heap of one table has no use for.
const OF_TIERS: [&str; 3] = ["refill", "retirement", "trim"];

/// What was measured of a kind.
#[derive(Clone, Copy)]
struct Row {
    calls: u32,
    masking: u32,
    longest: u32,
}

/// A block, and whether it surely is one of its class's page.
struct Held {
    block: Block,
    is_pooled: bool,
}

/// Main's alone.
static BLOCKS: Shared<[Option<Held>; SLOTS]> = Shared::new([const { None }; SLOTS]);

/// Measures and ends the run. Panics when a pooled call masks interrupts although the board has compare-and-swap, or anything does although the
/// policy never masks.
pub fn main(heap: &dyn Subject, policy_masks: bool) -> ! {
    // What it counts in is proved, and the timer left alone.
    Trap::calibrate(Source::SysTick(0));
    let mut out = board::console();
    let mut meter = Meter::start();
    // SAFETY: no handler runs, and nobody else uses it.
    unsafe {
        BLOCKS.with(|blocks| {
            now_at("the churn", "nothing", [0; 3]);
            churn(heap, &mut meter, blocks);
            for size in (72..=1_000).step_by(64) {
                now_at("the combs", "nothing", [size as u32, 0, 0]);
                comb(&mut meter, blocks, size);
            }
        });
    }
    heap.assert_empty();
    assert_eq!(heap.stats().wrong_frees, 0);
    write!(out, "{meter}").expect("the host prints");
    meter.assert_promised(heap.shape(), policy_masks);
    board::succeed()
}

struct Meter {
    rows: [Row; KINDS.len()],
    /// What an empty section measures.
    overhead: u32,
}

impl Meter {
    fn start() -> Self {
        trap::start_counting();
        critical_section::with(|_| ());
        let (_, overhead) = masking::take();
        Self { rows: [Row { calls: 0, masking: 0, longest: 0 }; KINDS.len()], overhead }
    }

    /// Makes a call, which says itself what kind it was.
    fn measure<R>(&mut self, call: impl FnOnce() -> R, kind: impl FnOnce(&R) -> Kind) -> R {
        REFILLED.store(false, Relaxed);
        RETIRED.store(false, Relaxed);
        masking::take();
        let result = call();
        let (sections, longest) = masking::take();
        let row = &mut self.rows[kind(&result) as usize];
        row.calls += 1;
        row.masking += u32::from(sections > 0);
        row.longest = row.longest.max(longest.saturating_sub(self.overhead));
        result
    }

    fn alloc(&mut self, size: usize, seed: u8) -> Option<Held> {
        let call = || Block::try_new(layout(size, 8), seed);
        let block = self.measure(call, |block| match block {
            None => Kind::Refused,
            Some(_) if REFILLED.load(Relaxed) => Kind::Refill,
            Some(_) if size <= POOLED_MAX => Kind::Pooled,
            Some(_) => Kind::LargeAlloc,
        })?;
        Some(Held { block, is_pooled: size <= POOLED_MAX && !REFILLED.load(Relaxed) })
    }

    fn free(&mut self, Held { block, is_pooled }: Held) {
        let size = block.layout().size();
        let kind = |_: &()| match RETIRED.load(Relaxed) {
            true => Kind::Retirement,
            false if is_pooled => Kind::Pooled,
            false if size <= POOLED_MAX => Kind::Elsewhere,
            false => Kind::LargeFree,
        };
        self.measure(|| drop(block), kind);
    }

    fn resize(&mut self, held: &mut Held, size: usize) {
        held.is_pooled = false;
        self.measure(|| held.block.try_resize(size), |&granted| if granted { Kind::Realloc } else { Kind::Refused });
    }

    fn assert_promised(&self, shape: Shape, policy_masks: bool) {
        let has_cas = cfg!(target_has_atomic = "32");
        for (kind, row) in KINDS.iter().zip(&self.rows) {
            let is_expected = shape == Shape::Tiers || !OF_TIERS.contains(kind);
            assert_eq!(row.calls > 0, is_expected, "of the kind {kind}, there were {} calls", row.calls);
        }
        if has_cas {
            assert_eq!(self.rows[Kind::Pooled as usize].masking, 0, "a pooled call masked interrupts");
        }
        let masking: u32 = self.rows.iter().map(|row| row.masking).sum();
        assert_eq!(masking > 0, policy_masks || !has_cas, "{masking} calls masked interrupts");
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let rows = KINDS.iter().zip(&self.rows).filter(|(_, row)| row.calls > 0);
        for (kind, Row { calls, masking, longest }) in rows {
            writeln!(out, "{{\"kind\":\"{kind}\",\"calls\":{calls},\"masking\":{masking},\"longest\":{longest}}}")?;
        }
        Ok(())
    }
}

fn churn(heap: &dyn Subject, meter: &mut Meter, blocks: &mut [Option<Held>]) {
    let mut random = Random::new(2024);
    for step in 0..CHURN_STEPS {
        let slot = random.range(0, blocks.len());
        let size = size(&mut random, step);
        match blocks[slot].take() {
            None => blocks[slot] = meter.alloc(size, step as u8),
            Some(mut held) if random.number() % 4 == 0 => {
                meter.resize(&mut held, size);
                blocks[slot] = Some(held);
            }
            Some(held) => meter.free(held),
        }
        if step % STEPS_BETWEEN_LOOKS == 0 {
            meter.measure(|| heap.stats(), |_| Kind::Stats);
            meter.measure(|| heap.assert_sound(), |()| Kind::Check);
            if heap.shape() == Shape::Tiers {
                meter.measure(|| heap.trim(), |()| Kind::Trim);
            }
        }
    }
    free_all(meter, blocks);
}

/// Seven of ten up to 64 bytes, two up to 256, the others up to a limit that comes and goes.
fn size(random: &mut Random, step: u32) -> usize {
    let longest = [256, 1_024, ARENA_BYTES / 12, ARENA_BYTES / 4][(step / 2_000 % 4) as usize];
    match random.number() % 10 {
        0..7 => random.range(1, POOLED_MAX + 1),
        7..9 => random.range(1, 256),
        _ => random.range(1, longest),
    }
}

/// Fills the heap with blocks, frees every other, asks for somewhat longer ones, and for a page.
fn comb(meter: &mut Meter, blocks: &mut [Option<Held>], size: usize) {
    for (at, slot) in blocks.iter_mut().enumerate() {
        *slot = meter.alloc(size + at % 2 * 8, at as u8);
    }
    let teeth = blocks.iter_mut().step_by(2).filter_map(Option::take);
    teeth.for_each(|held| meter.free(held));
    let mut between = [const { None }; 8];
    for (at, slot) in between.iter_mut().enumerate() {
        *slot = meter.alloc(size + 8 * (at + 1), at as u8);
    }
    let mut pooled = [8, 24, 56].map(|size| meter.alloc(size, 1));
    free_all(meter, &mut pooled);
    free_all(meter, &mut between);
    free_all(meter, blocks);
}

fn free_all(meter: &mut Meter, blocks: &mut [Option<Held>]) {
    blocks.iter_mut().filter_map(Option::take).for_each(|held| meter.free(held));
}
