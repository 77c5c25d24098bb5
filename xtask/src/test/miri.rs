//! A few tests in an interpreter that finds undefined behaviour: those whose accesses are the heap's most daring. All that can be interpreted is
//! for `cargo xtask miri`.

use anyhow::Result;

use super::tally::Tally;
use crate::{miri, toolchain};

pub fn briefly(tally: &mut Tally) -> Result<()> {
    let there = miri::get();
    for (title, mut command) in miri::brief() {
        match &there {
            Ok(()) => tally.cargo_test(&title, &mut command)?,
            Err(reason) => tally.skip(&title, &toolchain::first_line(reason)),
        }
    }
    Ok(())
}
