//! Releases of a small heap that meet others, and requests. Every right free is found right: `Arena::finish` looks at the counter.

use crate::model;
use crate::small_arena::{Arena, Block};
use loom::thread::spawn;

/// A block of two words is freed, while another context wants what is in the first of them, up to its end, and frees that again: behind
/// it, in the next word, nothing goes on.
///
/// Runs `release`, `clear`, `claim`, `locate`, `end`.
/// Catches: a clear that goes upwards, or is not a Release; a claim that is not an Acquire: it would see, behind its block, the rest
/// of the one before.
#[test]
fn release_against_a_claim_up_to_a_words_end() {
    model(6, || {
        let arena = Arena::new(32);
        let [block, rest] = arena.row([20, 12]);
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(block)
        });
        if let Some(word) = arena.alloc(16) {
            assert_eq!(word.0.first, 0);
            arena.free(word);
        }
        other.join().unwrap();
        arena.finish(vec![rest]);
    });
}

/// A block of three words is freed, while another context wants one of them, gets the second if the first is not free yet, and
/// frees it.
///
/// Runs, and catches: as above, in the middle of a release.
#[test]
fn release_against_a_claim_of_what_is_free_already() {
    model(6, || {
        let arena = Arena::new(36);
        let [block] = arena.row([36]);
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(block)
        });
        if let Some(word) = arena.alloc(16) {
            assert!([0, 16].contains(&word.0.first));
            arena.free(word);
        }
        other.join().unwrap();
        arena.finish(vec![]);
    });
}

/// A block of one word is freed, while another context wants a single granule, and frees it.
///
/// Runs `close`, `find`, `claim`, `locate`, `end`.
/// Catches: a block that is being released and whose start passes for free.
#[test]
fn release_against_a_claim_of_its_start() {
    model(6, || {
        let arena = Arena::new(4);
        let [block] = arena.row([4]);
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(block)
        });
        if let Some(granule) = arena.alloc(1) {
            arena.free(granule);
        }
        other.join().unwrap();
        arena.finish(vec![]);
    });
}

/// Three neighbours are freed at once, of which the middle one ends in the middle of a word, and the first one with a word.
///
/// Runs `locate`, `end`, `close`, `clear`.
/// Catches: a block that ends where the next one is being released and is taken for one that goes on; a close or a clear by a
/// load and a store.
#[test]
fn neighbours_are_released() {
    model(3, || {
        let arena = Arena::new(40);
        let [first, middle, last] = arena.row([16, 20, 4]);
        let others = [first, middle].map(|block| {
            let arena = arena.clone();
            spawn(move || arena.free(block))
        });
        arena.free(last);
        others.into_iter().for_each(|other| other.join().unwrap());
        arena.finish(vec![]);
    });
}

/// The same, where the middle one is freed and somebody wants as much as it has.
///
/// Runs, and catches: as above, and what `release_against_a_claim_up_to_a_words_end` does.
#[test]
fn neighbours_are_released_and_taken() {
    model(2, || {
        let arena = Arena::new(32);
        let [first, middle, last] = arena.row([6, 14, 12]);
        let others = [first, middle].map(|block| {
            let arena = arena.clone();
            spawn(move || arena.free(block))
        });
        let taken = arena.alloc(14);
        others.into_iter().for_each(|other| other.join().unwrap());
        arena.free(last);
        arena.finish(taken.into_iter().collect());
    });
}

/// A block is freed twice at the same time: one of the two is wrong, and nothing else happens.
///
/// Runs `locate`, `close`, `wrong_free`.
/// Catches: no `close`; one that does not see which release was first.
/// Not here: a block that gets a new owner between a wrong free's look at it and its `close` is lost.
#[test]
fn release_against_release_of_one_block() {
    model(4, || {
        let arena = Arena::new(32);
        let [before, block, behind] = arena.row([10, 20, 2]);
        let span = arena.disown(block);
        let other = spawn({
            let arena = arena.clone();
            move || arena.deallocate(span)
        });
        arena.deallocate(span);
        other.join().unwrap();
        arena.finish_after(1, vec![before, behind]);
    });
}

/// Two blocks of one word are freed in two contexts, and a third takes all of it: it sees the last use of both, though the
/// newest change of the word is only one context's.
///
/// Runs `close`, `clear`, `claim`.
/// Catches: a clear that is not a Release, or a store; a claim that is not an Acquire.
#[test]
fn memory_of_two_is_handed_to_a_third() {
    model(3, || {
        let arena = Arena::new(8);
        let others = arena.row([4, 4]).map(|block| {
            let arena = arena.clone();
            spawn(move || arena.free(block))
        });
        let taken = arena.alloc(8);
        others.into_iter().for_each(|other| other.join().unwrap());
        arena.finish(taken.into_iter().collect());
    });
}

/// Two releases leave a hint that is behind one of them: the later one finds both all the same.
///
/// | A | B |
/// |---|---|
/// | finds the hint at 22 | |
/// | | stores 0 there, and frees 0 and 1 |
/// | stores 20 there, and frees 20 and 21 | |
///
/// Runs `clear`, `search`.
/// Catches: a search that does not begin anew at the start.
#[test]
fn a_hint_behind_what_is_free() {
    model(4, || {
        let arena = Arena::new(32);
        let [low, between, high, last, rest] = arena.row([2, 18, 2, 2, 8]);
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(low)
        });
        arena.free(high);
        other.join().unwrap();
        let again = [arena.must_alloc(2), arena.must_alloc(2)];
        arena.finish([between, last, rest].into_iter().chain(again).collect());
    });
}
