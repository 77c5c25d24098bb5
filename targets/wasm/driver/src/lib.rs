//! The browser demo's tool.
//!
//! | file | what it does |
//! |---|---|
//! | `bundle` | makes the page's files |
//! | `serve` | serves them on localhost |
//! | `browser` | starts a browser without a window and talks to its pages |
//! | `shots` | takes the screenshots that the README shows |
//!
//! The last two, and the tests, need the feature `browser`. `tests/page` drives the page as a visitor would.

#[cfg(feature = "browser")]
pub mod browser;
pub mod bundle;
pub mod serve;
#[cfg(feature = "browser")]
pub mod shots;
