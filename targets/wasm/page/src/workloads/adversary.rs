//! An adversary: fills its share with blocks of one size, frees every other one, and asks for blocks that are a little larger than the
//! holes. A few of each round stay behind.

use super::{Budget, Held, Workload};
use crate::world::{Slot, World};
use alloc::vec::Vec;
use fastrand::Rng;

/// Steps of one act.
const STEPS: usize = 8;
/// The sizes of its rounds, one after the other.
const SIZES: [u32; 7] = [24, 136, 56, 264, 40, 520, 88];
/// Of so many blocks, one stays behind.
const LEFT: usize = 24;

#[derive(Default, Clone, Copy, PartialEq)]
enum Phase {
    #[default]
    Fill,
    Comb,
    Squeeze,
    Clear,
}

#[derive(Default)]
pub struct Adversary {
    held: Held,
    phase: Phase,
    round: usize,
    blocks: Vec<Slot>,
    /// Those that `Comb` has passed over.
    spared: Vec<Slot>,
    /// How many blocks `Clear` has met.
    met: usize,
    /// The blocks that did not fit the holes.
    wedges: Vec<Slot>,
    /// What stays behind.
    left: Vec<Slot>,
}

impl Adversary {
    fn bytes(&self) -> u32 {
        SIZES[self.round % SIZES.len()]
    }

    fn fill(&mut self, world: &mut World, budget: Budget) {
        if self.held.bytes() + self.bytes() > budget.bytes {
            self.phase = Phase::Comb;
            return;
        }
        let block = self.held.alloc(world, self.bytes());
        self.blocks.push(block);
    }

    /// Frees every other block, from the last that came.
    fn comb(&mut self, world: &mut World) {
        let Some(block) = self.blocks.pop() else {
            core::mem::swap(&mut self.blocks, &mut self.spared);
            self.phase = Phase::Squeeze;
            return;
        };
        self.held.free(world, block);
        self.spared.extend(self.blocks.pop());
    }

    fn squeeze(&mut self, world: &mut World, budget: Budget) {
        let bytes = self.bytes() + self.bytes() / 4 + 8;
        if self.held.bytes() + bytes > budget.bytes || self.wedges.len() >= self.blocks.len() {
            self.phase = Phase::Clear;
            return;
        }
        self.wedges.push(self.held.alloc(world, bytes));
    }

    fn clear(&mut self, world: &mut World, rng: &mut Rng) {
        let Some(block) = self.wedges.pop().or_else(|| self.blocks.pop()).or_else(|| self.spared.pop()) else {
            self.round += 1;
            for _ in 0..self.left.len() / 2 {
                self.held.free_any(world, rng, &mut self.left);
            }
            self.phase = Phase::Fill;
            return;
        };
        self.met += 1;
        if self.met.is_multiple_of(LEFT) {
            self.left.push(block);
        } else {
            self.held.free(world, block);
        }
    }

    fn end(&mut self, world: &mut World) {
        for slots in [&mut self.left, &mut self.wedges, &mut self.blocks, &mut self.spared] {
            if let Some(slot) = slots.pop() {
                self.held.free(world, slot);
            }
        }
        self.phase = Phase::Fill;
    }
}

impl Workload for Adversary {
    fn act(&mut self, world: &mut World, rng: &mut Rng, budget: Budget) {
        for _ in 0..STEPS {
            match self.phase {
                _ if budget.bytes == 0 => self.end(world),
                _ if self.held.bytes() > budget.bytes => self.clear(world, rng),
                Phase::Fill => self.fill(world, budget),
                Phase::Comb => self.comb(world),
                Phase::Squeeze => self.squeeze(world, budget),
                Phase::Clear => self.clear(world, rng),
            }
        }
    }

    fn live_bytes(&self) -> u32 {
        self.held.bytes()
    }
}
