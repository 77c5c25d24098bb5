//! The tick's work: it sends lines away, and keeps blocks of its own coming and going.

use alloc::boxed::Box;
use alloc::string::String;
use core::alloc::Layout;
use core::fmt;

use larder_suite::{Block, Mailbox, Random};
use portable_atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use super::LINES_KEPT;
use crate::{Board, watch};

/// Fewer where main keeps little, too.
const BLOCKS_KEPT: usize = if LINES_KEPT < 8 { LINES_KEPT } else { 8 };
/// The longest of its blocks, in bytes: in a small arena, two longer ones can leave main no room for the nodes of its trees, if they
/// come at the wrong moment.
const LONGEST_BLOCK: usize = if LINES_KEPT < 8 { 250 } else { 600 };
/// Between two calls of the handler, in units of 80 ns. An instruction takes about one and a half.
const SHORTEST_PERIOD: usize = 400;
const LONGEST_PERIOD: usize = 2_000;

static OUTBOX: Mailbox<Letter, 8> = Mailbox::new();
static IS_ENDING: AtomicBool = AtomicBool::new(false);
static HOLDS_NOTHING: AtomicBool = AtomicBool::new(false);

static POOLED: AtomicU32 = AtomicU32::new(0);
static LARGE: AtomicU32 = AtomicU32::new(0);
static REFUSED: AtomicU32 = AtomicU32::new(0);
static SENT: AtomicU32 = AtomicU32::new(0);
static SENT_BYTES: AtomicU32 = AtomicU32::new(0);

/// Has the handler called from now on.
pub fn start<B: Board>() {
    B::start_ticking(SHORTEST_PERIOD as u32);
}

/// Has the handler free everything, and then not called any more.
pub fn stop<B: Board>() {
    IS_ENDING.store(true, Relaxed);
    while !HOLDS_NOTHING.load(Relaxed) {
        B::wait();
    }
    B::stop_ticking();
}

/// Hands a line over to the handler, which frees it; main does, when the handler is behind.
pub fn send(letter: Box<Letter>) {
    drop(OUTBOX.put(letter));
}

/// A line on its way out.
pub struct Letter {
    pub line: String,
}

pub struct Handler {
    blocks: [Option<Block>; BLOCKS_KEPT],
    random: Random,
}

impl Handler {
    pub const fn new() -> Self {
        Self { blocks: [const { None }; BLOCKS_KEPT], random: Random::new(42) }
    }

    /// To be called by the tick's handler.
    pub fn tick<B: Board>(&mut self) {
        watch::note_interrupt();
        match IS_ENDING.load(Relaxed) {
            true => self.end(),
            false => self.work(),
        }
        B::tick_again_after(self.random.range(SHORTEST_PERIOD, LONGEST_PERIOD) as u32);
    }

    fn work(&mut self) {
        send_away();
        let slot = self.random.range(0, BLOCKS_KEPT);
        self.blocks[slot] = match self.random.number() % 4 {
            0 => self.allocate(150, LONGEST_BLOCK, &LARGE),
            _ => self.allocate(1, 64, &POOLED),
        };
    }

    fn allocate(&mut self, shortest: usize, longest: usize, count: &AtomicU32) -> Option<Block> {
        let layout = Layout::from_size_align(self.random.range(shortest, longest), 4).expect("a layout");
        let block = Block::try_new(layout, self.random.number() as u8);
        let counter = if block.is_some() { count } else { &REFUSED };
        counter.fetch_add(1, Relaxed);
        block
    }

    fn end(&mut self) {
        while send_away() {}
        self.blocks.iter_mut().for_each(|slot| *slot = None);
        HOLDS_NOTHING.store(true, Relaxed);
    }
}

impl Default for Handler {
    fn default() -> Self {
        Self::new()
    }
}

fn send_away() -> bool {
    let Some(letter) = OUTBOX.take() else { return false };
    SENT.fetch_add(1, Relaxed);
    SENT_BYTES.fetch_add(letter.line.len() as u32, Relaxed);
    true
}

/// How much the handler did.
pub struct Work {
    pooled: u32,
    large: u32,
    refused: u32,
    sent: u32,
    sent_bytes: u32,
}

impl Work {
    pub fn so_far() -> Self {
        let [pooled, large, refused] = [&POOLED, &LARGE, &REFUSED].map(|count| count.load(Relaxed));
        Self { pooled, large, refused, sent: SENT.load(Relaxed), sent_bytes: SENT_BYTES.load(Relaxed) }
    }

    /// Panics unless the handler did some of everything.
    pub fn assert_seen(&self) {
        assert!(self.pooled > 0 && self.large > 0 && self.sent > 0, "the handler was not at work: {self}");
    }
}

impl fmt::Display for Work {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let Self { pooled, large, refused, sent, sent_bytes } = self;
        write!(out, "allocated {pooled} pooled and {large} large blocks, was refused {refused};")?;
        write!(out, " sent and freed {sent} lines of main's, {sent_bytes} bytes")
    }
}
