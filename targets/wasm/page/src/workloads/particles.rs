//! Particles: many objects of a few fixed sizes that come and go in waves.

use super::{Budget, Held, Workload};
use crate::world::{Slot, World};
use alloc::vec::Vec;
use fastrand::Rng;

/// How many particles come or go in one act.
const BURST: u32 = 8;
/// How many acts a wave takes to rise, and to fall.
const WAVE: u32 = 4000;

#[derive(Default)]
pub struct Particles {
    held: Held,
    alive: Vec<Slot>,
    time: u32,
}

impl Particles {
    /// How many bytes there should be now: between a third of the budget and all of it.
    fn tide(&self, budget: Budget) -> u32 {
        let phase = self.time % (2 * WAVE);
        let height = phase.min(2 * WAVE - phase);
        budget.bytes / 3 + (u64::from(budget.bytes) * 2 / 3 * u64::from(height) / u64::from(WAVE)) as u32
    }

    fn spawn(&mut self, world: &mut World, rng: &mut Rng) {
        let bytes = match rng.u32(..16) {
            0 => rng.u32(96..256),
            1..5 => 24,
            5..12 => 40,
            _ => 56,
        };
        self.alive.push(self.held.alloc(world, bytes));
    }
}

impl Workload for Particles {
    fn act(&mut self, world: &mut World, rng: &mut Rng, budget: Budget) {
        self.time = self.time.wrapping_add(1);
        let rising = self.held.bytes() < self.tide(budget);
        for _ in 0..BURST {
            if rising {
                self.spawn(world, rng);
            }
            if !rising || rng.u32(..4) == 0 {
                self.held.free_any(world, rng, &mut self.alive);
            }
        }
    }

    fn live_bytes(&self) -> u32 {
        self.held.bytes()
    }
}
