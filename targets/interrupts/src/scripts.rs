//! What the interrupting handlers do: each script is hard on the call in its own way. Those for a heap of tiers.

use larder_suite::Subject;

use crate::operations::POOLED;
use crate::party::Party;

/// A handler's work, with a name for reports.
pub struct Script {
    pub name: &'static str,
    /// What it does with its own blocks and those that main allocated for it.
    pub run: fn(&dyn Subject, &mut Party, &mut Party),
}

pub const ALL: &[Script] = &[
    Script { name: "a bit of everything", run: everything },
    Script { name: "taking every block", run: taking },
    Script { name: "giving pages other owners", run: reusing },
    Script { name: "imitating another class's empty page", run: imitating },
    Script { name: "using the large tier", run: visiting },
];

/// For any heap.
pub fn everything(_: &dyn Subject, own: &mut Party, gifts: &mut Party) {
    drop(gifts.take(POOLED, POOLED));
    own.add_many(2, POOLED);
    drop(gifts.take(100, 200));
    own.add(40);
    own.add(200);
    own.resize(200, 200, 250);
    own.resize(40, 40, 70);
    drop(gifts.take(40, 40));
    drop(own.take(POOLED, POOLED));
}

/// The class's blocks are gone, and then its page is full, or another's hint leads elsewhere.
fn taking(_: &dyn Subject, own: &mut Party, _: &mut Party) {
    own.add_many(14, POOLED);
    own.add_many(2, 48);
    own.add_many(2, 56);
    own.add_many(2, 100);
}

/// Every page that can be emptied is, and then serves another class.
fn reusing(heap: &dyn Subject, own: &mut Party, gifts: &mut Party) {
    gifts.free_all();
    heap.trim();
    own.add(8);
    own.add(16);
    own.add(32);
    own.add(POOLED);
    own.add(64);
    drop(own.take(16, 16));
    drop(own.take(32, 32));
}

/// A page of single granules, of which every other one is free, reads as an empty page of the class 16.
fn imitating(heap: &dyn Subject, own: &mut Party, _: &mut Party) {
    heap.trim();
    own.add_many(32, 8);
    own.free_if(|block| block.as_ptr().addr() % 16 == 0);
}

fn visiting(heap: &dyn Subject, own: &mut Party, gifts: &mut Party) {
    own.add(100);
    drop(gifts.take(300, 300));
    own.add(300);
    drop(own.take(100, 100));
    own.resize(300, 300, 80);
    own.add(600);
    heap.trim();
    own.resize(80, 80, 120);
    drop(gifts.take(100, 200));
}
