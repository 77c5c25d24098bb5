//! The browser demo: building it, serving it, and a browser to test it in.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::toolchain::Toolchain;
use crate::{packages, project, step};

const TRIPLE: &str = "wasm32-unknown-unknown";
const MANIFEST: &str = "targets/wasm/Cargo.toml";
const DRIVER: &str = "larder-web-driver";
/// The driver's feature that brings a browser: what only shows the page is built without.
const WITH_BROWSER: [&str; 2] = ["--features", "browser"];
/// Where the README's screenshots are.
const SHOTS: &str = "targets/wasm/screenshots";

/// What a Chromium may be called, and Debian's packages of it and of a font.
const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const BROWSER_PACKAGES: [&str; 2] = ["chromium", "fonts-dejavu-core"];

/// Builds everything; where the page's files are.
pub fn build() -> Result<PathBuf> {
    let toolchain = Toolchain::for_target(TRIPLE)?;
    let mut modules = toolchain.cargo("build");
    modules.args(["--release", "--package", "larder-web", "--examples", "--manifest-path", MANIFEST]);
    step::require("build the browser demo's modules", &mut modules)?;
    let mut tool = project::cargo("build");
    tool.args(["--manifest-path", MANIFEST, "--package", DRIVER]);
    step::require("build the browser demo's bundler and server (some minutes the first time)", &mut tool)?;
    let out = project::root().join("target/web");
    let mut bundle = driver(&[], "bundle");
    bundle.arg("--modules").arg(toolchain.release_binary("examples"));
    bundle.arg("--site").arg(project::root().join("targets/wasm/site")).arg("--out").arg(&out);
    step::require("bundle the browser demo", &mut bundle)?;
    Ok(out)
}

/// Serves the page until stopped, and opens it in a browser if `open`.
pub fn serve(port: u16, open: bool) -> Result<bool> {
    // Held while the page is built, which takes minutes: whether the port is free is better known before.
    let reserved = TcpListener::bind(("127.0.0.1", port))
        .with_context(|| format!("port {port} of localhost can't be had; --port takes another one, or 0 for any"))?;
    let site = build()?;
    drop(reserved);
    let mut server = driver(&[], "serve");
    server.arg("--dir").arg(site).args(["--port", &port.to_string()]).args(open.then_some("--open"));
    Ok(server.status()?.success())
}

/// Takes the README's screenshots again.
pub fn shots() -> Result<bool> {
    let site = build()?;
    let mut command = driver(&WITH_BROWSER, "shots");
    command.arg("--dir").arg(site).arg("--browser").arg(browser()?);
    command.arg("--out").arg(project::root().join(SHOTS));
    step::require("take the screenshots", &mut command)?;
    step::note(&format!("the screenshots are in {SHOTS}"));
    Ok(true)
}

/// The test that drives a browser through the page.
pub fn test(browser: PathBuf) -> Result<Command> {
    let site = build()?;
    let mut command = project::cargo("test");
    command.args(["--manifest-path", MANIFEST, "--package", DRIVER, "--test", "page", "--no-fail-fast"]);
    command.args(WITH_BROWSER);
    command.env("LARDER_WEB_DIR", site).env("LARDER_BROWSER", browser).args(["--", "--test-threads=1"]);
    Ok(command)
}

/// The tests of what runs behind the page, on the host.
pub fn host_tests() -> Command {
    let mut command = project::cargo("test");
    command.args(["--manifest-path", MANIFEST, "--package", "larder-web", "--package", DRIVER, "--lib"]);
    command
}

/// The lints of what becomes wasm. On the host, because all of it but a few lines is the same there.
pub fn lints() -> Command {
    let mut command = project::cargo("clippy");
    command.args(["--manifest-path", MANIFEST, "--package", "larder-web", "--all-targets", "--", "-D", "warnings"]);
    command
}

fn driver(features: &[&str], subcommand: &str) -> Command {
    let mut command = project::cargo("run");
    command.args(["--quiet", "--manifest-path", MANIFEST, "--package", DRIVER]).args(features).args(["--", subcommand]);
    command
}

/// A Chromium, installed when there is none.
pub fn browser() -> Result<PathBuf> {
    if let Some(found) = installed_browser() {
        return Ok(found);
    }
    if let Err(reason) = packages::install(&BROWSER_PACKAGES) {
        bail!("no Chromium: install it (Debian's package is chromium); {reason:#}");
    }
    installed_browser().context("Debian's chromium is installed, but can't be started")
}

fn installed_browser() -> Option<PathBuf> {
    let directories: Vec<PathBuf> = std::env::split_paths(&std::env::var_os("PATH")?).collect();
    let candidates = BROWSERS.iter().flat_map(|name| directories.iter().map(move |directory| directory.join(name)));
    candidates.into_iter().find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a dependency tree of the driver names.
    fn tree(features: &[&str]) -> String {
        let mut command = project::cargo("tree");
        command.args(["--manifest-path", MANIFEST, "--package", DRIVER, "--edges", "normal"]).args(features);
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    #[test]
    fn the_page_is_shown_without_building_a_browsers_driver() {
        assert!(tree(&WITH_BROWSER).contains("headless_chrome"));
        let shown = tree(&[]);
        assert!(shown.contains("wasm-bindgen-cli-support") && !shown.contains("headless_chrome"), "{shown}");
    }

    #[test]
    fn a_port_that_is_taken_is_noticed_before_the_page_is_built() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let line = format!("{:#}", serve(port, false).unwrap_err());
        assert!(line.starts_with(&format!("port {port} of localhost can't be had")), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}
