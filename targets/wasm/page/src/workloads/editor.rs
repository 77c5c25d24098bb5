//! A text editor: lines that grow and shrink by a few bytes, pastes and cuts, a history of changes, and a buffer for saving.

use super::{Budget, Held, Workload};
use crate::world::{Slot, World};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use fastrand::Rng;

#[derive(Default)]
pub struct Editor {
    held: Held,
    lines: Vec<Slot>,
    history: VecDeque<Slot>,
}

impl Editor {
    fn type_text(&mut self, world: &mut World, rng: &mut Rng) {
        let Some(at) = self.lines.len().checked_sub(1).map(|last| rng.usize(..=last)) else { return };
        let bytes = world.bytes_of(&self.lines[at]);
        let bytes = if rng.u32(..3) == 0 { bytes.saturating_sub(rng.u32(1..9)) } else { bytes + rng.u32(1..9) };
        self.held.resize(world, &self.lines[at], bytes.clamp(8, 400));
    }

    fn paste(&mut self, world: &mut World, rng: &mut Rng) {
        for _ in 0..rng.u32(1..24) {
            let bytes = if rng.u32(..5) == 0 { rng.u32(80..240) } else { rng.u32(8..80) };
            self.lines.push(self.held.alloc(world, bytes));
        }
    }

    fn cut(&mut self, world: &mut World, rng: &mut Rng) {
        for _ in 0..rng.u32(1..24) {
            self.held.free_any(world, rng, &mut self.lines);
        }
    }

    fn remember(&mut self, world: &mut World, rng: &mut Rng, budget: Budget) {
        self.history.push_back(self.held.alloc(world, rng.u32(48..=budget.block_max.clamp(64, 2048))));
    }

    fn forget(&mut self, world: &mut World) {
        if let Some(oldest) = self.history.pop_front() {
            self.held.free(world, oldest);
        }
    }

    fn save(&mut self, world: &mut World, budget: Budget) {
        let buffer = self.held.alloc(world, budget.block_max.min(budget.bytes / 8));
        self.held.free(world, buffer);
    }
}

impl Workload for Editor {
    fn act(&mut self, world: &mut World, rng: &mut Rng, budget: Budget) {
        if self.held.bytes() > budget.bytes {
            self.forget(world);
            return self.cut(world, rng);
        }
        match rng.u32(..100) {
            0..60 => self.type_text(world, rng),
            60..78 => self.paste(world, rng),
            78..86 => self.cut(world, rng),
            86..94 => self.remember(world, rng, budget),
            94..98 => self.forget(world),
            _ => self.save(world, budget),
        }
    }

    fn live_bytes(&self) -> u32 {
        self.held.bytes()
    }
}
