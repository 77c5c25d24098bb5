//! The fuzzers, for a moment: that they build and find nothing at once.

use anyhow::Result;
use clap::ValueEnum;

use super::tally::Tally;
use crate::fuzz::{Fuzzer, Tools};

const SECONDS: u32 = 10;

pub fn smoke(tally: &mut Tally) -> Result<()> {
    let tools = match Tools::get_with_nightly_present() {
        Ok(tools) => tools,
        Err(reason) => {
            tally.skip("the fuzzers", format!("{reason:#}").lines().next().unwrap_or_default());
            return Ok(());
        }
    };
    for fuzzer in Fuzzer::value_variants() {
        let title = format!("build the fuzzer {}, and run it for {SECONDS} s", fuzzer.name());
        tally.check(&title, &mut tools.fuzz(*fuzzer, SECONDS))?;
    }
    Ok(())
}
