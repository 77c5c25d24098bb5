//! A subject in a race: it replays a trace, and the page times it.

use crate::op::Op;
use crate::picture::{FREE, Picture, size_colour};
use crate::runner::Runner;
use crate::subjects::Subject;
use crate::view::View;
use alloc::vec::Vec;

pub struct Racer<S> {
    pub runner: Runner<S>,
    pub picture: Picture,
    ops: Vec<Op>,
}

impl<S: Subject> Racer<S> {
    pub fn new(arena_bytes: u32, side: u32) -> Self {
        Self {
            runner: Runner::new(arena_bytes),
            picture: Picture::new(View::whole(arena_bytes, side)),
            ops: Vec::new(),
        }
    }

    /// Takes the next part of the trace, packed.
    pub fn prepare(&mut self, trace: &[u32]) {
        self.ops.clear();
        self.ops.extend(trace.as_chunks().0.iter().map(|&packed| Op::unpack(packed)));
        self.runner.reserve(&self.ops);
    }

    /// Runs what was prepared: what the page times.
    pub fn run(&mut self) {
        for &op in &self.ops {
            self.runner.run(op);
        }
    }

    /// Draws the map, from the live blocks.
    pub fn draw(&mut self) {
        let Self { runner, picture, .. } = self;
        picture.begin();
        picture.fill(0, runner.arena.bytes() as u32, FREE);
        for (offset, bytes) in runner.live() {
            picture.over(offset, bytes, size_colour(bytes));
        }
        picture.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mixer::Mixer;
    use crate::subjects::{Dlmalloc, Larder, LinkedList, Talc};

    const ARENA: u32 = 256 * 1024;

    fn trace(ops: usize) -> Vec<u32> {
        let mut mixer = Mixer::new(ARENA, 11);
        mixer.set_weight(0, 1);
        mixer.set_weight(4, 1);
        mixer.set_fill(90);
        (0..ops).flat_map(|_| mixer.next_op().unwrap().pack()).collect()
    }

    fn race<S: Subject>() {
        let mut racer = Racer::<S>::new(ARENA, 256);
        for part in trace(20_000).chunks(2000) {
            racer.prepare(part);
            racer.run();
        }
        racer.draw();
        assert!(racer.runner.counts.calls > 15_000);
        assert_eq!(racer.runner.counts.damaged, 0);
        assert!(racer.runner.counts.requested_bytes > 100_000 && racer.runner.largest_free() < 150_000);
    }

    #[test]
    fn every_subject_runs_the_trace() {
        race::<Larder>();
        race::<Talc>();
        race::<Dlmalloc>();
        race::<LinkedList>();
    }
}
