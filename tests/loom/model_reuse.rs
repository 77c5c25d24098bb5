//! Pages that change hands: retired, taken by another class, still held by somebody as a hint.

use crate::arena::{Arena, Block, Small};
use crate::pools::Pools;
use crate::{model, tick};
use loom::thread::spawn;

/// A context that holds a page as its class's current one, while the page is retired and serves
/// another class: it gives back what it claimed there, and nobody has lost anything.
///
/// | A | B |
/// |---|---|
/// | reads hint: page 1 | frees the page's last block, retires it, publishes it for 64 bytes |
/// | claims from page 1, reads the owner: not its class, gives back | |
///
/// Runs `claim_first`, `give_stray`, `retire`, `slots`, `open`.
/// Catches: a claim that does not read the owner, or reads it before; one that is not an Acquire; a
/// publication that is not a Release; a stray block that is not given back.
#[test]
fn retire_against_a_stale_hint() {
    model(6, || {
        let arena = Arena::<Small<0, 1>>::new(2);
        let last = arena.must_alloc(128);
        let other = spawn({
            let arena = arena.clone();
            move || {
                arena.free(last);
                arena.alloc(64)
            }
        });
        let mine = arena.alloc(128);
        let theirs = other.join().unwrap();
        arena.finish([mine, theirs].map(|block| block.expect("there is room")).into());
    });
}

/// As above, and B frees its block again at once: the page is empty but for the block that A claimed
/// by mistake, so it is A that has to see it empty.
///
/// Catches: a block given back without the check for an empty page.
#[test]
fn a_stray_claim_hides_an_empty_page() {
    model(4, || {
        let arena = Arena::<Small<0, 1>>::new(2);
        let last = arena.must_alloc(64);
        let other = spawn({
            let arena = arena.clone();
            move || {
                arena.free(last);
                let block = arena.must_alloc(128);
                arena.free(block);
            }
        });
        let mine = arena.must_alloc(64);
        other.join().unwrap();
        arena.finish(vec![mine]);
    });
}

/// A page is taken for retirement while its last block is freed, and while another is allocated.
///
/// Runs `Pools::retire`, `release`, `emptied`, `allocate`.
/// Catches: a retirement by a load and a store, and one that is not an Acquire (the page's next owner would meet the last user).
#[test]
fn retire_against_free_and_alloc() {
    model(6, || {
        let arena = Arena::<Small<1, 1>>::new(2);
        let last = arena.must_alloc(128);
        let first = last.page();
        let free = spawn({
            let arena = arena.clone();
            move || arena.free(last)
        });
        let alloc = spawn({
            let arena = arena.clone();
            move || arena.must_alloc(128)
        });
        tick();
        if Pools(arena.heap).retire(first) {
            let page = arena.own_page(first);
            arena.surrender_page(page);
        }
        free.join().unwrap();
        let block = alloc.join().unwrap();
        arena.finish(vec![block]);
    });
}

/// A retirement that read the page's old class meets the page in its new one, whose free blocks happen
/// to be all that the old class has: it looks at the owner once more and gives them back.
///
/// Runs `Pools::retire` with `give`, `claim_first`, `release`, `open`.
/// Catches: a retirement that does not read the owner again.
#[test]
fn retire_against_a_page_of_another_class_with_the_same_free_blocks() {
    model(6, || {
        let arena = Arena::<Small<0, 1>>::new(2);
        let old = arena.must_alloc(128);
        let first = old.page();
        let other = spawn({
            let arena = arena.clone();
            move || {
                arena.free(old);
                // Four blocks of 64 bytes, the first and the third of them free: both of 128 bytes.
                let mut blocks: Vec<Block> = (0..4).filter_map(|_| arena.alloc(64)).collect();
                if blocks.len() == 4 && blocks.iter().all(|block| block.page() == first) {
                    arena.free(blocks.remove(0));
                    arena.free(blocks.remove(1));
                }
                blocks
            }
        });
        tick();
        if Pools(arena.heap).retire(first) {
            let page = arena.own_page(first);
            arena.surrender_page(page);
        }
        let live = other.join().unwrap();
        arena.finish(live);
    });
}

/// The same between the default's classes of 16 and of 8 bytes, whose masks are 0x5555_5555 and all
/// ones: the page is already the other class's, and only the retirement's first look is old.
///
/// Runs `page::{publish, release, retire}`; the second look of `Pools::retire` is written out.
/// Catches: a retirement that is not an Acquire, and would see an owner older than the bits.
#[test]
fn the_mask_of_16_bytes_as_a_state_of_a_page_of_8() {
    use crate::pools::page;
    use crate::sync::{AtomicU8, AtomicU32, Ordering::*};
    model(6, || {
        let page = std::sync::Arc::new((AtomicU32::new(0x5555_5555), AtomicU8::new(2)));
        let other = spawn({
            let page = page.clone();
            move || {
                tick();
                // The page is emptied of class 2 and published for class 1, whose even blocks are free.
                if page::retire(&page.0, 0x5555_5555) {
                    page.1.store(9, Relaxed);
                    page::publish(&page.0, &page.1, 1, u32::MAX);
                    page.0.fetch_and(0x5555_5554, Relaxed);
                    page::release(&page.0, 1);
                }
            }
        });
        tick();
        let class = page.1.load(Relaxed);
        if class == 2 && page::retire(&page.0, 0x5555_5555) {
            let seen = page.1.load(Relaxed);
            assert!(seen == 2 || seen == 1, "the owner is as new as the bits");
            if seen == 1 {
                page::release(&page.0, 0x5555_5555);
            }
        }
        other.join().unwrap();
    });
}
