//! A program of the standard collections, as firmware uses them: buffers that grow, text, maps, queues, trees. Its result
//! does not depend on the allocator.

use crate::rng::Rng;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Everything once; what it comes to.
#[inline(never)]
pub extern "C" fn run() -> u32 {
    let mut rng = Rng::new(29);
    let mut sum = 0_u32;
    for part in [vectors, text, aggregates, messages, index, tree, schedule, matrix] {
        sum = sum.rotate_left(5) ^ part(&mut rng);
    }
    sum
}

/// Three vectors that grow by turns, one of them shrunk and extended again.
fn vectors(rng: &mut Rng) -> u32 {
    let (mut bytes, mut words, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    for step in 0..900_u32 {
        bytes.push(rng.word() as u8);
        words.push(rng.word());
        pairs.push((step as u16, rng.word() as u16));
        if step % 300 == 299 {
            words.truncate(50);
            words.shrink_to_fit();
        }
    }
    let bytes: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();
    let words = words.iter().fold(0_u32, |sum, &word| sum.wrapping_add(word));
    pairs.iter().fold(bytes ^ words, |sum, &(a, b)| sum.wrapping_add(u32::from(a ^ b)))
}

/// Lines are formatted, split, sorted and joined.
fn text(rng: &mut Rng) -> u32 {
    let mut words: Vec<String> = Vec::new();
    for line in 0..60 {
        let line = format!("sensor{} value={} unit=mV state={}", line % 7, rng.below(5000), rng.below(3));
        words.extend(line.split(' ').map(String::from));
    }
    words.sort();
    words.dedup();
    let joined = words.join(";");
    joined.bytes().fold(5381, |hash, byte| hash.wrapping_mul(33) ^ u32::from(byte))
}

/// Readings by name in a map of vectors.
fn aggregates(rng: &mut Rng) -> u32 {
    let mut readings: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    for _ in 0..800 {
        let name = format!("node-{}", rng.below(40));
        readings.entry(name).or_default().push(rng.word() as u16);
        if readings.len() > 36 {
            readings.pop_first();
        }
    }
    readings.iter().fold(0, |sum, (name, values)| {
        let total: u32 = values.iter().map(|&value| u32::from(value)).sum();
        sum ^ total.wrapping_mul(name.len() as u32 + u32::from(name.as_bytes()[name.len() - 1]))
    })
}

/// A queue of messages of 8 to 200 bytes, up to 40 of them waiting.
fn messages(rng: &mut Rng) -> u32 {
    let mut queue: VecDeque<Box<[u8]>> = VecDeque::new();
    let mut sum = 0_u32;
    for _ in 0..800 {
        let message = vec![rng.word() as u8; rng.within(8, 200)].into_boxed_slice();
        queue.push_back(message);
        let waiting = rng.below(40);
        while queue.len() > waiting {
            let message = queue.pop_front().expect("more than none are waiting");
            sum = sum.wrapping_mul(31).wrapping_add(message.len() as u32 + u32::from(message[0]));
        }
    }
    sum
}

/// A map and a set with random insertions and removals.
fn index(rng: &mut Rng) -> u32 {
    let mut map = BTreeMap::new();
    let mut set = BTreeSet::new();
    for step in 0..1500_u32 {
        map.insert(rng.below(300) as u32, step);
        set.insert(rng.below(1000) as u16);
        map.remove(&(rng.below(300) as u32));
        if set.len() > 200 {
            set.pop_last();
        }
    }
    map.iter().fold(set.len() as u32, |sum, (key, value)| sum.wrapping_add(key * value))
}

enum Node {
    Leaf(Rc<str>),
    Branch(Vec<Node>),
}

/// A tree of random shape with shared names, built and taken down four times.
fn tree(rng: &mut Rng) -> u32 {
    fn grow(rng: &mut Rng, names: &[Rc<str>], depth: usize) -> Node {
        if depth == 0 || rng.below(5) == 0 {
            return Node::Leaf(names[rng.below(names.len())].clone());
        }
        Node::Branch((0..rng.within(1, 4)).map(|_| grow(rng, names, depth - 1)).collect())
    }
    fn weigh(node: &Node) -> u32 {
        match node {
            Node::Leaf(name) => name.len() as u32,
            Node::Branch(nodes) => {
                nodes.iter().map(weigh).fold(1, |sum, weight| sum.wrapping_mul(7).wrapping_add(weight))
            }
        }
    }
    let names: Vec<Rc<str>> = (0..12).map(|name| Rc::from(format!("{name:>width$}", width = name + 1))).collect();
    (0..4).fold(0, |sum, _| sum ^ weigh(&grow(rng, &names, 5)))
}

/// Boxed jobs in a priority queue.
fn schedule(rng: &mut Rng) -> u32 {
    type Job = Box<dyn Fn(u32) -> u32>;
    let mut jobs: Vec<Option<Job>> = Vec::new();
    let mut due = BinaryHeap::new();
    let mut state = 1_u32;
    for _ in 0..400 {
        let (a, b) = (rng.word(), rng.word());
        let job: Job = if a & 1 == 0 { Box::new(move |x| x ^ a) } else { Box::new(move |x| x.wrapping_mul(a | 1) ^ b) };
        due.push((rng.below(1000), jobs.len()));
        jobs.push(Some(job));
        if due.len() > 60 {
            let (_, job) = due.pop().expect("more than 60 are due");
            state = jobs[job].take().map_or(state, |job| job(state));
        }
    }
    state
}

/// Rows allocated zeroed, multiplied, dropped.
fn matrix(rng: &mut Rng) -> u32 {
    const SIDE: usize = 12;
    let mut a: Vec<Vec<u32>> = (0..SIDE).map(|_| (0..SIDE).map(|_| rng.word()).collect()).collect();
    for _ in 0..6 {
        let mut product = vec![vec![0_u32; SIDE]; SIDE];
        for (row, out) in product.iter_mut().enumerate() {
            for (column, cell) in out.iter_mut().enumerate() {
                *cell = (0..SIDE).fold(0, |sum, k| sum.wrapping_add(a[row][k].wrapping_mul(a[k][column])));
            }
        }
        a = product;
    }
    a.iter().flatten().fold(0, |sum, &cell| sum ^ cell)
}
