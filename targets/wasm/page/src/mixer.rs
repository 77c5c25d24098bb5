//! Several programs at once, each with a share of the arena and of the time.

use crate::op::Op;
use crate::workloads::{self, Budget, WORKLOADS, Workload};
use crate::world::World;
use alloc::boxed::Box;
use fastrand::Rng;

/// A program that has asked for nothing this often in a row has nothing more to ask.
const IDLE_TURNS: u32 = 64;

pub struct Mixer {
    rng: Rng,
    world: World,
    programs: [Box<dyn Workload>; WORKLOADS],
    weights: [u32; WORKLOADS],
    arena_bytes: u32,
    /// How much of the arena the programs may keep, in percent.
    fill_percent: u32,
}

impl Mixer {
    pub fn new(arena_bytes: u32, seed: u32) -> Self {
        Self {
            rng: Rng::with_seed(u64::from(seed)),
            world: World::default(),
            programs: workloads::all(),
            weights: [0; WORKLOADS],
            arena_bytes,
            fill_percent: 0,
        }
    }

    /// Sets a program's share. With 0 it ends: it gives back what it has.
    pub fn set_weight(&mut self, program: usize, weight: u32) {
        self.weights[program] = weight;
    }

    pub fn set_fill(&mut self, percent: u32) {
        self.fill_percent = percent;
    }

    /// The next op; `None` when no program runs and nothing is left.
    pub fn next_op(&mut self) -> Option<Op> {
        for _ in 0..IDLE_TURNS {
            if let Some(op) = self.world.take() {
                return Some(op);
            }
            self.turn()?;
        }
        None
    }

    /// Lets one program act.
    fn turn(&mut self) -> Option<()> {
        let program = self.choose()?;
        let sum: u32 = self.weights.iter().sum();
        let of_arena = u64::from(self.arena_bytes) * u64::from(self.fill_percent) / 100;
        let bytes = of_arena * u64::from(self.weights[program]) / u64::from(sum.max(1));
        let budget = Budget { bytes: bytes as u32, block_max: self.arena_bytes / 32 };
        self.programs[program].act(&mut self.world, &mut self.rng, budget);
        Some(())
    }

    /// A program by weight. One that has ended and still holds something is as likely as all the others.
    fn choose(&mut self) -> Option<usize> {
        let ended = (0..WORKLOADS).find(|&at| self.weights[at] == 0 && self.programs[at].live_bytes() > 0);
        let sum: u32 = self.weights.iter().sum();
        if sum == 0 || (ended.is_some() && self.rng.bool()) {
            return ended;
        }
        let mut draw = self.rng.u32(..sum);
        self.weights.iter().position(|&weight| {
            let hit = draw < weight;
            draw = draw.wrapping_sub(weight);
            hit
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixer(weights: [u32; WORKLOADS], fill: u32) -> Mixer {
        let mut mixer = Mixer::new(1 << 20, 7);
        weights.into_iter().enumerate().for_each(|(at, weight)| mixer.set_weight(at, weight));
        mixer.set_fill(fill);
        mixer
    }

    /// Bytes that are live after so many ops, as asked for; every op is of a slot that is in that state.
    fn live_after(mixer: &mut Mixer, ops: usize, sizes: &mut Vec<u32>) -> u32 {
        for _ in 0..ops {
            match mixer.next_op() {
                None => break,
                Some(Op::Alloc { slot, bytes }) => {
                    sizes.resize(sizes.len().max(slot as usize + 1), 0);
                    assert_eq!(sizes[slot as usize], 0);
                    assert!(bytes > 0);
                    sizes[slot as usize] = bytes;
                }
                Some(Op::Resize { slot, bytes }) => {
                    assert!(sizes[slot as usize] > 0 && bytes > 0);
                    sizes[slot as usize] = bytes;
                }
                Some(Op::Free { slot }) => {
                    assert!(sizes[slot as usize] > 0);
                    sizes[slot as usize] = 0;
                }
            }
        }
        sizes.iter().sum()
    }

    #[test]
    fn every_program_fills_its_share_and_gives_it_back() {
        for program in 0..WORKLOADS {
            let mut weights = [0; WORKLOADS];
            weights[program] = 1;
            let mut mixer = mixer(weights, 60);
            let mut sizes = Vec::new();
            let mut most = 0;
            for _ in 0..200 {
                most = most.max(live_after(&mut mixer, 1000, &mut sizes));
            }
            let percent = most / ((1 << 20) / 100);
            assert!((45..=75).contains(&percent), "program {program} has had {percent} %");
            mixer.set_weight(program, 0);
            assert_eq!(live_after(&mut mixer, 1_000_000, &mut sizes), 0, "program {program}");
            assert_eq!(mixer.next_op(), None);
        }
    }

    #[test]
    fn a_seed_makes_the_same_trace_again_and_another_seed_another() {
        let trace = |seed| {
            let mut mixer = Mixer::new(1 << 16, seed);
            (0..WORKLOADS).for_each(|program| mixer.set_weight(program, 1));
            mixer.set_fill(80);
            (0..10_000).map(|_| mixer.next_op().unwrap()).collect::<Vec<Op>>()
        };
        assert_eq!(trace(1), trace(1));
        assert_ne!(trace(1), trace(2));
    }
}
