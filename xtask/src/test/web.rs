//! The browser demo.

use anyhow::Result;

use super::tally::Tally;
use crate::web;

pub fn on_the_host(tally: &mut Tally) -> Result<()> {
    tally.check("lints of the browser demo's programs", &mut web::lints())?;
    tally.cargo_test("the browser demo's programs", &mut web::host_tests())
}

pub fn in_a_browser(tally: &mut Tally) -> Result<()> {
    let title = "the browser demo in Chromium";
    match web::browser() {
        Ok(browser) => tally.cargo_test(title, &mut web::test(browser)?),
        Err(reason) => {
            tally.skip(title, format!("{reason:#}").lines().next().unwrap_or_default());
            Ok(())
        }
    }
}
