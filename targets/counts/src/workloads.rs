//! What is called, and what is printed of it: a line for each workload and operation.

use core::alloc::Layout;
use core::fmt::{self, Write};

use larder_programs::Board;
use larder_suite::{Random, Subject};

use crate::{ThisBoard, calls, count, masks};

const STEPS: usize = 4_000;
/// How many calls are kept for the median.
const KEPT: usize = 400;

/// A random churn.
struct Workload {
    name: &'static str,
    shortest: usize,
    longest: usize,
    slots: usize,
}

/// Sizes that pools have; about half the arena is in use.
const POOLED: Workload = Workload { name: "pooled", shortest: 8, longest: 64, slots: 96 };
/// Sizes that pools don't have; about three quarters of the arena are in use, and some requests are refused.
const LARGE: Workload = Workload { name: "large", shortest: 65, longest: 600, slots: 30 };

const SLOTS_MOST: usize = POOLED.slots;

/// Counts every call of the workloads, prints a line for each kind of call, and ends the run.
pub fn count(heap: &dyn Subject) -> ! {
    count::calibrate();
    for workload in [&POOLED, &LARGE] {
        let mut counts = [const { Counts::new() }; 2];
        workload.run(|operation, taken| counts[operation as usize].note(taken));
        for (name, counts) in ["alloc", "free"].into_iter().zip(&mut counts) {
            print(format_args!("{} {name} {counts}", workload.name, counts = counts.sorted()));
        }
    }
    end(heap)
}

/// Measures the critical sections of the workloads, prints the longest of each, and ends the run.
pub fn measure_masking(heap: &dyn Subject) -> ! {
    count::calibrate();
    masks::calibrate();
    for workload in [&POOLED, &LARGE] {
        masks::take_longest();
        // A refill visits the large tier, so the calls of pooled sizes are told apart: what the median masks, and the longest.
        let mut counts = Counts::new();
        workload.run(|_, _| counts.note(masks::take_longest()));
        print(format_args!("{} masked {}", workload.name, counts.sorted()));
    }
    end(heap)
}

#[derive(Clone, Copy)]
enum Operation {
    Alloc,
    Free,
}

impl Workload {
    /// Frees what is in a slot chosen at random, or allocates into it. Refused requests are not noted.
    fn run(&self, mut note: impl FnMut(Operation, u32)) {
        let mut random = Random::new(0xC0FFEE);
        let mut blocks: [Option<(*mut u8, Layout)>; SLOTS_MOST] = [None; SLOTS_MOST];
        for _ in 0..STEPS {
            let slot = random.range(0, self.slots);
            match blocks[slot].take() {
                // SAFETY: the block is live with this layout, and was just taken out.
                Some((block, layout)) => note(Operation::Free, unsafe { calls::free(block, layout) }),
                None => {
                    let size = random.range(self.shortest, self.longest + 1);
                    let layout = Layout::from_size_align(size, 8).expect("a layout");
                    let (block, taken) = calls::allocate(layout);
                    if !block.is_null() {
                        note(Operation::Alloc, taken);
                        blocks[slot] = Some((block, layout));
                    }
                }
            }
        }
        for (block, layout) in blocks.into_iter().flatten() {
            // SAFETY: the block is live with this layout, and forgotten after this.
            unsafe { calls::free(block, layout) };
        }
    }
}

/// What calls of one kind took.
struct Counts {
    calls: u32,
    sum: u32,
    most: u32,
    /// Of the first calls.
    kept: [u16; KEPT],
}

impl Counts {
    const fn new() -> Self {
        Self { calls: 0, sum: 0, most: 0, kept: [0; KEPT] }
    }

    fn note(&mut self, taken: u32) {
        if let Some(kept) = self.kept.get_mut(self.calls as usize) {
            *kept = taken.min(u32::from(u16::MAX)) as u16;
        }
        self.calls += 1;
        self.sum += taken;
        self.most = self.most.max(taken);
    }

    fn sorted(&mut self) -> &Self {
        assert!(self.calls as usize >= KEPT, "too few calls");
        self.kept.sort_unstable();
        self
    }
}

/// Calls, median, average to a tenth, and most. To be sorted before.
impl fmt::Display for Counts {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        let tenths = (u64::from(self.sum) * 10 / u64::from(self.calls)) as u32;
        write!(out, "{} {} {}.{} {}", self.calls, self.kept[KEPT / 2], tenths / 10, tenths % 10, self.most)
    }
}

fn print(line: fmt::Arguments) {
    writeln!(ThisBoard::console(), "{line}").expect("the host prints");
}

fn end(heap: &dyn Subject) -> ! {
    heap.assert_empty();
    ThisBoard::succeed()
}
