//! A made-up trace, to try the other commands with: a device that handles messages, keeps sessions, and leaks a little.

use std::io::Write;

use anyhow::Result;
use larder::trace::{Event, Origin, Record, Start};

const ARENA: usize = 0x2000_1000;

/// How many blocks leak, about.
const LEAKS: u64 = 64;

/// A number from a number: the same on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Call site, tag, smallest and largest size, how likely, and how likely one of its blocks is to be freed instead.
const SITES: [(usize, u32, u64, u64, u64); 5] = [
    (0x0800_1235, 1, 8, 64, 40),
    (0x0800_1871, 1, 40, 40, 25),
    (0x0800_2a03, 2, 128, 1024, 6),
    (0x0800_33c9, 2, 16, 256, 15),
    (0x0800_4e11, 3, 16, 16, 1),
];

/// Writes a trace of so many events. Blocks lie where a first fit in steps of 16 bytes would put them.
///
/// # Errors
/// If it can't be written.
pub fn write(out: &mut dyn Write, events: u64, arena_bytes: usize) -> Result<()> {
    let mut random = Random(1);
    let mut put = |record: Record| -> Result<()> {
        for word in record.words() {
            out.write_all(&word.to_le_bytes())?;
        }
        Ok(())
    };
    let start = Start { pointer_bytes: 4, ..Start::new(1_000_000, ARENA, arena_bytes) };
    put(Record::new(&Event::Start(start), Origin::NONE))?;
    for (tag, name) in [(1, "net"), (2, "app"), (3, "log")] {
        put(Record::name(tag, name))?;
    }
    let mut cells = vec![false; arena_bytes / 16];
    let mut hint = 0;
    let mut live: Vec<(usize, usize, usize)> = Vec::new();
    let mut time = 0u32;
    for event in 0..events {
        time = time.wrapping_add(random.below(200) as u32);
        let mut pick = random.below(87);
        let site = SITES.iter().position(|&(.., weight)| {
            let found = pick < weight;
            pick = pick.saturating_sub(weight);
            found
        });
        let (site, tag, least, most, _) = SITES[site.unwrap_or(0)];
        let origin = Origin { site: Some(site), tag: Some(tag), time: Some(time) };
        // Load comes and goes.
        let full = 400 + (event * 6 / events.max(1) % 2) * 250;
        if live.len() as u64 > random.below(full) && tag != 3 {
            let index = random.below(live.len() as u64) as usize;
            let (address, size_bytes, cell_count) = live.swap_remove(index);
            let first = (address - ARENA) / 16;
            cells[first..first + cell_count].fill(false);
            hint = hint.min(first);
            put(Record::new(&Event::Free { address, size_bytes, align_bytes: 8 }, origin))?;
            continue;
        }
        // What is logged leaks, once in a while.
        let is_leak = tag == 3 && random.below((events / 87 / LEAKS).max(1)) == 0;
        let size_bytes = (least + random.below(most - least + 1)) as usize;
        let cell_count = size_bytes.div_ceil(16);
        let found = find(&cells, hint, cell_count);
        let Some(first) = found else {
            put(Record::new(&Event::Refused { size_bytes, align_bytes: 8, old_address: 0 }, origin))?;
            continue;
        };
        cells[first..first + cell_count].fill(true);
        if first == hint {
            hint += cell_count;
        }
        let address = ARENA + first * 16;
        if !is_leak {
            live.push((address, size_bytes, cell_count));
        }
        put(Record::new(&Event::Alloc { address, size_bytes, align_bytes: 8 }, origin))?;
    }
    Ok(())
}

/// The first run of free cells.
fn find(cells: &[bool], from: usize, count: usize) -> Option<usize> {
    let mut run = 0;
    for (index, &taken) in cells.iter().enumerate().skip(from) {
        run = if taken { 0 } else { run + 1 };
        if run == count {
            return Some(index + 1 - count);
        }
    }
    None
}
