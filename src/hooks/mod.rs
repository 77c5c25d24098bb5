//! The program's hooks, and when they run; and the count of what they may ask for.

pub(crate) mod emergency;
pub(crate) mod events;
pub(crate) mod live;
