//! What a heap can tell of itself.

mod check;
mod inspect;
mod stats;
mod walk;

pub use check::CheckError;
pub use inspect::Inspect;
pub(crate) use inspect::inspect;
pub use stats::{ClassStats, Stats};
pub use walk::{Holds, Piece};
