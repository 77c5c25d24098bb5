//! Children that are forked while other threads are in the middle of calls of the heap: what `examples/fork.rs` does about that.

#![cfg(all(unix, not(any(loom, miri))))]

#[allow(dead_code, reason = "the example's own beginning")]
#[path = "../examples/fork.rs"]
mod example;

use example::unix::{fork_repeatedly, prepare_for_forks};

const CHILDREN: usize = 300;

/// Without the handlers, or with the policy `Spin`, some of them wait for ever, until they are stopped.
#[test]
fn each_child_has_a_heap_that_nobody_is_in() {
    // A backtrace takes more memory than this heap has.
    std::panic::set_hook(Box::new(|info| eprintln!("{info}")));
    prepare_for_forks();
    assert_eq!(fork_repeatedly(CHILDREN), CHILDREN);
}
