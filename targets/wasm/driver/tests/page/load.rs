//! Whether the page starts, and what it says when it cannot.

use std::future::pending;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use larder_web_driver::browser::Page;
use larder_web_driver::serve::Server;
use larder_web_driver::shots::DESKTOP;
use serde_json::json;
use tokio::sync::Notify;

use crate::visit::*;

/// How many servers are asked, each for the first time.
const SERVERS: usize = 20;

/// A first load opens several connections at once, to a server that has answered nobody before.
pub fn twenty_fresh_servers_in_a_row_are_loaded_at_once(stage: &Stage) {
    for at in 0..SERVERS {
        let server = Server::start(&site(), 0).unwrap();
        let page = stage.browser.open(&server.url, DESKTOP);
        let page = page.unwrap_or_else(|error| panic!("server {at}: {error:#}"));
        Visit(page).leave();
    }
}

/// What has to come before the page can start is asked for at once, and not when the module that needs it has come.
pub fn every_module_is_asked_for_at_once(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    let files = visit.ask(
        "const last = (url) => url.split('/').at(-1);
         const asked = [...document.querySelectorAll('script, [rel=modulepreload]')].map(({ src, href }) => last(src ?? href));
         const come = performance.getEntriesByType('resource').map(({ name }) => last(name)).filter((name) => name.endsWith('.js'));
         return { asked: asked.sort(), come: come.sort() };",
    );
    assert_eq!(files["asked"], files["come"]);
    visit.leave();
}

/// The page, from a server that answers one file in its own way.
fn page_with(stage: &Stage, first: Router) -> (Server, Page) {
    let server = Server::start_with(first, &site(), 0).unwrap();
    let page = stage.browser.go(&server.url, DESKTOP).unwrap();
    (server, page)
}

/// What the page says, to the eye and to the ear; how it looks; and how many buttons can be pressed.
const STATE: &str = "
    const [said, spoken] = ['said', 'spoken'].map((id) => document.getElementById(id));
    const usable = [...document.querySelectorAll('button')].filter((button) => !button.disabled).length;
    return { said: said.textContent, same: said.textContent === spoken.textContent, bad: said.classList.contains('bad'), usable };";

fn assert_could_not_start(page: &Page, reason: &str) {
    page.wait_for("document.querySelector('#said')?.classList.contains('bad')").unwrap();
    let state = page.evaluate(STATE).unwrap();
    let said = state["said"].as_str().unwrap();
    assert!(said.starts_with("The page could not start: ") && said.contains(reason), "{said}");
    assert_eq!(state, json!({ "said": said, "same": true, "bad": true, "usable": 0 }));
}

pub fn a_page_that_cannot_start_says_why(stage: &Stage) {
    for (file, reason) in [
        ("app.js", "app.js cannot be loaded"),
        ("breakit.js", "breakit.js cannot be loaded"),
        ("lab_bg.wasm", "404 Not Found fetching"),
    ] {
        let (_server, page) =
            page_with(stage, Router::new().route(&format!("/{file}"), get(async || StatusCode::NOT_FOUND)));
        assert_could_not_start(&page, reason);
    }
    let broken = get(async || ([(header::CONTENT_TYPE, "text/javascript")], "throw new Error('broken');"));
    let (_server, page) = page_with(stage, Router::new().route("/settings.js", broken));
    assert_could_not_start(&page, "broken");
}

/// A file that does not come is named after some time; when it comes after all, the page starts.
pub fn a_page_that_waits_says_for_what_and_starts_when_it_has_come(stage: &Stage) {
    let is_due = Arc::new(Notify::new());
    let (heard, script) = (Arc::clone(&is_due), std::fs::read(site().join("breakit.js")).unwrap());
    let late = get(async move || {
        heard.notified().await;
        ([(header::CONTENT_TYPE, "text/javascript")], script)
    });
    let (_server, page) = page_with(stage, Router::new().route("/breakit.js", late));
    assert_could_not_start(&page, "breakit.js has not come after 15 s");
    is_due.notify_one();
    page.wait_for("demo?.ready").unwrap();
    let state = page.evaluate(STATE).unwrap();
    assert_eq!((&state["bad"], &state["usable"]), (&json!(false), &json!(11)), "{state}");
    assert!(state["said"].as_str().unwrap().starts_with("Press Start"), "{state}");
}

/// The race's modules come when it is started. While one does not come, the button and the programs must go on working.
pub fn a_race_that_cannot_start_says_why_and_lets_the_programs_go_on(stage: &Stage) {
    let (_server, page) = page_with(stage, Router::new().route("/race_talc.js", get(pending::<StatusCode>)));
    page.wait_for("globalThis.demo?.ready").unwrap();
    page.click("#run").unwrap();
    page.click("#race-start").unwrap();
    let said = "document.querySelector('#race-said').textContent";
    page.wait_for(&format!("{said}.length > 0")).unwrap();
    let said = page.evaluate(&format!("return {said};")).unwrap();
    assert_eq!(said, "The race could not start: race_talc.js has not come within 15 s.");
    assert_eq!(page.evaluate("return document.querySelector('#race-start').disabled;").unwrap(), false);
    let calls = page.evaluate("return demo.counters().calls;").unwrap();
    page.wait_for(&format!("demo.counters().calls > {calls}")).unwrap();
}
