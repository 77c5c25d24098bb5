//! A web server: requests that overlap, each with a connection, headers, a body that grows and an answer, all gone at its end;
//! and sessions that stay.

use super::{Budget, Held, Workload};
use crate::world::{Slot, World};
use alloc::vec::Vec;
use fastrand::Rng;

/// A request under way.
struct Request {
    parts: Vec<Slot>,
    body: Slot,
    /// How long the body gets.
    body_bytes: u32,
}

#[derive(Default)]
pub struct Web {
    held: Held,
    open: Vec<Request>,
    sessions: Vec<Slot>,
}

impl Web {
    fn accept(&mut self, world: &mut World, rng: &mut Rng, budget: Budget) {
        let mut parts = Vec::new();
        parts.push(self.held.alloc(world, 192));
        for _ in 0..rng.u32(4..12) {
            parts.push(self.held.alloc(world, rng.u32(6..28)));
            parts.push(self.held.alloc(world, rng.u32(4..72)));
        }
        let body = self.held.alloc(world, 64);
        let most = budget.block_max.min(16 * 1024);
        // Few bodies are long.
        let body_bytes = if rng.u32(..8) == 0 { rng.u32(64..=most) } else { rng.u32(64..=most / 8 + 64) };
        self.open.push(Request { parts, body, body_bytes });
    }

    /// More of a body arrives; a complete one is answered.
    fn receive(&mut self, world: &mut World, rng: &mut Rng) {
        if self.open.is_empty() {
            return;
        }
        let at = rng.usize(..self.open.len());
        let request = &mut self.open[at];
        let bytes = world.bytes_of(&request.body);
        if bytes < request.body_bytes {
            return self.held.resize(world, &request.body, (bytes * 2).min(request.body_bytes));
        }
        let answer = self.held.alloc(world, request.body_bytes / 2 + 128);
        request.parts.push(answer);
        self.close(world, rng, at);
    }

    fn close(&mut self, world: &mut World, rng: &mut Rng, at: usize) {
        let mut request = self.open.swap_remove(at);
        if rng.u32(..4) == 0 {
            self.sessions.push(self.held.alloc(world, rng.u32(64..320)));
        }
        self.held.free_all(world, &mut request.parts);
        self.held.free(world, request.body);
    }
}

impl Workload for Web {
    fn act(&mut self, world: &mut World, rng: &mut Rng, budget: Budget) {
        if self.held.bytes() > budget.bytes {
            self.held.free_any(world, rng, &mut self.sessions);
            if budget.bytes == 0 || rng.u32(..4) == 0 {
                if self.open.is_empty() {
                    return;
                }
                let mut request = self.open.swap_remove(rng.usize(..self.open.len()));
                self.held.free_all(world, &mut request.parts);
                self.held.free(world, request.body);
            }
            return;
        }
        match rng.u32(..10) {
            0..3 => self.accept(world, rng, budget),
            _ => self.receive(world, rng),
        }
    }

    fn live_bytes(&self) -> u32 {
        self.held.bytes()
    }
}
