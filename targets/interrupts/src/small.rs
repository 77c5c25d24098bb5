//! The calls of a heap that is one table, and the scripts that are hard on them.
//!
//! A word of the table tells of 16 granules, 128 bytes: what lies in one changes at once, longer blocks word by word, between which others come.

use core::ptr::from_ref;

use larder_suite::{Block, Subject};

use crate::operations::POOLED;
use crate::party::{Party, layout};
use crate::scripts::{Script, everything};
use crate::step::{Operation, Prepare, Step};
use crate::sweep::Set;

/// In one word, if it does not begin near the end of it. So long are the neighbours of what is freed.
const SHORT: usize = POOLED;
/// In two words or three.
const LONG: usize = 200;
/// A size that no script asks for.
const ODD: usize = 184;
/// A size that only one block has: the handler's, which main frees.
const DISPUTED: usize = 232;

pub const SETS: &[Set] = &[
    Set { operations: OPERATIONS, scripts: SCRIPTS },
    Set { operations: &[between_words("free: somebody else's block", somebody_elses)], scripts: RELEASES },
];

/// In one word, or none.
const fn at_once(name: &'static str, prepare: Prepare) -> Operation {
    Operation { name, is_held: false, has_middle: false, rolls_back: false, prepare }
}

const fn between_words(name: &'static str, prepare: Prepare) -> Operation {
    Operation { has_middle: true, ..at_once(name, prepare) }
}

/// It takes free granules, and others may take the last of them before it does.
const fn taking(name: &'static str, prepare: Prepare) -> Operation {
    Operation { rolls_back: true, ..between_words(name, prepare) }
}

pub const OPERATIONS: &[Operation] = &[
    at_once("alloc: short", |_, _| Step::Alloc(layout(SHORT, 8))),
    at_once("alloc: short, on the second search", |mine, _| {
        // The search begins behind the only hole.
        let hole = mine.get(40);
        mine.add(LONG);
        mine.add(SHORT);
        fill(mine);
        drop(hole);
        Step::Alloc(layout(SHORT, 8))
    }),
    taking("alloc: across a word's end", |mine, _| {
        mine.add(40);
        Step::Alloc(layout(LONG, 8))
    }),
    taking("alloc: across several words", |_, _| Step::Alloc(layout(600, 8))),
    taking("alloc: aligned", |_, _| Step::Alloc(layout(LONG, 64))),
    taking("alloc: the last memory", |mine, gifts| {
        let hole = between(mine, gifts, LONG);
        fill(mine);
        drop(hole);
        Step::Alloc(layout(LONG, 8))
    }),
    at_once("alloc: refused", |mine, _| {
        fill(mine);
        Step::Alloc(layout(2000, 8))
    }),
    at_once("free: in one word", |mine, gifts| Step::Free(between(mine, gifts, SHORT))),
    between_words("free: across a word's end", |mine, gifts| Step::Free(between(mine, gifts, LONG))),
    between_words("free: across several words", |mine, gifts| Step::Free(between(mine, gifts, 600))),
    between_words("free: in a full heap", |mine, gifts| {
        let block = between(mine, gifts, LONG);
        fill(mine);
        Step::Free(block)
    }),
    at_once("realloc: no granule more or less", |mine, _| Step::Resize(mine.get(40), 36)),
    at_once("realloc: shrinks in one word", |mine, gifts| Step::Resize(between(mine, gifts, 48), 16)),
    between_words("realloc: shrinks across words", |mine, gifts| Step::Resize(between(mine, gifts, 600), 40)),
    at_once("realloc: grows in one word", |mine, gifts| grown(mine, gifts, 16, 32)),
    taking("realloc: grows across words", |mine, gifts| grown(mine, gifts, 400, 300)),
    taking("realloc: grows up to the next block", |mine, gifts| grown(mine, gifts, LONG, SHORT + LONG)),
    taking("realloc: moves", |mine, gifts| Step::Resize(between(mine, gifts, 104), 240)),
    at_once("realloc: refused", |mine, gifts| {
        let block = between(mine, gifts, 104);
        fill(mine);
        Step::Resize(block, 240)
    }),
    at_once("wrong free: inside a block", |mine, gifts| wrong(mine, gifts, 8, LONG - 8)),
    at_once("wrong free: inside a granule", |mine, gifts| wrong(mine, gifts, 4, LONG)),
    at_once("wrong free: too long", |mine, gifts| wrong(mine, gifts, 0, LONG + 8)),
    at_once("wrong free: too short", |mine, gifts| wrong(mine, gifts, 0, LONG - 8)),
    at_once("wrong free: of no memory of the heap", |mine, _| {
        Step::WrongFree(from_ref(mine).cast::<u8>().cast_mut(), layout(LONG, 8))
    }),
    at_once("wrong free: a second one", |mine, gifts| {
        let block = between(mine, gifts, ODD);
        Step::WrongFree(block.as_ptr(), block.layout())
    }),
];

const SCRIPTS: &[Script] = &[
    Script { name: "a bit of everything", run: everything },
    Script { name: "taking granules, and freeing them", run: taking_granules },
    Script { name: "taking runs", run: taking_runs },
    Script { name: "taking the neighbours' places", run: replacing },
    Script { name: "resizing the neighbours", run: resizing },
    Script { name: "taking all there is", run: taking_all },
];

const RELEASES: &[Script] =
    &[Script { name: "freeing the same block", run: |_, _, gifts| drop(gifts.take(DISPUTED, DISPUTED)) }];

/// Every granule up to the end of what was freed so far: a look behind the last of them is at what is not freed yet.
fn taking_granules(_: &dyn Subject, own: &mut Party, _: &mut Party) {
    own.add_many(20, 8);
    own.free_all();
}

/// What main is about to take, or what comes behind the part of it that main has.
fn taking_runs(_: &dyn Subject, own: &mut Party, _: &mut Party) {
    own.add(8);
    own.add(LONG);
    own.add(40);
    own.add(SHORT);
}

/// The blocks right before and behind are freed, and shorter or longer ones take their places.
fn replacing(_: &dyn Subject, own: &mut Party, gifts: &mut Party) {
    drop((gifts.take(SHORT, SHORT), gifts.take(SHORT, SHORT)));
    own.add(16);
    own.add(SHORT);
    own.add(40);
    drop(own.take(16, 16));
}

fn resizing(_: &dyn Subject, _: &mut Party, gifts: &mut Party) {
    gifts.resize(SHORT, SHORT, 16);
    gifts.resize(SHORT, SHORT, LONG);
    gifts.resize(300, 300, 340);
}

fn taking_all(_: &dyn Subject, own: &mut Party, _: &mut Party) {
    fill(own);
}

/// Takes everything but some granules of holes.
fn fill(party: &mut Party) {
    for size in [512, 64, 16] {
        while party.add(size) {}
    }
}

/// A block between two of the handler's.
fn between(mine: &mut Party, gifts: &mut Party, size: usize) -> Block {
    gifts.add(SHORT);
    let block = mine.get(size);
    gifts.add(SHORT);
    block
}

/// A short block is to grow into a hole of so many bytes behind it.
fn grown(mine: &mut Party, gifts: &mut Party, hole: usize, size: usize) -> Step {
    let (block, hole) = (mine.get(SHORT), mine.get(hole));
    gifts.add(SHORT);
    drop(hole);
    Step::Resize(block, size)
}

/// A release at that distance from the start of a live block, as if it were so long.
fn wrong(mine: &mut Party, gifts: &mut Party, distance: usize, size: usize) -> Step {
    let block = between(mine, gifts, LONG);
    let start = block.as_ptr().wrapping_add(distance);
    mine.keep(block);
    Step::WrongFree(start, layout(size, 1))
}

/// Of main's release and the handler's, whichever comes first is right, as the heap sees it, and the other is wrong.
fn somebody_elses(_: &mut Party, gifts: &mut Party) -> Step {
    gifts.add(DISPUTED);
    let block = gifts.blocks().find(|block| block.layout().size() == DISPUTED).expect("there is room");
    Step::WrongFree(block.as_ptr(), block.layout())
}
