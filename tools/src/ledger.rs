//! Which blocks are live while a trace is read.

use rustc_hash::FxHashMap;

use crate::read::{At, Event, Format};

/// No program has more call sites that matter; what comes later is counted as *others*.
pub const GROUPS_MAX: usize = 1 << 16;

/// The group of what has no call site and no tag.
pub const NOWHERE: u32 = 0;
/// The group of what came when there were [`GROUPS_MAX`] already.
pub const OTHERS: u32 = 1;

/// A live block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Live {
    pub size: u64,
    /// Number of the event that allocated it, and when.
    pub born: u64,
    pub time: u64,
    pub group: u32,
    pub align_log2: u8,
}

/// What an event changes: a block goes, a block comes, or both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Change {
    pub gone: Option<(u64, Live)>,
    pub come: Option<(u64, Live)>,
}

/// Call site and tag of a group of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    pub site: u64,
    pub tag: Option<u32>,
}

/// The blocks, and where they come from.
#[derive(Default)]
pub struct Ledger {
    pub blocks: FxHashMap<u64, Live>,
    /// Blocks at whose address another one is live already, because their release was recorded late; the oldest first.
    shadowed: FxHashMap<u64, Vec<Live>>,
    pub origins: Vec<Origin>,
    groups: FxHashMap<Origin, u32>,
    pub names: FxHashMap<u32, String>,
    is_complete: bool,
    /// Events so far.
    pub events: u64,
    pub now: u64,
    last_gap: Option<u64>,
    pub unknown_frees: u64,
}

impl Ledger {
    /// A ledger for a trace of that format.
    pub fn new(format: Format) -> Self {
        let nowhere = Origin { site: 0, tag: None };
        // Text and columns have every event: a block that is not live is a mistake there.
        Self { is_complete: !format.has_addresses(), origins: vec![nowhere; 2], ..Self::default() }
    }

    /// Takes an event in.
    ///
    /// # Errors
    /// If the trace has every event, and this one can't be.
    pub fn apply(&mut self, event: &Event, at: &At) -> Result<Change, String> {
        self.now = at.time.unwrap_or(self.now);
        let change = match *event {
            Event::Start(_) => return Ok(Change::default()),
            Event::Name { tag, name } => {
                if self.names.len() < GROUPS_MAX {
                    self.names.insert(tag, name.to_owned());
                }
                return Ok(Change::default());
            }
            Event::Alloc { block, size, align } => {
                let live = self.live(size, align.trailing_zeros() as u8, at);
                self.insert(block, live, None)?
            }
            Event::Free { block } => Change { gone: self.remove(block)?, come: None },
            Event::Realloc { old, block, size, align } => {
                let gone = self.remove(old)?;
                let align_log2 =
                    align.map_or(gone.map_or(0, |(_, live)| live.align_log2), |align| align.trailing_zeros() as u8);
                let live = self.live(size, align_log2, at);
                self.insert(block, live, gone)?
            }
            Event::Refused { .. } | Event::WrongFree { .. } => Change::default(),
            Event::Gap { .. } => {
                self.last_gap = Some(self.events);
                Change::default()
            }
        };
        self.events += 1;
        Ok(change)
    }

    /// The group of a call site and tag.
    pub fn group(&mut self, at: &At) -> u32 {
        let origin = Origin { site: at.site, tag: at.tag };
        if origin == self.origins[0] {
            return NOWHERE;
        }
        if let Some(&group) = self.groups.get(&origin) {
            return group;
        }
        if self.origins.len() == GROUPS_MAX {
            return OTHERS;
        }
        let group = self.origins.len() as u32;
        self.origins.push(origin);
        self.groups.insert(origin, group);
        group
    }

    fn live(&mut self, size: u64, align_log2: u8, at: &At) -> Live {
        Live { size, born: self.events, time: self.now, group: self.group(at), align_log2 }
    }

    fn insert(&mut self, block: u64, live: Live, gone: Option<(u64, Live)>) -> Result<Change, String> {
        let mut change = Change { gone, come: Some((block, live)) };
        if let Some(old) = self.blocks.insert(block, live) {
            if self.is_complete {
                return Err(format!("block {block} is allocated, but is live already"));
            }
            if self.last_gap.is_some_and(|gap| old.born <= gap) && gone.is_none() {
                change.gone = Some((block, old));
            } else {
                self.shadowed.entry(block).or_default().push(old);
            }
        }
        Ok(change)
    }

    fn remove(&mut self, block: u64) -> Result<Option<(u64, Live)>, String> {
        if let Some(older) = self.take_shadowed(block) {
            return Ok(Some((block, older)));
        }
        let live = self.blocks.remove(&block);
        if live.is_none() {
            if self.is_complete {
                return Err(format!("block {block} is freed or resized, but is not live"));
            }
            self.unknown_frees += 1;
        }
        Ok(live.map(|live| (block, live)))
    }

    fn take_shadowed(&mut self, block: u64) -> Option<Live> {
        if self.shadowed.is_empty() {
            return None;
        }
        let older = self.shadowed.get_mut(&block)?;
        let live = older.remove(0);
        if older.is_empty() {
            self.shadowed.remove(&block);
        }
        Some(live)
    }

    /// Every live block, those behind others included.
    pub fn all(&self) -> impl Iterator<Item = (u64, &Live)> {
        let shadowed = self.shadowed.iter().flat_map(|(&block, older)| older.iter().map(move |live| (block, live)));
        self.blocks.iter().map(|(&block, live)| (block, live)).chain(shadowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alloc(block: u64, size: u64) -> Event<'static> {
        Event::Alloc { block, size, align: 8 }
    }

    fn apply(ledger: &mut Ledger, event: Event) -> (Option<u64>, Option<u64>) {
        let change = ledger.apply(&event, &At::default()).unwrap();
        (change.gone.map(|(_, live)| live.size), change.come.map(|(_, live)| live.size))
    }

    #[test]
    fn a_release_that_comes_late_is_the_older_blocks() {
        let mut ledger = Ledger::new(Format::Binary);
        assert_eq!(apply(&mut ledger, alloc(64, 10)), (None, Some(10)));
        // Another context got the address before the first one's resize was recorded.
        assert_eq!(apply(&mut ledger, alloc(64, 20)), (None, Some(20)));
        assert_eq!(ledger.all().count(), 2);
        let moved = Event::Realloc { old: 64, block: 128, size: 30, align: Some(8) };
        assert_eq!(apply(&mut ledger, moved), (Some(10), Some(30)));
        assert_eq!(apply(&mut ledger, Event::Free { block: 64 }), (Some(20), None));
        assert_eq!(ledger.all().map(|(block, live)| (block, live.size)).collect::<Vec<_>>(), [(128, 30)]);
    }

    #[test]
    fn behind_a_gap_a_block_may_have_been_freed_unseen() {
        let mut ledger = Ledger::new(Format::Binary);
        apply(&mut ledger, alloc(64, 10));
        apply(&mut ledger, Event::Gap { events: 3 });
        assert_eq!(apply(&mut ledger, alloc(64, 20)), (Some(10), Some(20)));
        assert_eq!(apply(&mut ledger, Event::Free { block: 8 }), (None, None));
        assert_eq!((ledger.unknown_frees, ledger.all().count()), (1, 1));
    }

    #[test]
    fn a_complete_trace_has_no_unknown_blocks() {
        let mut ledger = Ledger::new(Format::Text);
        assert!(ledger.apply(&Event::Free { block: 1 }, &At::default()).is_err());
        apply(&mut ledger, alloc(1, 1));
        assert!(ledger.apply(&alloc(1, 1), &At::default()).is_err());
    }

    #[test]
    fn groups_are_bounded() {
        let mut ledger = Ledger::new(Format::Binary);
        for site in 1..=GROUPS_MAX as u64 {
            ledger.group(&At { site, ..At::default() });
        }
        assert_eq!(ledger.origins.len(), GROUPS_MAX);
        assert_eq!(ledger.group(&At { site: u64::MAX, ..At::default() }), OTHERS);
        assert_eq!(ledger.group(&At { site: 7, ..At::default() }), 8);
    }
}
