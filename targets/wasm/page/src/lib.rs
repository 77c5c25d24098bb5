//! What runs behind the browser demo.
//!
//! ```text
//!   mixer      workloads ──► world (their books) ──► ops: the same for every allocator, whatever it answers
//!   runner     ops ──► a subject (an allocator over one arena), and the live blocks that it knows of
//!   picture    pieces of an arena ──► pixels
//!   lab        larder under a mixer: run, count, draw, break
//!   racer      any subject under the same mixer: run, count, draw
//! ```
//!
//! The modules in `modules/` only hand these to JavaScript.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

pub mod arena;
pub mod breaks;
pub mod lab;
pub mod mixer;
pub mod op;
pub mod picture;
pub mod racer;
pub mod runner;
pub mod subjects;
pub mod view;
pub mod workloads;
pub mod world;

#[cfg(target_arch = "wasm32")]
mod module {
    /// The module's own memory, arenas included.
    #[global_allocator]
    static OWN: larder::wasm::Heap = larder::wasm::Heap::new();

    #[panic_handler]
    fn panic(_: &core::panic::PanicInfo) -> ! {
        core::arch::wasm32::unreachable()
    }
}
