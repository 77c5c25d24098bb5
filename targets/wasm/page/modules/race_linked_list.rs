//! The race, on `linked_list_allocator`.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

type Subject = larder_web::subjects::LinkedList;

#[path = "shared/racer.rs"]
mod racer;
