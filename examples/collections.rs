//! The standard library's collections and threads on larder.
//!
//! `cargo run --example collections` prints what was checked and the heap's statistics; it fails when a check does.

use std::collections::{BTreeMap, BinaryHeap, HashMap, VecDeque};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

#[global_allocator]
static HEAP: larder::Heap<{ 8 << 20 }, larder::Defaults, larder::policy::Spin> = larder::Heap::new();

/// `true`: what was checked held.
type Exercise = fn() -> bool;

const EXERCISES: &[(&str, Exercise)] = &[
    ("Vec grows, shrinks and is sorted", vec_is_sorted),
    ("String collects a text", string_collects),
    ("BTreeMap keeps its order", b_tree_map_is_ordered),
    ("HashMap finds what it was given", hash_map_finds),
    ("VecDeque and BinaryHeap agree", queues_agree),
    ("Arc frees its value once", arc_frees_once),
    ("aligned boxes are aligned", boxes_are_aligned),
    ("threads share a map", threads_share),
    ("blocks travel between threads", blocks_travel),
];

const THREADS: u32 = 4;

/// What is live for good may take up a few granules more the next time: a block takes over what would be too little for a
/// free run.
const ROUNDING_BYTES: usize = 64;

fn main() -> ExitCode {
    println!("The standard library on a heap of {} MiB:\n", HEAP.stats().arena_bytes >> 20);
    // The first round, and the line above, also allocate what the standard library keeps for good.
    let mut ok = run_all(false);
    let live_bytes = HEAP.stats().live_bytes;
    ok &= run_all(true);
    ok &= verdict("nothing has leaked", HEAP.stats().live_bytes.abs_diff(live_bytes) <= ROUNDING_BYTES);
    HEAP.trim();
    ok &= verdict("the heap is intact", HEAP.check().is_ok());
    let stats = HEAP.stats();
    ok &= verdict("no request was refused, no free was wrong", stats.refused == 0 && stats.wrong_frees == 0);
    println!("\n{stats}");
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_all(is_shown: bool) -> bool {
    let mut ok = true;
    for (title, exercise) in EXERCISES {
        let held = exercise();
        ok &= held;
        if is_shown || !held {
            verdict(title, held);
        }
    }
    ok
}

fn verdict(title: &str, held: bool) -> bool {
    println!("{} {title}", if held { "ok  " } else { "FAIL" });
    held
}

/// Numbers without an order: a multiplicative sequence.
fn numbers(count: u32) -> impl Iterator<Item = u32> {
    (1..=count).map(|number| number.wrapping_mul(2_654_435_761))
}

fn vec_is_sorted() -> bool {
    let mut vec: Vec<u32> = numbers(50_000).collect();
    vec.sort_unstable();
    vec.dedup();
    vec.retain(|number| number % 2 == 0);
    vec.shrink_to_fit();
    vec.is_sorted() && vec.iter().all(|number| number % 2 == 0)
}

fn string_collects() -> bool {
    let mut text = String::new();
    for number in 0..10_000 {
        text += &format!("{number:x} ");
    }
    text.split_whitespace().enumerate().all(|(at, word)| usize::from_str_radix(word, 16) == Ok(at))
}

fn b_tree_map_is_ordered() -> bool {
    let mut map: BTreeMap<u32, String> = numbers(5_000).map(|number| (number, number.to_string())).collect();
    for number in numbers(5_000).step_by(3) {
        map.remove(&number);
    }
    map.keys().is_sorted() && map.iter().all(|(number, text)| text.parse() == Ok(*number))
}

fn hash_map_finds() -> bool {
    let map: HashMap<String, Vec<u32>> =
        numbers(3_000).map(|number| (number.to_string(), vec![number; (number % 40) as usize])).collect();
    numbers(3_000).all(|number| map.get(&number.to_string()).is_some_and(|row| row.len() == (number % 40) as usize))
}

fn queues_agree() -> bool {
    let mut queue: VecDeque<u32> = numbers(2_000).collect();
    queue.rotate_left(700);
    let heap: BinaryHeap<u32> = queue.iter().copied().collect();
    let mut sorted = Vec::from(queue);
    sorted.sort_unstable();
    sorted == heap.into_sorted_vec()
}

fn arc_frees_once() -> bool {
    let value = Arc::new(vec![7_u8; 300]);
    let shared: Vec<Arc<Vec<u8>>> = (0..100).map(|_| Arc::clone(&value)).collect();
    let was_shared = Arc::strong_count(&value) == 101;
    drop(shared);
    was_shared && Arc::try_unwrap(value).is_ok_and(|vec| vec.iter().all(|&byte| byte == 7))
}

fn boxes_are_aligned() -> bool {
    #[repr(align(64))]
    struct Line([u8; 64]);
    #[repr(align(4096))]
    struct Page([u8; 4096]);
    let lines: Vec<Box<Line>> = (0..100).map(|number| Box::new(Line([number; 64]))).collect();
    let page = Box::new(Page([1; 4096]));
    let is_aligned = |address: usize, align: usize| address % align == 0;
    lines.iter().all(|line| is_aligned(line.0.as_ptr().addr(), 64) && line.0[0] == line.0[63])
        && is_aligned(page.0.as_ptr().addr(), 4096)
}

fn threads_share() -> bool {
    let map = Mutex::new(BTreeMap::new());
    on_threads(|thread| {
        for number in 0..2_000 {
            let text = format!("{thread}/{number}");
            map.lock().expect("no thread panics").insert((thread, number), text);
        }
    });
    let map = map.into_inner().expect("no thread panics");
    map.len() == THREADS as usize * 2_000
        && map.iter().all(|((thread, number), text)| *text == format!("{thread}/{number}"))
}

fn blocks_travel() -> bool {
    let (sender, receiver) = mpsc::channel::<Vec<u32>>();
    let reader = thread::spawn(|| {
        let parcels: Vec<Vec<u32>> = receiver.into_iter().collect();
        parcels.len() == THREADS as usize * 2_000
            && parcels.iter().all(|parcel| parcel.iter().all(|&thread| thread == parcel[0]))
    });
    on_threads(|thread| {
        for number in 0..2_000 {
            sender.send(vec![thread; number % 100 + 1]).expect("the reader listens");
        }
    });
    drop(sender);
    reader.join().expect("the reader does not panic")
}

/// Runs `work` on every thread, and waits until all they had is freed, which the end of a scope alone does not.
fn on_threads(work: impl Fn(u32) + Sync) {
    let work = &work;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        threads.into_iter().for_each(|thread| thread.join().expect("no thread panics"));
    });
}
