//! larder's test cases for targets: one table of names and functions, run by every board on its global allocator.
//!
//! | file | what it holds |
//! |---|---|
//! | `subject` | the heap under test, whatever its parameters are |
//! | `block` | a block whose contents are verified |
//! | `random` | repeatable numbers |
//! | `door` | a policy that makes the large tier look held |
//! | `mailbox` | boxes handed over between contexts without a lock |
//! | `cases` | the table |
#![no_std]

extern crate alloc;

mod block;
pub mod cases;
mod door;
mod mailbox;
mod random;
mod subject;

use core::fmt::{self, Write};

pub use block::Block;
pub use door::{Door, while_shut};
pub use mailbox::Mailbox;
pub use random::Random;
pub use subject::{Shape, Subject};

/// A test: it returns with nothing live, or panics.
pub type Case = (&'static str, fn(&dyn Subject));

/// Runs every case that suits the heap, which is the global allocator.
///
/// After each case nothing may be live, every invariant has to hold and the memory is one run again. The first case that
/// fails ends the run by its panic, named by the line before.
pub fn run(heap: &dyn Subject, out: &mut dyn Write) -> fmt::Result {
    let cases = || cases::of(heap.shape());
    for (name, case) in cases() {
        writeln!(out, "case {name}")?;
        case(heap);
        heap.assert_empty();
    }
    writeln!(out, "{} cases passed", cases().count())
}
