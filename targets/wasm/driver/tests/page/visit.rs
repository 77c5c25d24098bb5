//! A visit to the page, and what the tests do in it.

use std::path::PathBuf;

use larder_web_driver::browser::{Browser, Look, Page};
use larder_web_driver::serve::Server;
use serde_json::Value;

/// The tests share a browser. It ends with them, which is why they have no harness of their own: nothing would end it there.
pub struct Stage {
    pub server: Server,
    pub browser: Browser,
}

pub fn setting(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    value.unwrap_or_else(|| panic!("{name} is not set: run `cargo xtask test --only browser`")).into()
}

pub fn site() -> PathBuf {
    setting("LARDER_WEB_DIR")
}

/// A visit, at whose end the page must not have complained.
pub struct Visit(pub Page);

impl Stage {
    pub fn visit(&self, look: Look) -> Visit {
        self.visit_at("", look)
    }

    /// A visit whose address ends so.
    pub fn visit_at(&self, end: &str, look: Look) -> Visit {
        Visit(self.browser.open(&format!("{}{end}", self.server.url), look).unwrap())
    }
}

impl Visit {
    /// What a script gives.
    pub fn ask(&self, script: &str) -> Value {
        self.0.evaluate(script).unwrap()
    }

    pub fn number(&self, script: &str) -> f64 {
        let value = self.ask(script);
        value.as_f64().unwrap_or_else(|| panic!("{script} gives {value}, which is no number"))
    }

    pub fn text(&self, selector: &str) -> String {
        let value = self.ask(&format!("return document.querySelector({selector:?}).innerText;"));
        value.as_str().unwrap_or_else(|| panic!("{selector} has no text")).to_owned()
    }

    pub fn click(&self, selector: &str) {
        self.0.click(selector).unwrap();
    }

    pub fn wait_for(&self, expression: &str) {
        self.0.wait_for(expression).unwrap();
    }

    pub fn restart(&self, arena: u32, seed: u32, mix: [u32; 5], fill: u32, speed: u32) {
        self.ask(&format!(
            "demo.restart({{ arena: {arena}, seed: {seed} }}); demo.setMix({mix:?}); demo.setFill({fill}); demo.setSpeed({speed});"
        ));
    }

    pub fn run_for(&self, milliseconds: u32) {
        self.ask(&format!("await demo.runFor({milliseconds});"));
    }

    /// Makes so many calls at once, with the programs stopped.
    pub fn calls(&self, calls: u32) {
        self.ask(&format!("demo.lab.run({calls}); demo.map.draw();"));
    }

    pub fn leave(self) {
        let complaints = self.0.complaints();
        assert!(complaints.is_empty(), "the page complained: {complaints:#?}");
    }
}

/// What the page has shown last.
pub const LAST_SAMPLE: &str = "demo.plots[0].samples.at(-1)";
pub const MIX: [u32; 5] = [3, 2, 2, 1, 1];
pub const KIB: u32 = 1024;
pub const MIB: u32 = 1024 * KIB;
