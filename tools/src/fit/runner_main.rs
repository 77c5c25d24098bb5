// The main program of what `fit` makes: replays scripts on the candidates in the table, and prints a line for each.

#![allow(dead_code)]

mod candidates;
mod engine;
mod script;
mod subjects;

use engine::{Room, STEP_BYTES};
use script::{Op, Script};
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

pub type Attempt = fn(&mut Room, &[Op], usize) -> Option<usize>;

/// The scripts, each with the memory to replay it.
struct Bench<'a> {
    scripts: &'a [Script],
    rooms: Vec<Room>,
    attempt: Attempt,
}

impl Bench<'_> {
    /// The scripts that refuse soonest go first: most arenas are too small for one of them.
    fn serves(&mut self, bytes: usize) -> bool {
        let mut all = self.scripts.iter().zip(&mut self.rooms);
        all.all(|(script, room)| (self.attempt)(room, &script.ops, bytes).is_none())
    }

    /// An arena smaller than `best` that serves, as small as it can be found.
    fn beat(&mut self, peak: usize, best: usize) -> Option<usize> {
        let below = |parts: usize| (best - best / 1000 * parts).saturating_sub(STEP_BYTES) / STEP_BYTES * STEP_BYTES;
        let mut high = [0, 2, 5, 10, 20, 40, 80].map(below).into_iter().filter(|&bytes| bytes >= peak).find(|&bytes| self.serves(bytes))?;
        let mut low = peak / STEP_BYTES * STEP_BYTES;
        while high - low > STEP_BYTES {
            let middle = low + (high - low) / 2 / STEP_BYTES * STEP_BYTES;
            if self.serves(middle) {
                high = middle;
            } else {
                low = middle;
            }
        }
        // Islands just below.
        let near: Vec<usize> = (2..24).map(|steps| high.saturating_sub(steps * STEP_BYTES)).filter(|&bytes| bytes >= peak).collect();
        Some(near.into_iter().filter(|&bytes| self.serves(bytes)).last().unwrap_or(high))
    }
}

fn main() {
    // beat BEST SCRIPT… | serve BYTES SCRIPT… | search SCRIPT…
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let number: usize = if command == "search" { 0 } else { arguments.next().and_then(|number| number.parse().ok()).unwrap_or(0) };
    let scripts: Vec<Script> = arguments
        .map(|path| Script::load(&mut std::fs::File::open(path).expect("a script")).expect("a script"))
        .collect();
    let peak = scripts.iter().map(|script| script.peak_bytes as usize).max().unwrap_or(0);
    let limit = (peak * 4 + (1 << 18)).max(number);
    let next = AtomicUsize::new(0);
    let best = AtomicUsize::new(number);
    let out = Mutex::new(std::io::stdout());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(candidates::TABLE.len()) {
            scope.spawn(|| {
                let rooms = || scripts.iter().map(|script| Room::new(script, limit).expect("memory for the arena")).collect();
                let mut bench = Bench { scripts: &scripts, rooms: rooms(), attempt: candidates::TABLE[0] };
                loop {
                    let index = next.fetch_add(1, Relaxed);
                    let Some(&attempt) = candidates::TABLE.get(index) else { return };
                    bench.attempt = attempt;
                    let found = match &*command {
                        "beat" => {
                            let found = bench.beat(peak, best.load(Relaxed));
                            best.fetch_min(found.unwrap_or(usize::MAX), Relaxed);
                            found.map(|bytes| (bytes, bytes))
                        }
                        "serve" => bench.serves(number).then_some((number, number)),
                        _ => engine::search(peak, limit, |bytes| bench.serves(bytes)),
                    };
                    let line = match found {
                        Some((smallest, steady)) => format!("{index} {smallest} {steady}\n"),
                        None => format!("{index} - -\n"),
                    };
                    let mut out = out.lock().unwrap();
                    if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
                        return;
                    }
                }
            });
        }
    });
}
