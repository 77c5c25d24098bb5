//! The library of `larder-tools`: what its commands do, for tests and for other programs. See `docs/tools.md`.

pub mod analysis;
pub mod bound;
pub mod commands;
pub mod diff;
pub mod documents;
pub mod export;
pub mod fit;
pub mod gaps;
pub mod generate;
pub mod ledger;
pub mod output;
pub mod read;
pub mod record;
pub mod replay;
pub mod report;
pub mod symbols;
