//! The folders of `src` are layers: each uses those before it in the table of the crate's documentation alone.

use std::fs;
use std::path::{Path, PathBuf};

/// In the order of the table. What stands at the root is for all of them.
const LAYERS: [&str; 15] = [
    "sync", "config", "policy", "pools", "large", "hooks", "extent", "report", "heap", "memories", "region", "wasm",
    "small", "trace", "observe",
];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| *layer == name)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The modules at the crate's root that a source names, with the lines that do.
fn uses(source: &str) -> impl Iterator<Item = (&str, &str)> {
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| {
        line.split("crate::").skip(1).map(move |rest| {
            let end = rest.find(|letter: char| letter != '_' && !letter.is_alphanumeric()).unwrap_or(rest.len());
            (&rest[..end], line)
        })
    })
}

#[test]
fn imports_run_one_way() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut imports = 0;
    for path in sources(&src) {
        let inside = path.strip_prefix(&src).unwrap();
        let Some(folder) = inside.parent().and_then(|folder| folder.components().next()) else { continue };
        let own = folder.as_os_str().to_str().unwrap();
        let own = layer(own).unwrap_or_else(|| panic!("{own} is not in the table of layers"));
        for (name, line) in uses(&fs::read_to_string(&path).unwrap()) {
            let Some(used) = layer(name) else { continue };
            imports += 1;
            assert!(used <= own, "{} uses the later layer {name}:\n{line}", inside.display());
        }
    }
    assert!(imports > 100, "only {imports} imports were found");
}

/// The file of a folder that a path names: `crate::pools::index` is `pools/index.rs`, `crate::pools::Pools` is
/// `pools/mod.rs`.
fn target(src: &Path, folder: &str, rest: &str) -> PathBuf {
    let end = rest.find(|letter: char| letter != '_' && !letter.is_alphanumeric()).unwrap_or(rest.len());
    let file = src.join(folder).join(&rest[..end]).with_extension("rs");
    if file.exists() { file } else { src.join(folder).join("mod.rs") }
}

#[test]
fn no_file_is_imported_by_what_it_imports() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut pairs = Vec::new();
    for path in sources(&src) {
        for line in fs::read_to_string(&path).unwrap().lines().filter(|line| line.starts_with("use crate::")) {
            let (folder, rest) = line["use crate::".len()..].split_once("::").unwrap_or_default();
            if layer(folder).is_some() {
                pairs.push((path.clone(), target(&src, folder, rest)));
            }
        }
    }
    assert!(pairs.len() > 100, "only {} imports were found", pairs.len());
    for (user, used) in &pairs {
        let mutual = user != used && pairs.contains(&(used.clone(), user.clone()));
        assert!(!mutual, "{} and {} import each other", user.display(), used.display());
    }
}

/// The table of the documentation has these layers, in this order.
#[test]
fn the_documentation_names_the_layers() {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("//! | `")).filter(|row| row.contains("/`"));
    let cells = rows.filter_map(|row| row.split_once(" |")).map(|row| row.0);
    let names = cells.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches(['`', '/']).to_owned());
    assert_eq!(names.collect::<Vec<_>>(), LAYERS);
}
