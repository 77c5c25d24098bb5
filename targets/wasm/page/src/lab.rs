//! larder under a mixer: what the page's main part shows.

use crate::arena::Arena;
use crate::breaks::{self, Watched};
use crate::mixer::Mixer;
use crate::op::Op;
use crate::picture::Picture;
use crate::runner::{Done, Runner};
use crate::subjects::Larder;
use crate::view::View;
use alloc::vec::Vec;
use larder::{Holds, Piece, Stats};

pub struct Lab {
    pub mixer: Mixer,
    pub runner: Runner<Larder<Watched>>,
    pub picture: Picture,
    pub breaks: breaks::Held,
    /// The offset that is looked at, and the piece in which it lay when the map was drawn.
    watched: Option<(u32, Row)>,
}

/// A piece as six numbers: its kind, offset and bytes; and of a page its blocks' size, where they begin, and which are
/// live.
pub type Row = [u32; 6];

/// A number for each kind of piece.
#[derive(Clone, Copy)]
pub enum Kind {
    Free,
    Large,
    Tables,
    Spare,
    Unknown,
    Page,
}

impl Lab {
    pub fn new(arena_bytes: u32, seed: u32) -> Self {
        Self {
            mixer: Mixer::new(arena_bytes, seed),
            runner: Runner::new(arena_bytes),
            picture: Picture::new(View::whole(arena_bytes, 512)),
            breaks: breaks::Held::default(),
            watched: None,
        }
    }

    /// Lets the programs make so many calls; how many they made.
    pub fn run(&mut self, ops: u32) -> u32 {
        (0..ops).find(|_| self.step().is_none()).unwrap_or(ops)
    }

    /// One call, and what came of it.
    pub fn step(&mut self) -> Option<(Op, Done)> {
        let op = self.mixer.next_op()?;
        Some((op, self.runner.run(op)))
    }

    /// Bytes that are live, as asked for: the programs', and what the buttons hold.
    pub fn requested_bytes(&self) -> u32 {
        self.runner.counts.requested_bytes + self.breaks.bytes()
    }

    pub fn stats(&self) -> Stats {
        self.runner.subject.0.stats()
    }

    /// Draws the map, and notes what lies at the offset that is watched.
    pub fn draw(&mut self) {
        let Self { runner, picture, watched, .. } = self;
        picture.begin();
        runner.subject.0.walk(|piece| {
            let (start, bytes) = (runner.arena.offset_of(piece.start), piece.bytes as u32);
            if let Some((offset, row)) = watched
                && (start..start + bytes).contains(offset)
            {
                *row = row_of(&runner.arena, piece);
            }
            picture.piece(start, bytes, piece.holds);
        });
        picture.end();
    }

    /// From now on, drawing notes what lies at an offset.
    pub fn watch(&mut self, offset: u32) {
        self.watched = self.piece_at(offset).map(|row| (offset, row));
    }

    /// What lay there when the map was drawn.
    pub fn watched(&self) -> Option<Row> {
        self.watched.map(|(_, row)| row)
    }

    /// Every piece of the arena.
    pub fn pieces(&self) -> Vec<u32> {
        let mut rows = Vec::new();
        self.runner.subject.0.walk(|piece| rows.extend(row_of(&self.runner.arena, piece)));
        rows
    }

    /// The piece in which an offset lies.
    pub fn piece_at(&self, offset: u32) -> Option<Row> {
        let mut found = None;
        self.runner.subject.0.walk(|piece| {
            let row = row_of(&self.runner.arena, piece);
            if (row[1]..row[1] + row[2]).contains(&offset) {
                found = Some(row);
            }
        });
        found
    }
}

fn row_of(arena: &Arena, piece: Piece) -> Row {
    let (kind, of_page) = match piece.holds {
        Holds::Page { block_bytes, blocks, live } => (Kind::Page, [block_bytes as u32, blocks, live]),
        Holds::Free => (Kind::Free, [0; 3]),
        Holds::Large => (Kind::Large, [0; 3]),
        Holds::Tables => (Kind::Tables, [0; 3]),
        Holds::Spare => (Kind::Spare, [0; 3]),
        _ => (Kind::Unknown, [0; 3]),
    };
    let offset = arena.offset_of(piece.start);
    [kind as u32, offset, piece.bytes as u32, of_page[0], of_page[1], of_page[2]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workloads::WORKLOADS;

    #[test]
    fn the_heap_under_all_programs_stays_whole() {
        let mut lab = Lab::new(256 * 1024, 1);
        (0..WORKLOADS).for_each(|program| lab.mixer.set_weight(program, 1));
        lab.mixer.set_fill(110);
        assert_eq!(lab.run(100_000), 100_000);
        lab.runner.subject.0.check().unwrap();
        assert_eq!(lab.runner.counts.damaged, 0);
        assert!(lab.stats().refused > 0);
        let pieces = lab.pieces();
        assert_eq!(pieces.chunks(6).map(|row| row[2]).sum::<u32>(), 256 * 1024);
        assert_eq!(lab.piece_at(0).unwrap(), pieces[..6]);
    }

    #[test]
    fn what_is_watched_is_of_the_moment_when_the_map_was_drawn() {
        let mut lab = Lab::new(64 * 1024, 1);
        lab.mixer.set_weight(0, 1);
        lab.mixer.set_fill(90);
        assert_eq!(lab.watched(), None);
        let offset = 300;
        lab.watch(offset);
        let fresh = lab.watched();
        assert_eq!(fresh, lab.piece_at(offset));
        while lab.piece_at(offset) == fresh {
            assert_eq!(lab.run(100), 100);
        }
        assert_eq!(lab.watched(), fresh);
        lab.draw();
        assert_eq!(lab.watched(), lab.piece_at(offset));
    }
}
