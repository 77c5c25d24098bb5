//! Which part of the arena is seen, and how large.
//!
//! Pages of 256 bytes are square tiles, in rows, as many in a row as there are rows: address grows to the right, then down.

/// Bytes of a tile: a page of larder's.
pub const TILE_BYTES: u32 = 256;
/// Cells of a tile, 8 bytes each: so many in a row, and so many rows.
pub const CELLS: (u32, u32) = (8, 4);
/// Bytes of a cell.
pub const CELL_BYTES: u32 = TILE_BYTES / (CELLS.0 * CELLS.1);

#[derive(Clone, Copy)]
pub struct View {
    /// Pixels of the picture's side.
    pub side: u32,
    /// Tiles in a row of the arena.
    pub tiles: u32,
    /// Pixels of a tile's side.
    pub tile: u32,
    /// The first tile that is seen, from the left and from the top.
    pub column: u32,
    pub row: u32,
}

impl View {
    /// All of an arena.
    pub fn whole(arena_bytes: u32, side: u32) -> Self {
        let tiles = (arena_bytes / TILE_BYTES).isqrt().max(1);
        Self { side, tiles, tile: (side / tiles).max(1), column: 0, row: 0 }
    }

    /// How many tiles are seen in a row.
    pub fn seen(&self) -> u32 {
        (self.side / self.tile).min(self.tiles)
    }

    /// Whether tiles are large enough for cells.
    pub fn shows_cells(&self) -> bool {
        self.tile >= CELLS.0
    }

    /// Where a tile is seen: column and row.
    #[inline]
    pub fn place(&self, tile: u32) -> Option<(u32, u32)> {
        let column = (tile % self.tiles).wrapping_sub(self.column);
        let row = (tile / self.tiles).wrapping_sub(self.row);
        (column < self.seen() && row < self.seen()).then_some((column, row))
    }
}
