//! What follows from a configuration.

use crate::config::Config;
use crate::config::classes::ClassTable;

/// Constants, computed when the program is built.
pub(crate) trait Table: Config {
    /// The classes, laid out.
    const TABLE: ClassTable = ClassTable::of::<Self>();

    /// The number of the calling context's home, to be taken modulo the number of memories. A panic of the program's
    /// function does not unwind into the program: it aborts.
    #[inline(always)]
    fn home_number() -> usize {
        #[inline(always)]
        extern "C" fn no_unwind<C: Config>() -> usize {
            C::home()
        }
        no_unwind::<Self>()
    }

    /// Whether pools may have all of the arena.
    const POOLED_EVERYWHERE: bool = Self::POOLED_PERCENT == 100 || Self::TABLE.count == 0;

    /// How many pages are reserved, all classes together.
    const RESERVED_PAGES: u32 = {
        let mut pages = 0;
        let mut at = 0;
        while at < Self::RESERVED.len() {
            assert!(
                class_of_size(Self::CLASSES, Self::RESERVED[at].0) != 0,
                "larder: pages are reserved for a block size that is not in the class list"
            );
            pages += Self::RESERVED[at].1;
            assert!(pages <= 65_535, "larder: more pages are reserved for classes than an arena can have");
            at += 1;
        }
        pages as u32
    };

    /// The class of a reserved page, counted from 0; `None`: fewer are reserved.
    fn reserved_class(page: u32) -> Option<u32> {
        let mut before = 0;
        for &(bytes, pages) in Self::RESERVED {
            before += pages;
            if (page as usize) < before {
                return Some(class_of_size(Self::CLASSES, bytes));
            }
        }
        None
    }

    /// Whether there is an out-of-memory hook.
    const RESCUES: bool = Self::ON_OUT_OF_MEMORY.is_some();

    /// Whether there is a hook for events.
    const TELLS: bool = Self::ON_EVENT.is_some();

    /// Checked when a heap is made.
    const VALID: () = {
        assert!(Self::KEPT_PAGES <= 64, "larder: at most 64 pages can be kept");
        assert!(Self::STASH_PAGES <= 64, "larder: the stash holds at most 64 pages");
        assert!(
            Self::POOLED_PERCENT >= 1 && Self::POOLED_PERCENT <= 100,
            "larder: POOLED_PERCENT is 1 to 100; for a heap without pools, leave CLASSES empty"
        );
        let _ = Self::TABLE;
        let _ = Self::RESERVED_PAGES;
    };
}

impl<C: Config> Table for C {}

/// The class with exactly this block size; 0 for none.
const fn class_of_size(classes: &[usize], bytes: usize) -> u32 {
    let mut at = 0;
    while at < classes.len() {
        if classes[at] == bytes {
            return at as u32 + 1;
        }
        at += 1;
    }
    0
}
