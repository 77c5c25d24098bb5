//! The table.

mod alignment;
mod collections;
mod exhaustion;
mod held;
mod resizing;
mod statistics;
mod wrong_frees;

use crate::Case;

/// Every case, in the order in which they run. Each needs 8 KiB of arena at most, however large the heap is.
pub const ALL: &[Case] = &[
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
    ("while tier 2 is held, pools serve and large requests are refused", held::requests),
    ("what is freed while tier 2 is held is given back later", held::frees),
    ("what shrinks while tier 2 is held gives its tail back later", held::shrinks),
    ("random sizes come and go while tier 2 is held and not", held::churn),
    ("a double free is counted and does no harm", wrong_frees::double),
    ("a free inside a block is counted and does no harm", wrong_frees::misaligned),
    ("a foreign free is counted and does no harm", wrong_frees::foreign),
    ("live bytes are those that were asked for, as blocks", statistics::live_bytes),
    ("the largest request that would succeed does", statistics::largest_free),
    ("contains knows the heap's own blocks", statistics::contains),
];
