//! A firmware that survives exhaustion: when memory runs out, it drops a cache, logs the heap's statistics, and goes on.
//!
//! Main answers questions and keeps its answers, until its cache and a job fill the memory together. The job uses `Vec` as any
//! program does, which would end the program if a request were refused.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt::Write;

use cortex_m_rt::entry;
use larder::{Config, Emergency, Heap, OutOfMemory};
use larder_cortex_m::board;
use larder_suite::{Mailbox, Subject};
use panic_semihosting as _;
use portable_atomic::{AtomicU32, Ordering::Relaxed};

/// How many jobs are done.
const JOBS: usize = 12;
/// How many questions there are between two.
const QUESTIONS: usize = board::ARENA_BYTES / 512;
/// What a job needs at its end: more than the cache leaves after a while, but never all.
const JOB_BYTES: usize = board::ARENA_BYTES / 2;
/// What it reads at a time.
const PART_BYTES: usize = 160;

/// Answers that were given, by question. A user takes it out, so that the hook can never meet it half changed.
static CACHE: Mailbox<BTreeMap<usize, String>, 1> = Mailbox::new();
static DROPPED: AtomicU32 = AtomicU32::new(0);

struct Thrifty;

impl Config for Thrifty {
    const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(drop_cache);
}

#[global_allocator]
static HEAP: Heap<{ board::ARENA_BYTES }, Thrifty> = Heap::new();

/// Runs in the middle of whatever asked for memory.
fn drop_cache(request: OutOfMemory) -> Emergency {
    let Some(cache) = CACHE.take() else { return Emergency::GiveUp };
    let mut log = board::console();
    let answers = cache.len();
    writeln!(log, "== out of memory: {} bytes wanted, dropping {answers} answers", request.size_bytes)
        .and_then(|()| writeln!(log, "{}", HEAP.stats()))
        .expect("the host prints");
    drop(cache);
    HEAP.trim();
    DROPPED.fetch_add(1, Relaxed);
    Emergency::Retry
}

#[entry]
fn main() -> ! {
    let mut sum = 0;
    for job in 0..JOBS {
        for question in job * QUESTIONS..(job + 1) * QUESTIONS {
            sum += answer(question).len();
        }
        sum += work(job);
    }
    let dropped = DROPPED.load(Relaxed);
    let mut log = board::console();
    writeln!(log, "== all {JOBS} jobs done\n{}", HEAP.stats()).expect("the host prints");
    assert_eq!(sum, (0..JOBS * QUESTIONS).map(|question| text(question).len()).sum::<usize>() + JOBS * JOB_BYTES);
    assert!(dropped >= 2, "memory ran out {dropped} times only");
    assert_eq!(HEAP.stats().refused, 0);
    drop(CACHE.take());
    HEAP.assert_empty();
    writeln!(log, "survived {dropped} emergencies").expect("the host prints");
    board::succeed()
}

fn text(question: usize) -> String {
    format!("the answer to question {question} is {}", question * question)
}

/// Answers a question, from the cache if it can.
fn answer(question: usize) -> String {
    let mut cache = CACHE.take().unwrap_or_default();
    let answer = cache.get(&question).cloned().unwrap_or_else(|| text(question));
    cache.insert(question, answer.clone());
    // Room for one: the only cache there is.
    let _: Result<(), Box<_>> = CACHE.put(cache);
    answer
}

/// Collects parts until there is enough, and says how much that was.
fn work(job: usize) -> usize {
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut bytes = 0;
    while bytes < JOB_BYTES {
        let part = vec![job as u8; PART_BYTES.min(JOB_BYTES - bytes)];
        bytes += part.len();
        parts.push(part);
    }
    parts.iter().flatten().filter(|&&byte| byte == job as u8).count()
}
