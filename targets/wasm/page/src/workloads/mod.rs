//! Programs that ask for memory the way real ones do; a file each.

mod adversary;
mod editor;
mod json;
mod particles;
mod web;

use crate::world::{Slot, World};
use alloc::boxed::Box;
use alloc::vec::Vec;
use fastrand::Rng;

/// How many there are.
pub const WORKLOADS: usize = 5;

/// What a program may have.
#[derive(Clone, Copy)]
pub struct Budget {
    /// Bytes it may keep. 0: it has ended, and gives back what it has.
    pub bytes: u32,
    /// The largest block that makes sense in this arena.
    pub block_max: u32,
}

/// A program, cut into small acts so that several can take turns.
pub trait Workload {
    /// Does a little: a few allocations, or releases.
    fn act(&mut self, world: &mut World, rng: &mut Rng, budget: Budget);

    /// What it has.
    fn live_bytes(&self) -> u32;
}

/// In the order of the page's controls.
pub fn all() -> [Box<dyn Workload>; WORKLOADS] {
    [
        Box::new(web::Web::default()),
        Box::new(json::Json::default()),
        Box::new(particles::Particles::default()),
        Box::new(editor::Editor::default()),
        Box::new(adversary::Adversary::default()),
    ]
}

/// What a program holds, counted.
#[derive(Default)]
pub(crate) struct Held {
    bytes: u32,
}

impl Held {
    pub(crate) fn alloc(&mut self, world: &mut World, bytes: u32) -> Slot {
        let slot = world.alloc(bytes);
        self.bytes += world.bytes_of(&slot);
        slot
    }

    pub(crate) fn resize(&mut self, world: &mut World, slot: &Slot, bytes: u32) {
        self.bytes -= world.bytes_of(slot);
        world.resize(slot, bytes);
        self.bytes += world.bytes_of(slot);
    }

    pub(crate) fn free(&mut self, world: &mut World, slot: Slot) {
        self.bytes -= world.bytes_of(&slot);
        world.free(slot);
    }

    pub(crate) fn free_all(&mut self, world: &mut World, slots: &mut Vec<Slot>) {
        slots.drain(..).for_each(|slot| self.free(world, slot));
    }

    /// Frees one of them, whichever.
    pub(crate) fn free_any(&mut self, world: &mut World, rng: &mut Rng, slots: &mut Vec<Slot>) {
        if !slots.is_empty() {
            let slot = slots.swap_remove(rng.usize(..slots.len()));
            self.free(world, slot);
        }
    }

    pub(crate) fn bytes(&self) -> u32 {
        self.bytes
    }
}
