//! What the documents refer to exists.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The project's own folder.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the project").to_owned()
}

fn events(text: &str) -> Parser<'_> {
    Parser::new_ext(text, Options::ENABLE_TABLES)
}

/// Every Markdown file that is kept, or about to be.
fn documents() -> Vec<PathBuf> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"];
    let output = Command::new("git").args(arguments).current_dir(root()).output().expect("git runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = String::from_utf8(output.stdout).expect("paths are UTF-8");
    files.lines().map(|file| root().join(file)).filter(|path| path.exists()).collect()
}

/// Where a document's links and pictures lead.
fn targets(text: &str) -> Vec<String> {
    let target = |event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => Some(dest_url.into_string()),
        _ => None,
    };
    events(text).filter_map(target).collect()
}

/// The names that GitHub gives to a document's headings.
fn anchors(text: &str) -> Vec<String> {
    let mut anchors = Vec::new();
    let mut seen: HashMap<String, u32> = HashMap::new();
    let mut heading: Option<String> = None;
    for event in events(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let slug = slug(&heading.take().unwrap_or_default());
                let count = seen.entry(slug.clone()).or_default();
                anchors.push(if *count == 0 { slug } else { format!("{slug}-{count}") });
                *count += 1;
            }
            Event::Text(words) | Event::Code(words) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&words);
                }
            }
            _ => {}
        }
    }
    anchors
}

fn slug(heading: &str) -> String {
    let kept = heading.to_lowercase().chars().filter(|&c| c.is_alphanumeric() || "-_ ".contains(c)).collect::<String>();
    kept.replace(' ', "-")
}

/// What is wrong with a link in that document, if anything is.
fn broken(document: &Path, text: &str, target: &str) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let path = if file.is_empty() { document.to_owned() } else { document.parent()?.join(file) };
    if !path.exists() {
        return Some(format!("{}: there is no {file}", document.display()));
    }
    let there = if file.is_empty() { text.to_owned() } else { fs::read_to_string(&path).unwrap_or_default() };
    let is_missing = anchor.is_some_and(|anchor| !anchors(&there).iter().any(|name| name == anchor));
    is_missing.then(|| format!("{}: {target} is no heading", document.display()))
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let documents = documents();
    assert!(documents.iter().any(|path| path.ends_with("docs/benchmarks.md")), "{documents:?}");
    let mut wrong = Vec::new();
    for document in &documents {
        let text = fs::read_to_string(document).expect("documents are readable");
        wrong.extend(targets(&text).iter().filter_map(|target| broken(document, &text, target)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_broken_link_is_found() {
    let text = "# A title, `x`\n[a](README.md) [b](nothing.md) [c](#a-title-x) [d](#no) ![p](nothing.svg) `[e](no)`\n";
    let document = root().join("README.md");
    let wrong: Vec<String> = targets(text).iter().filter_map(|target| broken(&document, text, target)).collect();
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong[0].contains("nothing.md") && wrong[1].contains("#no") && wrong[2].contains("nothing.svg"));
}

/// How many numbers a document has, of those that are read: code, links and names such as RP2040 are no numbers.
fn numbers(text: &str) -> Vec<String> {
    let mut numbers = Vec::new();
    let mut is_code = false;
    for event in events(text) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => is_code = true,
            Event::End(TagEnd::CodeBlock) => is_code = false,
            Event::Text(words) if !is_code => {
                let parts = words.split(|c: char| !c.is_alphanumeric() && !".,_".contains(c));
                numbers.extend(parts.filter(|part| part.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned));
            }
            _ => {}
        }
    }
    numbers
}

#[test]
fn numbers_are_counted_outside_of_code_and_names() {
    let text = "RP2040: 1,024 bytes in 64 KiB, 1.5 times, 32-bit.\n\n```\n7\n```\n\n| a | b |\n|---|---|\n| 8 | `9` |\n\n[ten](10.md)\n";
    assert_eq!(numbers(text), ["1,024", "64", "1.5", "32", "8"]);
}

/// A newcomer reads it in five minutes.
#[test]
fn the_readme_stays_short() {
    let text = fs::read_to_string(root().join("README.md")).expect("README.md is readable");
    assert!(text.lines().count() <= 200, "README.md has {} lines", text.lines().count());
    let numbers = numbers(&text);
    assert!(numbers.len() <= 45, "README.md has {} numbers: {numbers:?}", numbers.len());
}
