//! What a heap can tell of itself.

mod check;
mod stats;
mod walk;

pub use check::CheckError;
pub use stats::{ClassStats, Stats};
pub use walk::{Holds, Piece};
