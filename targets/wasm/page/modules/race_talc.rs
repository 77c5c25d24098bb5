//! The race, on `talc`.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

type Subject = larder_web::subjects::Talc;

#[path = "shared/racer.rs"]
mod racer;
