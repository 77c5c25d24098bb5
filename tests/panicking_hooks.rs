//! A heap never unwinds: what the program gives it to call ends the program when it panics. Each case runs in a process of its own, the same
//! test again, which a variable tells.

#![cfg(not(any(loom, miri)))]

use larder::{Config, Emergency, Event, Heap, OutOfMemory, Region, policy::Try};
use std::alloc::{GlobalAlloc, Layout};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;

const CHILD: &str = "LARDER_TEST_CHILD";
const CALLED: &str = "the program's own function was called";
const RETURNED: &str = "the call returned, or unwound";

type Subject<C> = Heap<4096, C, Try>;

/// Runs `call` in a process of its own, which has to end in its middle.
fn aborts(test: &str, call: impl FnOnce()) {
    if std::env::var_os(CHILD).is_some() {
        _ = catch_unwind(AssertUnwindSafe(call));
        println!("{RETURNED}");
        return;
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child.args([test, "--exact", "--nocapture"]).env(CHILD, "1").output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(text.contains(CALLED) && !text.contains(RETURNED), "{text}");
    assert!(!output.status.success(), "{}: {text}", output.status);
}

fn fill<C: Config>(heap: &Subject<C>, layout: Layout) {
    // SAFETY: the size is not zero.
    while !unsafe { heap.alloc(layout) }.is_null() {}
}

#[test]
fn when_it_is_told_of_a_refusal() {
    struct Told;
    impl Config for Told {
        const ON_EVENT: Option<fn(Event)> = Some(|event| {
            if let Event::Refused { .. } = event {
                panic!("{CALLED}");
            }
        });
    }
    aborts("when_it_is_told_of_a_refusal", || fill(&Subject::<Told>::new(), Layout::new::<[u64; 20]>()));
}

#[test]
fn when_it_is_told_of_a_wrong_free() {
    struct Told;
    impl Config for Told {
        const ON_EVENT: Option<fn(Event)> = Some(|event| {
            if let Event::WrongFree(_) = event {
                panic!("{CALLED}");
            }
        });
    }
    // SAFETY: the address is no block's, which the heap finds.
    let free = || unsafe { Subject::<Told>::new().dealloc(std::ptr::without_provenance_mut(64), Layout::new::<u64>()) };
    aborts("when_it_is_told_of_a_wrong_free", free);
}

#[test]
fn when_memory_runs_out() {
    struct Asked;
    impl Config for Asked {
        const ON_OUT_OF_MEMORY: Option<fn(OutOfMemory) -> Emergency> = Some(|_| panic!("{CALLED}"));
    }
    aborts("when_memory_runs_out", || fill(&Subject::<Asked>::new(), Layout::new::<[u64; 20]>()));
}

#[test]
fn when_it_is_asked_for_the_home() {
    struct Lost;
    impl Config for Lost {
        fn home() -> usize {
            panic!("{CALLED}");
        }
    }
    aborts("when_it_is_asked_for_the_home", || {
        let region = Region::<Lost, Try>::new();
        let memory = Box::leak(vec![0_u8; 4096].into_boxed_slice());
        // SAFETY: the memory is nobody else's, for ever; the size is not zero.
        unsafe {
            region.claim(memory.as_mut_ptr(), memory.len()).unwrap();
            region.alloc(Layout::new::<u64>());
        }
    });
}
