//! The tables.

mod alignment;
mod collections;
mod exhaustion;
mod held;
mod resizing;
mod statistics;
mod table;
mod wrong_frees;

use crate::{Case, Shape};

/// The cases for a heap of that shape, in the order in which they run. Each needs 8 KiB of arena at most, however large the heap is.
pub fn of(shape: Shape) -> impl Iterator<Item = &'static Case> {
    let special = match shape {
        Shape::Tiers => OF_TIERS,
        Shape::Table => OF_A_TABLE,
    };
    ALWAYS.iter().chain(special)
}

/// For every heap.
const ALWAYS: &[Case] = &[
    ("vectors grow, shrink and are sorted", collections::vectors),
    ("strings are built and split", collections::strings),
    ("trees fill and empty", collections::trees),
    ("queues and lists pass their elements on", collections::queues),
    ("shared boxes die with their last owner", collections::shared_boxes),
    ("every alignment is kept, in every small size", alignment::small_sizes),
    ("large blocks keep large alignments", alignment::large_sizes),
    ("no two live blocks overlap", alignment::disjoint),
    ("a full heap refuses, and recovers", exhaustion::one_size),
    ("a heap full of mixed sizes recovers", exhaustion::mixed_sizes),
    ("sizes that no heap can have are refused", exhaustion::absurd_sizes),
    ("zeroed blocks are zero, used memory or not", resizing::zeroed),
    ("blocks grow and shrink with their contents", resizing::walk),
    ("a refused growth leaves the block alone", resizing::refused),
    ("random sizes come and go with their contents", resizing::churn),
    ("a double free is counted and does no harm", wrong_frees::double),
    ("a free inside a block is counted and does no harm", wrong_frees::misaligned),
    ("a foreign free is counted and does no harm", wrong_frees::foreign),
    ("live bytes are those that were asked for, as blocks", statistics::live_bytes),
    ("the largest request that would succeed does", statistics::largest_free),
    ("contains knows the heap's own blocks", statistics::contains),
];

/// For a large tier that can be held.
const OF_TIERS: &[Case] = &[
    ("while the large tier is held, pools serve and large requests are refused", held::requests),
    ("what is freed while the large tier is held is given back later", held::frees),
    ("what shrinks while the large tier is held gives its tail back later", held::shrinks),
    ("random sizes come and go while the large tier is held and not", held::churn),
];

/// What only one table can promise.
const OF_A_TABLE: &[Case] = &[
    ("every granule can be had", exhaustion::to_the_last_granule),
    ("a block grows and shrinks where it is", table::resized_in_place),
    ("lengths, runs and the largest are exact", table::statistics),
    ("a layout that is too long or too short is counted and does no harm", table::wrong_layouts),
];
