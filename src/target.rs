//! What kind of target the library is built for, said once: what depends on it asks here.

/// Chooses between items: the first are for a wasm module with one thread, which nothing interrupts, the others for all
/// else. That is a module without an operating system (`wasm32-unknown-unknown`, `wasm32v1-none`) whose memory is not
/// shared. Systems count as having threads: whether a module of theirs has can't be told, because their compiler need
/// not show the feature `atomics`.
macro_rules! if_one_thread {
    ({ $($one:item)* } else { $($several:item)* }) => {
        $(
            #[cfg(all(
                target_arch = "wasm32",
                any(target_os = "none", target_os = "unknown"),
                not(target_feature = "atomics")
            ))]
            $one
        )*
        $(
            #[cfg(not(all(
                target_arch = "wasm32",
                any(target_os = "none", target_os = "unknown"),
                not(target_feature = "atomics")
            )))]
            $several
        )*
    };
}
