//! A reader of JSON documents: small nodes and strings, arrays that grow by doubling, and whole documents dropped at once.

use super::{Budget, Held, Workload};
use crate::world::{Slot, World};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use fastrand::Rng;

#[derive(Default)]
struct Document {
    nodes: Vec<Slot>,
    bytes_wanted: u32,
    bytes: u32,
}

#[derive(Default)]
pub struct Json {
    held: Held,
    current: Document,
    done: VecDeque<Document>,
}

impl Json {
    fn add(&mut self, world: &mut World, bytes: u32) {
        self.current.nodes.push(self.held.alloc(world, bytes));
        self.current.bytes += bytes;
    }

    /// Reads an object: a node, a few keys with their values; or an array, which grows as it is read.
    fn read(&mut self, world: &mut World, rng: &mut Rng, budget: Budget) {
        if rng.u32(..6) == 0 {
            let mut bytes = 32;
            let array = self.held.alloc(world, bytes);
            for _ in 0..rng.u32(..6) {
                bytes = (bytes * 2).min(budget.block_max);
                self.held.resize(world, &array, bytes);
            }
            self.current.nodes.push(array);
            self.current.bytes += bytes;
        }
        self.add(world, 48);
        for _ in 0..rng.u32(1..6) {
            self.add(world, rng.u32(3..24));
            self.add(world, if rng.bool() { 16 } else { rng.u32(8..64) });
        }
    }

    fn finish(&mut self, rng: &mut Rng, budget: Budget) {
        let wanted = budget.bytes / rng.u32(4..24);
        let next = Document { bytes_wanted: wanted, ..Document::default() };
        self.done.push_back(core::mem::replace(&mut self.current, next));
    }

    fn drop_oldest(&mut self, world: &mut World) {
        let mut oldest = self.done.pop_front().unwrap_or_else(|| core::mem::take(&mut self.current));
        self.held.free_all(world, &mut oldest.nodes);
    }
}

impl Workload for Json {
    fn act(&mut self, world: &mut World, rng: &mut Rng, budget: Budget) {
        if self.held.bytes() > budget.bytes {
            return self.drop_oldest(world);
        }
        if self.current.bytes >= self.current.bytes_wanted {
            self.finish(rng, budget);
        }
        self.read(world, rng, budget);
    }

    fn live_bytes(&self) -> u32 {
        self.held.bytes()
    }
}
