//! Requests of a small heap that meet.

use crate::model;
use crate::small_arena::{Arena, Block};
use loom::thread::spawn;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// What became of the requests of a model, in all of its executions: where their blocks begin, if they have any.
type Outcomes<const N: usize> = BTreeSet<[Option<usize>; N]>;

/// Runs a model and gathers what came out.
fn outcomes<const N: usize>(
    preemptions: usize,
    run: impl Fn() -> [Option<usize>; N] + Sync + Send + 'static,
) -> Outcomes<N> {
    let outcomes = Arc::new(Mutex::new(Outcomes::new()));
    model(preemptions, {
        let outcomes = outcomes.clone();
        move || {
            outcomes.lock().unwrap().insert(run());
        }
    });
    Arc::into_inner(outcomes).unwrap().into_inner().unwrap()
}

fn first(block: &Option<Block>) -> Option<usize> {
    block.as_ref().map(|block| block.0.first)
}

/// Three requests fill one word, to the last granule: nobody is refused, no granule has two owners.
///
/// Runs `search`, `find`, `claim`.
/// Catches: a claim by a load and a store instead of one exchange; a lost claim that is a refusal.
#[test]
fn claims_in_one_word() {
    model(2, || {
        let arena = Arena::new(16);
        let others = [6, 4].map(|len| {
            let arena = arena.clone();
            spawn(move || arena.alloc(len))
        });
        let mine = arena.alloc(6);
        let [b, c] = others.map(|other| other.join().unwrap());
        arena.finish([mine, b, c].map(|block| block.expect("there is room")).into());
    });
}

/// Two requests for `len` of `count` granules. Whoever is refused asks again when the other is not in a call any more.
fn two_requests(preemptions: usize, count: usize, len: usize) -> Outcomes<3> {
    outcomes(preemptions, move || {
        let arena = Arena::new(count);
        let other = spawn({
            let arena = arena.clone();
            move || arena.alloc(len)
        });
        let mut blocks = [arena.alloc(len), other.join().unwrap(), None];
        blocks[..2].sort_by_key(first);
        if blocks[0].is_none() {
            blocks[2] = arena.alloc(len);
        }
        let firsts = blocks.each_ref().map(first);
        arena.finish(blocks.into_iter().flatten().collect());
        firsts
    })
}

/// Two requests for blocks of two words, of which the first meets the part of the other.
///
/// | A | B |
/// |---|---|
/// | takes 0 to 15 | |
/// | | finds 16 to 35, and takes 16 to 31 |
/// | finds 16 in use, gives 0 to 15 back | takes 32 to 35: has its block, behind 16 free granules |
///
/// So the one is refused if what is left is too short for it: the documented refusal. Wherever there is room for one,
/// one is served. The second column is where the two are when nobody is refused; the third, which of them was refused
/// at first, and found room later, because it had not yet seen what the other had given back.
///
/// Runs `search`, `claim` with its way back.
/// Catches: a claim that takes nothing back, or what is not its own; a claim that takes a word from another.
#[test]
fn claims_of_two_words() {
    let one = |at| [None, Some(at), None];
    let two = |a, b| [Some(a), Some(b), None];
    let late = |at, then| [None, Some(at), Some(then)];
    assert_eq!(two_requests(4, 20, 20), [one(0)].into());
    assert_eq!(two_requests(4, 36, 20), [one(0), one(16)].into());
    assert_eq!(two_requests(4, 40, 20), [two(0, 20), one(16)].into());
    assert_eq!(two_requests(4, 56, 20), [two(0, 20), two(0, 32), two(16, 36), late(32, 0)].into());
}

/// The same for blocks of three words.
///
/// Catches: as above, where two words are to be given back.
#[test]
fn claims_of_three_words() {
    let refused = two_requests(3, 72, 36);
    assert_eq!(refused, [[Some(0), Some(36), None], [None, Some(16), None], [None, Some(32), None]].into());
}

/// A request for two words takes the second where the first is another's by now, which frees what it has, up to the
/// word's end, which is right.
///
/// | A | B |
/// |---|---|
/// | finds 0 to 19 | |
/// | | takes 0 to 15 |
/// | finds 0 in use, and has taken nothing | frees 0 to 15: 16 does not go on |
///
/// Runs `claim`, `locate`, `end`.
/// Catches: a claim that goes downwards.
#[test]
fn a_claim_behind_a_block_that_is_freed() {
    model(4, || {
        let arena = Arena::new(36);
        let other = spawn({
            let arena = arena.clone();
            move || arena.alloc(20)
        });
        let word = arena.must_alloc(16);
        arena.free(word);
        arena.finish(other.join().unwrap().into_iter().collect());
    });
}

/// A request for two whole words and a bit finds its third taken, by a small one whose hint led it there. Meanwhile a third request,
/// for one word, finds either that word free, or all of its arena in use: the documented refusal.
///
/// What the first gives back must never be free in front of what is not yet: the third one's block ends where a word does,
/// and its owner frees it, which is right.
///
/// | A | B |
/// |---|---|
/// | takes 0 to 15, 16 to 31 | |
/// | | takes 32 and 33 |
/// | finds 32 in use, gives back 16 to 31 | |
/// | gives back 0 to 15 | takes 0 to 15, and frees them: 16 does not go on, so that is right |
///
/// Runs `claim`, `clear`, `locate`, `end`.
/// Catches: a way back that clears upwards; a claim that goes downwards, or is not an Acquire; a clear that is not a Release.
#[test]
fn giving_back_against_a_claim_up_to_a_words_end() {
    let seen = outcomes(3, || {
        let arena = Arena::new(36);
        let [long, short, rest] = arena.row([32, 2, 2]);
        // The next request for two begins to look there.
        arena.free(short);
        arena.free(long);
        let other = spawn({
            let arena = arena.clone();
            move || {
                let short = arena.alloc(2);
                let word = arena.alloc(16);
                let firsts = [&short, &word].map(first);
                word.into_iter().for_each(|word| arena.free(word));
                (firsts, short)
            }
        });
        let long = arena.alloc(34);
        let ([short_at, word_at], short) = other.join().unwrap();
        let outcome = [first(&long), short_at, word_at];
        arena.finish([long, short, Some(rest)].into_iter().flatten().collect());
        outcome
    });
    let short = |word| [None, Some(32), word];
    assert_eq!(seen, [[Some(0), None, None], short(Some(0)), short(Some(16)), short(None)].into());
}
