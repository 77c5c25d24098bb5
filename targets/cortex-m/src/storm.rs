//! Main and a handler in the heap at once, for long.
//!
//! Both allocate, resize, verify and free, and each frees blocks that the other one allocated. The handler comes at
//! ever other distances, so that in time it interrupts everything everywhere.

use alloc::boxed::Box;
use core::alloc::Layout;
use core::fmt::Write;

use larder_suite::{Block, Mailbox, Random, Subject};
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use crate::board;
use crate::watch::{self, Interrupted};

const STEPS_OF_MAIN: u32 = 120_000;
const STEPS_BETWEEN_CHECKS: u32 = 2_500;
const SLOTS_OF_MAIN: usize = 80;
const SLOTS_OF_HANDLER: usize = 12;
const STEPS_OF_A_TICK: u32 = 3;
/// Between two calls of the handler, in units of 80 ns. An instruction takes about one and a half.
const SHORTEST_PERIOD: usize = 1_500;
const LONGEST_PERIOD: usize = 12_000;

static FOR_HANDLER: Mailbox<Block, 4> = Mailbox::new();
static FOR_MAIN: Mailbox<Block, 4> = Mailbox::new();
static IS_ENDING: AtomicBool = AtomicBool::new(false);
static HANDLER_HOLDS_NOTHING: AtomicBool = AtomicBool::new(false);
static STEPS_OF_HANDLER: AtomicU32 = AtomicU32::new(0);
static REFUSED_TO_HANDLER: AtomicU32 = AtomicU32::new(0);

/// Runs the storm and ends the run.
pub fn main(heap: &dyn Subject, masks_interrupts: bool) -> ! {
    let mut out = board::console();
    let mut party = Party::<SLOTS_OF_MAIN>::new(0xC0FFEE);
    let mut refused = 0;
    board::start_ticking(LONGEST_PERIOD as u32);
    for step in 0..STEPS_OF_MAIN {
        refused += u32::from(!party.step(&FOR_HANDLER, &FOR_MAIN, sizes(step)));
        if step % STEPS_BETWEEN_CHECKS == 0 {
            // Main is in no call and the handler can't come: nobody is in the heap.
            cortex_m::interrupt::free(|_| heap.assert_sound());
        }
    }
    end(&mut party);
    let (interrupted, of_handler) = (Interrupted::so_far(), STEPS_OF_HANDLER.load(Relaxed));
    let refused_to_handler = REFUSED_TO_HANDLER.load(Relaxed);
    let result = writeln!(
        out,
        "{STEPS_OF_MAIN} steps of main, {refused} refused; {of_handler} of the handler, {refused_to_handler} refused\n\
         {interrupted}\n{}",
        heap.stats()
    );
    result.expect("the host prints");
    heap.assert_empty();
    assert_eq!(heap.stats().wrong_frees, 0);
    interrupted.assert_seen(masks_interrupts);
    board::succeed()
}

/// Has both parties free what they hold, and stops the handler.
fn end(party: &mut Party<SLOTS_OF_MAIN>) {
    IS_ENDING.store(true, Relaxed);
    while !HANDLER_HOLDS_NOTHING.load(Relaxed) {
        cortex_m::asm::wfi();
    }
    board::stop_ticking();
    party.free_all();
    while FOR_HANDLER.take().or_else(|| FOR_MAIN.take()).is_some() {}
}

/// The largest block of a step. Phases of plenty and of want alternate: in some, everything fits, in others the heap is
/// full most of the time.
fn sizes(step: u32) -> usize {
    [200, 60, 3_000, 400, 6_000][(step / 3_000 % 5) as usize]
}

/// The handler's part.
pub struct Handler {
    party: Party<SLOTS_OF_HANDLER>,
    periods: Random,
}

impl Handler {
    pub const fn new() -> Self {
        Self { party: Party::new(0xBEEF), periods: Random::new(77) }
    }

    /// To be called by the exception SysTick.
    pub fn tick(&mut self) {
        watch::note_interrupt();
        match IS_ENDING.load(Relaxed) {
            true => self.end(),
            false => self.work(),
        }
        board::tick_again_after(self.periods.range(SHORTEST_PERIOD, LONGEST_PERIOD) as u32);
    }

    fn work(&mut self) {
        for _ in 0..STEPS_OF_A_TICK {
            let granted = self.party.step(&FOR_MAIN, &FOR_HANDLER, 400);
            REFUSED_TO_HANDLER.fetch_add(u32::from(!granted), Relaxed);
            STEPS_OF_HANDLER.fetch_add(1, Relaxed);
        }
    }

    fn end(&mut self) {
        self.party.free_all();
        HANDLER_HOLDS_NOTHING.store(true, Relaxed);
    }
}

impl Default for Handler {
    fn default() -> Self {
        Self::new()
    }
}

/// A context that holds blocks.
struct Party<const SLOTS: usize> {
    blocks: [Option<Box<Block>>; SLOTS],
    random: Random,
}

impl<const SLOTS: usize> Party<SLOTS> {
    const fn new(seed: u32) -> Self {
        Self { blocks: [const { None }; SLOTS], random: Random::new(seed) }
    }

    /// Does one thing at random; `false` when the heap refused it.
    fn step(&mut self, theirs: &Mailbox<Block, 4>, ours: &Mailbox<Block, 4>, longest: usize) -> bool {
        let slot = self.random.range(0, SLOTS);
        match (self.blocks[slot].take(), self.random.number() % 8) {
            (None, 0) => drop(ours.take()),
            (None, _) => return self.allocate(slot, longest),
            (Some(block), 0..3) => drop(block),
            (Some(block), 3) => self.blocks[slot] = theirs.put(block).err(),
            (Some(block), 4) => {
                block.verify();
                self.blocks[slot] = Some(block);
            }
            (Some(block), _) => return self.resize(slot, block, longest),
        }
        true
    }

    fn allocate(&mut self, slot: usize, longest: usize) -> bool {
        let size = self.size(longest);
        let align = 1 << self.random.range(0, 7);
        let layout = Layout::from_size_align(size, align).expect("a layout");
        let block = Block::try_new(layout, self.random.number() as u8);
        self.blocks[slot] = block.and_then(try_box);
        self.blocks[slot].is_some()
    }

    fn resize(&mut self, slot: usize, mut block: Box<Block>, longest: usize) -> bool {
        let granted = block.try_resize(self.size(longest));
        self.blocks[slot] = Some(block);
        granted
    }

    /// Small blocks are asked for more often than large ones.
    fn size(&mut self, longest: usize) -> usize {
        match self.random.number() % 4 {
            0 => self.random.range(1, longest),
            _ => self.random.range(1, longest.min(64)),
        }
    }

    fn free_all(&mut self) {
        self.blocks.iter_mut().for_each(|slot| *slot = None);
    }
}

/// `Box::new` that returns nothing when the heap refuses.
fn try_box(block: Block) -> Option<Box<Block>> {
    // SAFETY: a block is not of size zero.
    let place = unsafe { alloc::alloc::alloc(Layout::new::<Block>()) }.cast::<Block>();
    if place.is_null() {
        return None;
    }
    // SAFETY: the place is ours and fits; it came from the global allocator with the layout that a box frees it with.
    unsafe {
        place.write(block);
        Some(Box::from_raw(place))
    }
}
