//! Synthetic programs: patterns that real ones are made of, pure.

use crate::inputs::Random;
use crate::recorded;
use std::collections::VecDeque;

type Blocks = Vec<Box<[u8]>>;

/// Blocks of random sizes replaced at random places.
fn churn(random: &mut Random, blocks: u32, steps: u32, mut size: impl FnMut(&mut Random) -> u32) -> Blocks {
    let mut live: Blocks = Vec::with_capacity(blocks as usize);
    for _ in 0..steps {
        let block = vec![0u8; size(random) as usize].into_boxed_slice();
        if live.len() < blocks as usize {
            live.push(block);
        } else {
            let at = random.below(blocks) as usize;
            live[at] = block;
        }
        if random.below(50) == 0 {
            live.truncate(live.len() * 3 / 4);
        }
    }
    live
}

/// 4 to 64 bytes, as of trees and short strings.
pub fn small() {
    let random = &mut Random::new(71);
    recorded(|| churn(random, 2000, 40_000, |random| random.range(1, 17) * 4));
}

/// Every power of two up to 4 KiB as likely as the others.
pub fn mixed() {
    let random = &mut Random::new(72);
    recorded(|| churn(random, 400, 40_000, |random| random.skewed(12)));
}

/// Vectors that grow by pushing, interleaved, shrunk and dropped.
pub fn vecs() {
    let random = &mut Random::new(73);
    recorded(|| {
        let mut vectors: Vec<Vec<u32>> = vec![Vec::new(); 24];
        for _ in 0..60_000 {
            let at = random.below(24) as usize;
            let vector = &mut vectors[at];
            match random.below(300) {
                0 => *vector = Vec::new(),
                1 => vector.shrink_to_fit(),
                2 => vector.extend((0..random.below(200)).map(|value| value * 3)),
                _ => vector.push(7),
            }
        }
        vectors
    });
}

/// A device's main loop: packets in and out, lines formatted, a log ring, a request now and then, a nightly report.
pub fn firmware() {
    let random = &mut Random::new(74);
    recorded(|| {
        let mut log: VecDeque<String> = VecDeque::with_capacity(32);
        let mut outgoing: VecDeque<Box<[u8]>> = VecDeque::new();
        let mut sessions: Vec<(u32, Box<[u8; 512]>, Vec<u8>)> = Vec::new();
        for tick in 0..12_000u32 {
            let packet = vec![0u8; random.range(20, 260) as usize];
            if packet.len() % 3 == 0 {
                outgoing.push_back(packet[..packet.len() / 2].into());
            }
            if tick % 4 == 0 {
                log.push_back(format!("{tick:08} channel {} = {}", random.below(16), random.below(65536)));
            }
            log.drain(..log.len().saturating_sub(32));
            if outgoing.len() > 12 || random.below(3) == 0 {
                outgoing.pop_front();
            }
            if random.below(60) == 0 && sessions.len() < 6 {
                sessions.push((tick + random.range(50, 900), Box::new([0; 512]), Vec::new()));
            }
            sessions
                .iter_mut()
                .for_each(|(_, _, received)| received.extend_from_slice(&packet[..packet.len().min(24)]));
            sessions.retain(|(end, _, received)| *end > tick && received.len() < 3000);
            if tick % 3000 == 2999 {
                let report: Vec<String> = log.iter().map(|line| format!("{{\"line\": \"{line}\"}}")).collect();
                assert!(!report.join(",\n").is_empty());
            }
        }
    });
}
