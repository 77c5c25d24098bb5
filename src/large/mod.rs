//! The large tier: everything that is not pooled, and the pages of the pools themselves.
//!
//! A backend works on granules of the arena, inside an entry that keeps everybody else out. Live
//! blocks carry no header: what a backend must know of them, it keeps in its own table.

mod backend;
mod bitmap;
#[cfg(feature = "linked-list")]
mod linked_list;
pub(crate) mod peek;
mod segregated;

#[cfg(feature = "linked-list")]
pub use linked_list::LinkedList;
pub use segregated::Segregated;
#[cfg(all(test, loom))]
pub(crate) use segregated::look::{Before, end_before_mark, is_second};

pub(crate) use backend::{Backend, Ground, Resized, Run, TableBytes, WALK_GRANULES};

/// A large tier, chosen by name: [`Segregated`], or with the feature `linked-list` the tier `LinkedList`. There are no
/// others: the trait can't be implemented outside of this crate.
pub trait Large: Backend {}
