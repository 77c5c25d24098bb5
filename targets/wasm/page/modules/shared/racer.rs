//! A racer, for JavaScript. Each module of the race is this on a subject of its own.

use super::Subject;
use alloc::boxed::Box;
use larder_web::racer::Racer as Inner;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub struct Racer(Inner<Subject>);

#[wasm_bindgen]
impl Racer {
    #[wasm_bindgen(constructor)]
    pub fn new(arena_bytes: u32, side: u32) -> Racer {
        Racer(Inner::new(arena_bytes, side))
    }

    /// Takes the next part of a trace: nothing of that is the subject's time.
    pub fn prepare(&mut self, trace: &[u32]) {
        self.0.prepare(trace);
    }

    /// Runs it.
    pub fn run(&mut self) {
        self.0.run();
    }

    /// Calls, refused ones, damaged blocks, live bytes as asked for, the largest block that can be had.
    pub fn figures(&mut self) -> Box<[u32]> {
        let counts = self.0.runner.counts;
        let largest = self.0.runner.largest_free();
        [counts.calls, counts.refused, counts.damaged, counts.requested_bytes, largest].into()
    }

    pub fn set_palette(&mut self, colours: &[u32]) {
        self.0.picture.set_palette(colours);
    }

    /// Draws the map, and says where its pixels are.
    pub fn draw(&mut self) -> *const u32 {
        self.0.draw();
        self.0.picture.pixels().as_ptr()
    }
}
