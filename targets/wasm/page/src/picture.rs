//! The map: pieces of an arena become pixels.
//!
//! Where tiles are large enough, every 8 bytes are a cell of their own colour, and a block's first cell has a darker edge. Where they are not,
//! a tile has the mean of its bytes' colours.

use crate::view::{CELL_BYTES, CELLS, TILE_BYTES, View};
use alloc::vec::Vec;
use larder::{Config, Defaults, Holds};

/// The sizes that have a colour of their own; larder's own classes.
pub const CLASSES: &[usize] = Defaults::CLASSES;

/// A colour of the palette.
pub type Colour = usize;
pub const FREE: Colour = 0;
pub const LARGE: Colour = 1;
pub const TABLES: Colour = 2;
/// An empty page that waits.
pub const SPARE: Colour = 3;
pub const UNKNOWN: Colour = 4;
/// Then the classes' live blocks, and behind them their free ones.
const FIRST_CLASS: Colour = 5;
/// How many colours there are.
pub const COLOURS: usize = FIRST_CLASS + 2 * CLASSES.len();

/// The smallest tile, in pixels, whose blocks have an edge; and whose sides have one.
const EDGED_BLOCKS: u32 = 16;
const EDGED_TILES: u32 = 32;

/// The colour of a class's live blocks; of its free ones.
fn class_colours(block_bytes: u32) -> (Colour, Colour) {
    let class = CLASSES.iter().position(|&bytes| bytes as u32 >= block_bytes).unwrap_or(CLASSES.len() - 1);
    (FIRST_CLASS + class, FIRST_CLASS + CLASSES.len() + class)
}

/// The colour of a live block of any allocator, by its size.
pub fn size_colour(bytes: u32) -> Colour {
    if bytes as usize > CLASSES[CLASSES.len() - 1] { LARGE } else { class_colours(bytes).0 }
}

pub struct Picture {
    view: View,
    palette: [u32; COLOURS],
    pixels: Vec<u32>,
    /// Sums of red, green and blue over a seen tile's bytes, where tiles have no cells.
    sums: Vec<[u32; 3]>,
}

impl Picture {
    pub fn new(view: View) -> Self {
        let mut picture = Self { view, palette: [0; COLOURS], pixels: Vec::new(), sums: Vec::new() };
        picture.set_view(view);
        picture
    }

    pub fn set_view(&mut self, view: View) {
        self.view = view;
        self.pixels.clear();
        self.pixels.resize((view.side * view.side) as usize, 0);
    }

    /// Colours as red, green, blue and opacity, the first lowest.
    pub fn set_palette(&mut self, colours: &[u32]) {
        for (own, colour) in self.palette.iter_mut().zip(colours) {
            *own = *colour;
        }
    }

    pub fn pixels(&self) -> &[u32] {
        &self.pixels
    }

    /// Begins a new picture.
    pub fn begin(&mut self) {
        if !self.view.shows_cells() {
            self.sums.clear();
            self.sums.resize((self.view.seen() * self.view.seen()) as usize, [0; 3]);
        }
    }

    /// Finishes it.
    pub fn end(&mut self) {
        if self.view.shows_cells() {
            return;
        }
        let (seen, tile) = (self.view.seen(), self.view.tile);
        for at in 0..self.sums.len() {
            let [red, green, blue] = self.sums[at].map(|sum| sum / TILE_BYTES);
            let colour = red | green << 8 | blue << 16 | 0xFF00_0000;
            let (column, row) = (at as u32 % seen, at as u32 / seen);
            self.paint(column * tile, row * tile, tile, tile, colour);
        }
    }

    /// A piece of larder's arena, `start` bytes behind its beginning.
    pub fn piece(&mut self, start: u32, bytes: u32, holds: Holds) {
        match holds {
            Holds::Page { block_bytes, blocks, live } => self.page(start, bytes, block_bytes as u32, blocks, live),
            Holds::Large => self.block(start, bytes, LARGE),
            Holds::Free => self.fill(start, bytes, FREE),
            Holds::Spare => self.fill(start, bytes, SPARE),
            Holds::Tables => self.fill(start, bytes, TABLES),
            _ => self.fill(start, bytes, UNKNOWN),
        }
    }

    /// A page of the pools.
    fn page(&mut self, start: u32, bytes: u32, block_bytes: u32, blocks: u32, live: u32) {
        let (of_live, of_free) = class_colours(block_bytes);
        if live == 0 {
            return self.fill(start, bytes, SPARE);
        }
        if !self.view.shows_cells() {
            let live_bytes = live.count_ones() * block_bytes;
            self.add(start, live_bytes, of_live);
            // All of the page has one place in such a picture.
            self.add(start, TILE_BYTES - live_bytes, of_free);
            return self.fill(start + TILE_BYTES, bytes - TILE_BYTES, of_free);
        }
        self.fill(start, bytes, of_free);
        for bit in (0..32).filter(|bit| (blocks >> bit) & 1 != 0) {
            let colour = if (live >> bit) & 1 != 0 { of_live } else { of_free };
            self.block(start + bit * CELL_BYTES, block_bytes, colour);
        }
    }

    /// A block: its beginning is marked, where there is room.
    pub fn block(&mut self, start: u32, bytes: u32, colour: Colour) {
        self.fill(start, bytes, colour);
        if self.view.tile >= EDGED_BLOCKS
            && let Some((x, y)) = self.corner(start)
        {
            let height = self.view.tile / CELLS.1;
            let width = (self.view.tile / 32).max(1);
            self.paint(x, y, width, height, darker(self.palette[colour]));
            self.edge_tile(start);
        }
    }

    /// As `block`, where the picture already has free bytes.
    pub fn over(&mut self, start: u32, bytes: u32, colour: Colour) {
        if !self.view.shows_cells() {
            self.subtract_free(start, bytes);
        }
        self.block(start, bytes, colour);
    }

    fn subtract_free(&mut self, start: u32, bytes: u32) {
        let mut at = start;
        while at < start + bytes {
            let until = ((at / TILE_BYTES + 1) * TILE_BYTES).min(start + bytes);
            if let Some((column, row)) = self.view.place(at / TILE_BYTES) {
                let colour = self.palette[FREE];
                let sum = &mut self.sums[(row * self.view.seen() + column) as usize];
                for (channel, sum) in sum.iter_mut().enumerate() {
                    *sum -= (until - at) * (colour >> (8 * channel) & 0xFF);
                }
            }
            at = until;
        }
    }

    /// Bytes of one colour.
    pub fn fill(&mut self, start: u32, bytes: u32, colour: Colour) {
        let end = start + bytes;
        let mut at = start;
        while at < end {
            let next = (at / TILE_BYTES + 1) * TILE_BYTES;
            let until = next.min(end);
            if self.view.shows_cells() {
                self.fill_cells(at, until, colour);
            } else {
                self.add(at, until - at, colour);
            }
            at = until;
        }
    }

    /// Part of one tile, as cells.
    fn fill_cells(&mut self, start: u32, end: u32, colour: Colour) {
        let Some((column, row)) = self.view.place(start / TILE_BYTES) else { return };
        let (width, height) = (self.view.tile / CELLS.0, self.view.tile / CELLS.1);
        let (left, top) = (column * self.view.tile, row * self.view.tile);
        let first = start % TILE_BYTES / CELL_BYTES;
        let last = first + (end - start).div_ceil(CELL_BYTES);
        let mut cell = first;
        while cell < last {
            // As much of one row of cells as there is.
            let until = ((cell / CELLS.0 + 1) * CELLS.0).min(last);
            let (x, y) = (left + cell % CELLS.0 * width, top + cell / CELLS.0 * height);
            self.paint(x, y, (until - cell) * width, height, self.palette[colour]);
            cell = until;
        }
        self.edge_tile(start);
    }

    /// Sets a large tile apart from its neighbours.
    fn edge_tile(&mut self, start: u32) {
        if self.view.tile < EDGED_TILES {
            return;
        }
        if let Some((column, row)) = self.view.place(start / TILE_BYTES) {
            let (tile, colour) = (self.view.tile, self.palette[FREE]);
            self.paint((column + 1) * tile - 1, row * tile, 1, tile, colour);
            self.paint(column * tile, (row + 1) * tile - 1, tile, 1, colour);
        }
    }

    /// Part of one tile, as a share of its colour.
    fn add(&mut self, start: u32, bytes: u32, colour: Colour) {
        if let Some((column, row)) = self.view.place(start / TILE_BYTES) {
            let colour = self.palette[colour];
            let sum = &mut self.sums[(row * self.view.seen() + column) as usize];
            for (channel, sum) in sum.iter_mut().enumerate() {
                *sum += bytes * (colour >> (8 * channel) & 0xFF);
            }
        }
    }

    /// Where the cell of an offset begins.
    fn corner(&self, start: u32) -> Option<(u32, u32)> {
        let (column, row) = self.view.place(start / TILE_BYTES)?;
        let cell = start % TILE_BYTES / CELL_BYTES;
        let x = column * self.view.tile + cell % CELLS.0 * (self.view.tile / CELLS.0);
        let y = row * self.view.tile + cell / CELLS.0 * (self.view.tile / CELLS.1);
        Some((x, y))
    }

    fn paint(&mut self, x: u32, y: u32, width: u32, height: u32, colour: u32) {
        let side = self.view.side as usize;
        for line in self.pixels.chunks_exact_mut(side).skip(y as usize).take(height as usize) {
            line[x as usize..(x + width) as usize].fill(colour);
        }
    }
}

/// The edge of a block of this colour.
fn darker(colour: u32) -> u32 {
    let channel = |shift: u32| ((colour >> shift & 0xFF) * 5 / 8) << shift;
    channel(0) | channel(8) | channel(16) | colour & 0xFF00_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARENA: u32 = 64 * 1024;

    fn picture(side: u32) -> Picture {
        let mut picture = Picture::new(View::whole(ARENA, side));
        let colours: Vec<u32> = (0..COLOURS as u32).map(|at| 0xFF00_0000 | (at * 8)).collect();
        picture.set_palette(&colours);
        picture.begin();
        picture.fill(0, ARENA, FREE);
        picture
    }

    #[test]
    fn every_pixel_of_the_arena_is_painted() {
        for side in [32, 64, 128, 512, 1024] {
            let mut picture = picture(side);
            picture.end();
            assert!(picture.pixels().iter().all(|&pixel| pixel == 0xFF00_0000), "{side}");
        }
    }

    #[test]
    fn a_block_is_seen_where_it_lies() {
        let mut picture = picture(512);
        // The second row of cells of page 17, the first tile of the second row.
        picture.block(16 * 256 + 64, 16, LARGE);
        let at = |x: usize, y: usize| picture.pixels()[y * 512 + x] & 0xFF;
        assert_eq!(at(0, 32 + 8), darker(0xFF00_0008) & 0xFF);
        assert_eq!((at(2, 32 + 8), at(7, 32 + 15)), (8, 8));
        assert_eq!((at(8, 32 + 8), at(2, 32 + 7), at(2, 32 + 16)), (0, 0, 0));
    }

    #[test]
    fn a_small_tile_has_the_mean_of_its_bytes() {
        let mut picture = picture(64);
        picture.begin();
        picture.fill(0, 128, FREE);
        picture.fill(128, 128, UNKNOWN);
        picture.end();
        assert_eq!(picture.pixels()[0] & 0xFF, 16);
    }

    #[test]
    fn what_is_out_of_sight_is_left_out() {
        let view = View { side: 64, tiles: 16, tile: 32, column: 4, row: 8 };
        let mut picture = Picture::new(view);
        picture.set_palette(&[0xFF00_0000, 0xFF00_0001]);
        picture.begin();
        picture.fill(0, ARENA, FREE);
        picture.block((8 * 16 + 5) * 256, 256, LARGE);
        picture.block((8 * 16 + 6) * 256, 256, LARGE);
        let live = picture.pixels().iter().filter(|&&pixel| pixel == 0xFF00_0001).count();
        assert!(live > 28 * 28 && live < 32 * 32, "{live}");
    }
}
