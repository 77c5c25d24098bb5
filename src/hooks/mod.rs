//! The program's hooks, and when they run.

pub(crate) mod emergency;
pub(crate) mod events;
