//! What an allocator adds to a module that only allocates: code and data bytes.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::module::{Image, Level, Modules};

/// What the other modules are compared with.
pub const NOTHING: &str = "none";

pub const LEVELS: [Level; 2] = [Level::Smallest, Level::Small];

/// One allocator's bytes.
#[derive(Serialize, Deserialize)]
pub struct Code {
    pub feature: String,
    pub title: String,
    /// By opt-level.
    pub bytes: BTreeMap<String, i64>,
}

pub fn measure(modules: &Modules) -> Result<Vec<Code>> {
    let nothing = LEVELS.map(|level| bytes(modules, NOTHING, level));
    let [smallest, small] = nothing;
    let nothing = [smallest?, small?];
    let mut all = Vec::new();
    for allocator in modules.allocators.iter().filter(|allocator| allocator.feature != NOTHING) {
        let mut by_level = BTreeMap::new();
        for (level, nothing) in LEVELS.into_iter().zip(nothing) {
            by_level.insert(level.name().to_owned(), bytes(modules, &allocator.feature, level)? - nothing);
        }
        all.push(Code { feature: allocator.feature.clone(), title: allocator.title.clone(), bytes: by_level });
    }
    Ok(all)
}

fn bytes(modules: &Modules, feature: &str, level: Level) -> Result<i64> {
    Ok(Image::read(&modules.build("size", feature, level)?)?.bytes)
}
