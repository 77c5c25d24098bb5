//! The buttons, and what breaks other heaps.

use larder_web_driver::shots::DESKTOP;
use serde_json::json;

use crate::visit::*;
use crate::work::assert_pixels;

pub fn every_button_does_what_it_says(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    let buttons = visit.ask("return [...document.querySelectorAll('button')].map(({ id }) => id).sort();");
    let known = [
        "double-free",
        "exhaust",
        "leak",
        "race-start",
        "reset",
        "run",
        "step",
        "theme",
        "wrong-pointer",
        "zoom-in",
        "zoom-out",
    ];
    assert_eq!(buttons, json!(known), "a button that this test does not know");
    visit.restart(256 * KIB, 1, MIX, 50, 10);

    for _ in 0..40 {
        visit.click("#step");
    }
    let said = visit.text("#said");
    assert!(said.contains("page") || said.contains("refused"), "{said}");
    assert_eq!(visit.number("return demo.counters().calls;"), 40.0);
    // Single calls have no rate, and some at once, however soon they are looked at, not a high one.
    let box_of_calls = "return [...document.querySelectorAll('#counters div')].find((box) => box.innerText.startsWith('Calls')).innerText;";
    assert_eq!(visit.ask(box_of_calls).as_str().unwrap().split_whitespace().collect::<Vec<_>>(), ["Calls", "40"]);
    let rate = visit.number(
        "demo.setMix([0, 0, 0, 0, 0]); document.querySelector('#step').click(); document.querySelector('#double-free').click();
         demo.setMix([1, 0, 0, 0, 0]); demo.lab.run(5); document.querySelector('#step').click();
         return demo.plots[0].samples.at(-1).callRate;",
    );
    assert!(rate > 0.0 && rate <= 60.0, "{rate} calls a second");
    visit.click("#reset");
    assert_eq!(visit.number("return demo.counters().calls;"), 0.0);

    let tile = visit.number("return demo.map.tile;");
    visit.click("#zoom-in");
    assert_eq!(visit.number("return demo.map.tile;"), 2.0 * tile);
    visit.click("#zoom-out");
    assert_eq!(visit.number("return demo.map.tile;"), tile);

    let light = visit.ask("return demo.palette();");
    visit.click("#theme");
    assert_eq!(visit.ask("return document.documentElement.dataset.theme;"), "dark");
    assert_ne!(visit.ask("return demo.palette();"), light);
    assert_pixels(&visit, 2);
    visit.click("#theme");
    assert_eq!(visit.ask("return demo.palette();"), light);
    visit.leave();
}

pub fn what_breaks_others_is_reported_and_the_heap_goes_on(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(256 * KIB, 1, MIX, 50, 10);
    visit.calls(5000);

    visit.click("#double-free");
    let log = visit.text("#log");
    assert!(log.contains("is free already") && log.contains("every invariant holds"), "{log}");
    visit.click("#wrong-pointer");
    let log = visit.text("#log");
    assert!(log.contains("is not the start of a block") && log.contains("is not in this heap"), "{log}");
    assert_eq!(visit.number("return demo.counters().wrongFrees;"), 4.0);
    // Seen at once, although the programs are stopped.
    let shown = "return [...document.querySelectorAll('#counters div')].find((box) => box.innerText.startsWith('Wrong')).querySelector('span').innerText;";
    assert_eq!(visit.ask(shown), "4");

    visit.click("#exhaust");
    let log = visit.text("#log");
    assert!(log.contains("refused 8 bytes"), "{log}");
    // Long numbers are grouped, but for addresses.
    let digits = |word: &str| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_digit());
    let taken = log.split_once("The demo took ").map_or("", |(_, rest)| rest.split(' ').next().unwrap_or(""));
    assert!(taken.contains(',') && !log.split_whitespace().any(digits), "{log}");
    assert!(visit.number("return demo.counters().largest;") < 8.0);
    visit.click("#exhaust");
    assert!(visit.number("return demo.counters().largest;") > 1024.0);
    assert_eq!(visit.text("#exhaust"), "Use everything up");

    visit.click("#leak");
    visit.wait_for(
        "demo.lab.leaked() > 200 && document.querySelector('#leak-hunt').innerText.includes('blocks of 40 bytes')",
    );
    visit.click("#leak");
    assert_eq!(visit.number("return demo.lab.leaked();"), 0.0);
    assert!(visit.text("#log").contains("that it had forgotten"));
    assert_eq!(visit.number("return demo.counters().damaged;"), 0.0);
    visit.leave();
}
