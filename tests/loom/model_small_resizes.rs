//! Resizes of a small heap, in place and not, that meet other calls.

use crate::model;
use crate::small_arena::Arena;
use loom::thread::spawn;

/// A block grows while another context takes some of what is behind it: one of them has to go elsewhere. Nobody is refused.
///
/// Runs `reallocate`, `move_end`, `claim` for granules that go on, `search`.
/// Catches: a growth that keeps what it took before it met the other; a claim by a load and a store.
#[test]
fn growth_against_a_claim() {
    model(3, || {
        let arena = Arena::new(56);
        let [block] = arena.row([14]);
        let other = spawn({
            let arena = arena.clone();
            move || arena.alloc(4)
        });
        let grown = arena.resize(block, 20);
        let theirs = other.join().unwrap();
        arena.finish(vec![grown.ok().expect("there is room"), theirs.expect("there is room")]);
    });
}

/// A block grows, up to a word's end, while the one behind it is freed, which has a part in the word behind that: it grows in place, or moves. When it is
/// freed, it ends where it does.
///
/// Runs, and catches: as above, and a claim that is not an Acquire, a clear that goes upwards or is not a Release.
#[test]
fn growth_against_a_release_behind() {
    model(2, || {
        let arena = Arena::new(36 + 32);
        let [block, behind] = arena.row([14, 22]);
        let other = spawn({
            let arena = arena.clone();
            move || arena.free(behind)
        });
        let grown = arena.resize(block, 32).ok().expect("there is room");
        arena.free(grown);
        other.join().unwrap();
        arena.finish(vec![]);
    });
}

/// A block shrinks from three words to a part of one, while another context wants one of those words, and frees it.
///
/// Runs `move_end`, `clear`, `claim`, `locate`, `end`.
/// Catches: a clear that goes upwards, or is not a Release; a claim that is not an Acquire.
#[test]
fn shrinking_against_a_claim() {
    model(3, || {
        let arena = Arena::new(36);
        let [block] = arena.row([36]);
        let other = spawn({
            let arena = arena.clone();
            move || {
                if let Some(word) = arena.alloc(16) {
                    arena.free(word);
                }
            }
        });
        let block = arena.resize(block, 10).ok().unwrap();
        arena.free(block);
        other.join().unwrap();
        arena.finish(vec![]);
    });
}

/// A block shrinks and wants its old length again, for which there is room nowhere else, while another context has some of that for a
/// while: it gets it, or is as before.
///
/// Runs, and catches: as above, and a growth that was refused and keeps some.
#[test]
fn shrinking_and_growing_against_a_claim() {
    model(2, || {
        let arena = Arena::new(36);
        let [block] = arena.row([36]);
        let other = spawn({
            let arena = arena.clone();
            move || {
                if let Some(taken) = arena.alloc(16) {
                    arena.free(taken);
                }
            }
        });
        let block = arena.resize(block, 10).ok().unwrap();
        let block = arena.resize(block, 36).unwrap_or_else(|same| same);
        other.join().unwrap();
        arena.finish(vec![block]);
    });
}
