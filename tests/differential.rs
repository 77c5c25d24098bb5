//! Random operations against the shadow model, in many configurations: the whole heap is verified
//! after every step.

mod shadow;
#[path = "differential/small.rs"]
mod small;
#[path = "differential/static_arenas.rs"]
mod static_arenas;

use larder::large::{Large, Segregated};
use larder::policy::{Policy, Spin, Try};
use larder::{Compact, Config, Defaults, Frugal};
use shadow::configs::{Apart, EveryClass, KeepsNothing, Reserving, Sparse};
use shadow::seeded::{Mix, action};
use shadow::{Door, Memory, Shadow};
use std::alloc::{GlobalAlloc, Layout};

/// Steps of one seed.
const STEPS: usize = 1500;

fn run<P: Policy, L: Large, C: Config>(bytes: usize, seeds: u64, mix: Mix) {
    let mut exhausted = 0;
    for seed in 0..seeds {
        let memory = Memory::new(bytes);
        let region = memory.region::<P, L, C>();
        let mut shadow = Shadow::new(&region, &memory);
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..STEPS {
            let action = action(&mut random, mix);
            if random.u32(..100) < mix.held_percent { shadow.step_while_held(action) } else { shadow.step(action) }
        }
        shadow.verify_all();
        exhausted += shadow.exhausted;
        shadow.finish();
    }
    assert!(exhausted > 0, "the mix never fills the heap: it proves nothing about exhaustion");
}

macro_rules! configurations {
    ($($name:ident: $policy:ty, $large:ty, $config:ty, $bytes:expr, $seeds:expr, $size:expr, $percent:expr;)*) => {
        $(
            #[test]
            fn $name() {
                run::<$policy, $large, $config>($bytes, $seeds, Mix { size: $size, alloc_percent: $percent, held_percent: 0 });
            }
        )*
    };
}

configurations! {
    one_kib: Spin, Segregated, Defaults, 1024, 60, 128, 55;
    one_kib_try: Try, Segregated, Defaults, 1024, 60, 128, 50;
    a_few_pages: Spin, Segregated, Defaults, 3000, 40, 300, 55;
    sixteen_kib_full: Spin, Segregated, Defaults, 16 * 1024, 20, 512, 70;
    sixty_four_kib: Spin, Segregated, Defaults, 64 * 1024, 12, 1024, 55;
    sixty_four_kib_try: Try, Segregated, Defaults, 64 * 1024, 8, 2048, 65;
    sparse_classes: Spin, Segregated, Sparse, 20_001, 20, 700, 60;
    reserved_pages: Spin, Segregated, Reserving, 16 * 1024, 20, 256, 60;
    keeps_nothing: Spin, Segregated, KeepsNothing, 16 * 1024, 20, 256, 60;
    a_mebibyte: Spin, Segregated, Defaults, 1024 * 1024, 2, 32 * 1024, 60;
    no_pools: Try, Segregated, Compact, 16 * 1024, 20, 300, 60;
    no_pools_in_one_kib: Spin, Segregated, Compact, 1024, 60, 128, 55;
    pools_in_a_quarter: Spin, Segregated, Frugal, 64 * 1024, 12, 256, 60;
    pools_in_a_quarter_of_a_few_pages: Try, Segregated, Frugal, 3000, 40, 128, 55;
    reserved_pages_behind_the_rest: Spin, Segregated, Apart, 16 * 1024, 20, 256, 60;
    every_class: Spin, Segregated, EveryClass, 16 * 1024, 20, 256, 60;
}

#[cfg(feature = "linked-list")]
mod linked_list {
    use super::*;
    use larder::large::LinkedList;

    configurations! {
        one_kib: Spin, LinkedList, Defaults, 1024, 40, 128, 50;
        a_few_pages: Try, LinkedList, Defaults, 3000, 40, 300, 55;
        sixteen_kib_full: Spin, LinkedList, Defaults, 16 * 1024, 20, 512, 70;
        sixty_four_kib: Spin, LinkedList, Defaults, 64 * 1024, 8, 1024, 60;
        sparse_classes: Spin, LinkedList, Sparse, 20_001, 20, 700, 60;
        a_mebibyte: Try, LinkedList, Defaults, 1024 * 1024, 1, 32 * 1024, 60;
        no_pools: Spin, LinkedList, Compact, 16 * 1024, 20, 300, 60;
    }
}

/// Every third call finds the large tier held, as one does that interrupted its holder.
fn run_interrupting<L: Large, C: Config>(bytes: usize) {
    run::<Door<Try>, L, C>(bytes, 20, Mix { size: 512, alloc_percent: 60, held_percent: 33 });
}

#[test]
fn interrupting_large_tier() {
    run_interrupting::<Segregated, Defaults>(16 * 1024);
    run_interrupting::<Segregated, Sparse>(3000);
    run_interrupting::<Segregated, Reserving>(16 * 1024);
    run_interrupting::<Segregated, Apart>(16 * 1024);
    run_interrupting::<Segregated, KeepsNothing>(8 * 1024);
}

#[cfg(feature = "linked-list")]
#[test]
fn interrupting_the_linked_list() {
    run_interrupting::<larder::large::LinkedList, Defaults>(16 * 1024);
    run_interrupting::<larder::large::LinkedList, KeepsNothing>(3000);
}

/// `largest_free_bytes` is what can be had, and the most that can be had.
fn the_largest_request_is_served<C: Config>(bytes: usize, mix: Mix) {
    for seed in 0..200 {
        let memory = Memory::new(bytes);
        let region = memory.region::<Try, Segregated, C>();
        let mut shadow = Shadow::new(&region, &memory);
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..random.usize(10..400) {
            shadow.step(action(&mut random, mix));
        }
        let stats = region.stats();
        let largest = stats.largest_free_bytes;
        let layout = |bytes| Layout::from_size_align(bytes, 8).unwrap();
        // SAFETY: no size is zero.
        unsafe {
            assert!(region.alloc(layout(largest + 1)).is_null(), "seed {seed}\n{stats}");
            assert!(largest == 0 || !region.alloc(layout(largest)).is_null(), "seed {seed}\n{stats}");
        }
    }
}

#[test]
fn the_largest_request_of_any_heap_is_served() {
    let large = Mix { size: 512, alloc_percent: 60, held_percent: 0 };
    let small = Mix { size: 64, alloc_percent: 90, held_percent: 0 };
    for mix in [large, small] {
        the_largest_request_is_served::<Defaults>(16 * 1024, mix);
        the_largest_request_is_served::<Defaults>(1024, mix);
        the_largest_request_is_served::<Compact>(16 * 1024, mix);
        the_largest_request_is_served::<Frugal>(16 * 1024, mix);
        the_largest_request_is_served::<Sparse>(16 * 1024, mix);
        the_largest_request_is_served::<Reserving>(16 * 1024, mix);
    }
}

/// Where one page more needs a word more in every index, the arena's last bytes are nobody's: around that
/// border the large tier once handed out a page that the tables did not know.
#[test]
fn arenas_around_a_word_of_the_index() {
    for bytes in (8 * 1024..10 * 1024).step_by(8) {
        let memory = Memory::new(bytes);
        let region = memory.region::<Try, Segregated, Defaults>();
        let mut shadow = Shadow::new(&region, &memory);
        let mut random = fastrand::Rng::with_seed(bytes as u64);
        for _ in 0..400 {
            shadow.step(action(&mut random, Mix { size: 64, alloc_percent: 90, held_percent: 0 }));
        }
        shadow.finish();
    }
}
