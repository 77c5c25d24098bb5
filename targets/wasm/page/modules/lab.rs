//! The page's main module: larder under changing workloads.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

use alloc::string::String;
use alloc::vec::Vec;
use larder_web::lab::Lab as Inner;
use larder_web::mixer::Mixer;
use larder_web::op::Op;
use larder_web::picture::{CLASSES, COLOURS};
use larder_web::runner::Done;
use larder_web::view::View;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
pub struct Lab(Inner);

/// The block sizes that have a colour.
#[wasm_bindgen]
pub fn classes() -> Vec<u32> {
    CLASSES.iter().map(|&bytes| bytes as u32).collect()
}

/// How many colours a palette has.
#[wasm_bindgen]
pub fn colours() -> u32 {
    COLOURS as u32
}

#[wasm_bindgen]
impl Lab {
    #[wasm_bindgen(constructor)]
    pub fn new(arena_bytes: u32, seed: u32) -> Lab {
        Lab(Inner::new(arena_bytes, seed))
    }

    pub fn set_weight(&mut self, program: usize, weight: u32) {
        self.0.mixer.set_weight(program, weight);
    }

    pub fn set_fill(&mut self, percent: u32) {
        self.0.mixer.set_fill(percent);
    }

    pub fn run(&mut self, ops: u32) -> u32 {
        self.0.run(ops)
    }

    /// One call: what was asked (1 alloc, 2 resize, 3 free; 0 nothing), what came of it (1 served, 2 freed, 3 refused, 4
    /// skipped), offset and bytes.
    pub fn step(&mut self) -> Vec<u32> {
        let Some((op, done)) = self.0.step() else { return alloc::vec![0; 4] };
        let asked = match op {
            Op::Alloc { .. } => 1,
            Op::Resize { .. } => 2,
            Op::Free { .. } => 3,
        };
        let [what, offset, bytes] = match done {
            Done::Served { offset, bytes } => [1, offset, bytes],
            Done::Freed { offset, bytes } => [2, offset, bytes],
            Done::Refused { bytes } => [3, 0, bytes],
            Done::Skipped => [4, 0, 0],
        };
        alloc::vec![asked, what, offset, bytes]
    }

    /// What the heap holds, in the order of `COUNTERS` in the page's script; and for each class its blocks' size, pages, empty
    /// pages, live blocks and free blocks.
    pub fn counters(&self) -> Vec<f64> {
        let stats = self.0.stats();
        let counts = &self.0.runner.counts;
        let bytes = [
            stats.arena_bytes,
            stats.metadata_bytes,
            stats.live_bytes,
            stats.live_large_bytes,
            stats.free_bytes,
            stats.waste_bytes,
            stats.largest_free_bytes,
            stats.free_runs,
            stats.committed_peak_bytes.unwrap_or(0),
        ];
        let calls =
            [stats.refills, stats.refused, stats.wrong_frees, self.0.requested_bytes(), counts.calls, counts.damaged];
        let classes = stats
            .classes()
            .iter()
            .flat_map(|row| [row.block_bytes, row.pages, row.pages_empty, row.blocks_live, row.blocks_free]);
        let bytes = bytes.into_iter().map(|number| number as f64);
        bytes.chain(calls.into_iter().map(f64::from)).chain(classes.map(|number| number as f64)).collect()
    }

    pub fn set_view(&mut self, side: u32, tiles: u32, tile: u32, column: u32, row: u32) {
        self.0.picture.set_view(View { side, tiles, tile, column, row });
    }

    pub fn set_palette(&mut self, colours: &[u32]) {
        self.0.picture.set_palette(colours);
    }

    /// Draws the map, and says where its pixels are.
    pub fn draw(&mut self) -> *const u32 {
        self.0.draw();
        self.0.picture.pixels().as_ptr()
    }

    /// Every piece of the arena, six numbers each: see `lab::Row`.
    pub fn pieces(&self) -> Vec<u32> {
        self.0.pieces()
    }

    pub fn piece_at(&self, offset: u32) -> Vec<u32> {
        self.0.piece_at(offset).map_or(Vec::new(), Vec::from)
    }

    /// From now on, drawing notes what lies at an offset.
    pub fn watch(&mut self, offset: u32) {
        self.0.watch(offset);
    }

    /// What lay there when the map was drawn.
    pub fn watched(&self) -> Vec<u32> {
        self.0.watched().map_or(Vec::new(), Vec::from)
    }

    pub fn double_free(&mut self) -> Vec<String> {
        self.0.double_free()
    }

    pub fn wrong_pointers(&mut self) -> Vec<String> {
        self.0.wrong_pointers()
    }

    pub fn exhaust(&mut self, take: bool) -> Vec<String> {
        self.0.exhaust(take)
    }

    pub fn leak(&mut self, blocks: u32) {
        self.0.leak(blocks);
    }

    pub fn leaked(&self) -> u32 {
        self.0.leaked()
    }

    pub fn mend(&mut self) -> Vec<String> {
        self.0.mend()
    }
}

/// Writes down what programs ask for, for the race.
#[wasm_bindgen]
pub struct Tracer(Mixer);

#[wasm_bindgen]
impl Tracer {
    #[wasm_bindgen(constructor)]
    pub fn new(arena_bytes: u32, seed: u32, fill_percent: u32, weights: &[u32]) -> Tracer {
        let mut mixer = Mixer::new(arena_bytes, seed);
        mixer.set_fill(fill_percent);
        weights.iter().enumerate().for_each(|(program, &weight)| mixer.set_weight(program, weight));
        Tracer(mixer)
    }

    /// So many calls, two numbers each.
    pub fn write(&mut self, ops: u32) -> Vec<u32> {
        (0..ops).map_while(|_| self.0.next_op()).flat_map(|op| op.pack()).collect()
    }
}
