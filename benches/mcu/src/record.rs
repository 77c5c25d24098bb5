//! What was counted, by operation.

use crate::{count, mask, mask::Masked};
use core::cell::UnsafeCell;

/// Counts up to this many are kept exactly for percentiles; larger ones share the last place.
const EXACT: usize = 32 * 1024;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Alloc,
    Dealloc,
    Realloc,
    Zeroed,
}

pub const OPERATIONS: [(Operation, &str); 4] = [
    (Operation::Alloc, "alloc"),
    (Operation::Dealloc, "dealloc"),
    (Operation::Realloc, "realloc"),
    (Operation::Zeroed, "alloc_zeroed"),
];

/// One operation's calls in one workload.
///
/// Copies and fills are excluded from everything but `longest_raw`.
#[derive(Clone, Copy)]
pub struct Calls {
    /// Calls that succeeded, and their sum, least and most.
    pub served: u32,
    pub sum: u64,
    pub least: u32,
    pub most: u32,
    /// Calls that returned null, and their sum and most.
    pub refused: u32,
    pub refused_sum: u64,
    pub refused_most: u32,
    /// The longest call with its copy or fill, and how many bytes that moved.
    pub longest_raw: u32,
    pub longest_raw_bytes: u32,
    /// The longest critical section, and how many calls had one.
    pub masked: u32,
    pub masked_calls: u32,
}

impl Calls {
    const NONE: Self = Self {
        served: 0,
        sum: 0,
        least: u32::MAX,
        most: 0,
        refused: 0,
        refused_sum: 0,
        refused_most: 0,
        longest_raw: 0,
        longest_raw_bytes: 0,
        masked: 0,
        masked_calls: 0,
    };
}

/// One call.
pub struct Call {
    pub instructions: u32,
    pub served: bool,
    /// Bytes copied or zeroed, and what that took.
    pub moved_bytes: usize,
    pub moving: u32,
    pub masked: Masked,
}

pub struct Record {
    calls: [Calls; OPERATIONS.len()],
    spread: &'static mut [[u32; EXACT]; OPERATIONS.len()],
}

struct Spread(UnsafeCell<[[u32; EXACT]; OPERATIONS.len()]>);

// SAFETY: one thread, and `Record::take` is called once.
unsafe impl Sync for Spread {}

static SPREAD: Spread = Spread(UnsafeCell::new([[0; EXACT]; OPERATIONS.len()]));

impl Record {
    /// # Safety
    /// Called once.
    pub unsafe fn take() -> Self {
        // SAFETY: called once, so this is the only reference.
        Self { calls: [Calls::NONE; OPERATIONS.len()], spread: unsafe { &mut *SPREAD.0.get() } }
    }

    pub fn clear(&mut self) {
        self.calls = [Calls::NONE; OPERATIONS.len()];
        for spread in self.spread.iter_mut() {
            spread.fill(0);
        }
    }

    pub fn calls(&self, operation: Operation) -> &Calls {
        &self.calls[operation as usize]
    }

    pub fn add(&mut self, operation: Operation, call: &Call) {
        let net = call.instructions.saturating_sub(call.moving);
        let calls = &mut self.calls[operation as usize];
        if call.served {
            calls.served += 1;
            calls.sum += u64::from(net);
            calls.least = calls.least.min(net);
            calls.most = calls.most.max(net);
            self.spread[operation as usize][(net as usize).min(EXACT - 1)] += 1;
        } else {
            calls.refused += 1;
            calls.refused_sum += u64::from(net);
            calls.refused_most = calls.refused_most.max(net);
        }
        if call.instructions > calls.longest_raw {
            calls.longest_raw = call.instructions;
            calls.longest_raw_bytes = call.moved_bytes as u32;
        }
        calls.masked = calls.masked.max(call.masked.longest);
        calls.masked_calls += u32::from(call.masked.sections > 0);
    }

    /// The count that `percent` of the served calls do not exceed.
    pub fn percentile(&self, operation: Operation, percent: u64) -> u32 {
        let calls = self.calls(operation);
        let wanted = (u64::from(calls.served) * percent).div_ceil(100);
        let mut seen = 0;
        for (value, &times) in self.spread[operation as usize].iter().enumerate() {
            seen += u64::from(times);
            if seen >= wanted {
                return if value == EXACT - 1 { calls.most } else { value as u32 };
            }
        }
        calls.most
    }
}

/// Calls `function` and takes down what interrupts had to wait for.
///
/// # Safety
/// As [`count::call`].
pub unsafe fn measure(function: *const (), arguments: [usize; 4]) -> (usize, u32, Masked) {
    mask::take();
    // SAFETY: the caller's contract.
    let (result, instructions) = unsafe { count::call(function, arguments) };
    (result, instructions, mask::take())
}
