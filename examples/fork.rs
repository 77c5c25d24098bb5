//! A program that forks while its threads allocate.
//!
//! A child has its parent's memory, but of its threads only the one that called `fork`. If another was in the heap's large tier, it never leaves
//! it in the child: a request there waits for ever ([`Spin`](larder::policy::Spin)) or is refused ([`Patient`](larder::policy::Patient),
//! [`Try`](larder::policy::Try)). So nobody may be in there when the process is copied. Here the heap's policy has a lock that the
//! program knows: `pthread_atfork` has it taken before each fork, and released on both sides.

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
fn main() {
    unix::main();
}

/// The policy, and what shows that it works.
#[cfg(unix)]
pub mod unix {
    use larder::{Defaults, Heap, policy::Policy};
    use std::sync::atomic::{AtomicBool, Ordering::*};

    #[global_allocator]
    static HEAP: Heap<{ 8 << 20 }, Defaults, Forkable> = Heap::new();

    /// One lock for the large tiers of all heaps with this policy. As `Spin`, it is not for signal handlers.
    pub struct Forkable;

    static IS_HELD: AtomicBool = AtomicBool::new(false);

    extern "C" fn lock() {
        // Acquire: pairs with the Release in `unlock`.
        while IS_HELD.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
            // The holder may need this thread's core.
            std::thread::yield_now();
        }
    }

    extern "C" fn unlock() {
        // Release: pairs with the Acquire in `lock`.
        IS_HELD.store(false, Release);
    }

    // SAFETY: only the context that turns the flag from false to true runs `f`, once, and it stays true until `f` is
    // done. There is no state for each heap.
    unsafe impl Policy for Forkable {
        type Lock = ();

        const WAITS: bool = true;

        fn enter<R>((): &(), f: impl FnOnce() -> R) -> Option<R> {
            lock();
            let result = f();
            unlock();
            Some(result)
        }
    }

    /// From here on, nobody is in a large tier while the process is copied. Call it once, before the first fork.
    pub fn prepare_for_forks() {
        // SAFETY: the thread that forks takes the lock, and itself releases it, in the parent and as the child's only one.
        let error = unsafe { libc::pthread_atfork(Some(lock), Some(unlock), Some(unlock)) };
        assert_eq!(error, 0, "there is no memory for the handlers");
    }

    /// Allocates blocks of all sizes, and verifies what they hold.
    pub fn work() {
        let blocks: Vec<Vec<u8>> = (0..40).map(|at| vec![at as u8; [8, 64, 200, 5000][at % 4]]).collect();
        for (at, block) in blocks.iter().enumerate() {
            assert!(block.iter().all(|&byte| byte == at as u8));
        }
    }

    /// Forks so often, while other threads work, or until a child can not work as well. Returns how many could.
    pub fn fork_repeatedly(children: usize) -> usize {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    while !is_over.load(Relaxed) {
                        work();
                    }
                });
            }
            let ended_well = (0..children).take_while(|_| fork_once()).count();
            is_over.store(true, Relaxed);
            ended_well
        })
    }

    /// A child that waits for ever is stopped after some seconds.
    fn fork_once() -> bool {
        // SAFETY: the child only uses the heap, and ends without what a program does at its end.
        let child = unsafe { libc::fork() };
        assert!(child >= 0, "there can be no more processes");
        if child == 0 {
            // SAFETY: it has no handler, and nothing that is to be done at its end.
            unsafe { libc::alarm(20) };
            (0..20).for_each(|_| work());
            // SAFETY: the same.
            unsafe { libc::_exit(0) };
        }
        let mut status = 0;
        // SAFETY: the child is ours, and `status` is there for as long as it takes.
        let ended = unsafe { libc::waitpid(child, &raw mut status, 0) };
        ended == child && status == 0
    }

    pub(super) fn main() {
        prepare_for_forks();
        let ended_well = fork_repeatedly(50);
        println!("{ended_well} of 50 children had a heap; {} bytes of the parent's are live", HEAP.stats().live_bytes);
        assert_eq!(ended_well, 50);
    }
}
