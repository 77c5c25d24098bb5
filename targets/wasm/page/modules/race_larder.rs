//! The race, on `larder`.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

type Subject = larder_web::subjects::Larder;

#[path = "shared/racer.rs"]
mod racer;
