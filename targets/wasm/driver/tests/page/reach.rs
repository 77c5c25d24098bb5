//! For everybody: keyboards, ears, pointers and phones.

use larder_web_driver::browser::Look;
use larder_web_driver::shots::{DESKTOP, PHONE};
use serde_json::json;

use crate::visit::*;

pub fn a_keyboard_is_enough(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(256 * KIB, 1, MIX, 50, 10);
    visit.calls(3000);
    visit.ask("document.querySelector('#run').focus();");
    visit.0.press("Enter").unwrap();
    visit.wait_for("demo.running");
    visit.0.press("Enter").unwrap();
    visit.wait_for("!demo.running");
    visit.ask("document.querySelector('#map').focus();");
    let keys: Vec<String> = ["Home", "ArrowRight", "ArrowDown", "End"]
        .iter()
        .map(|key| {
            visit.0.press(key).unwrap();
            visit.text("#inspect")
        })
        .collect();
    let pages: Vec<&str> = keys.iter().map(|words| words.split(" ·").next().unwrap()).collect();
    assert_eq!(pages, ["Page 1", "Page 2", "Page 34", "Page 1024"]);
    assert!(keys[3].contains("tables"), "{keys:?}");
    visit.0.press("+").unwrap();
    assert_eq!(visit.number("return demo.map.seen;"), 16.0);
    visit.0.press("0").unwrap();
    assert_eq!(visit.number("return demo.map.seen;"), 32.0);
    // Everything that can be used can be reached, and says what it is.
    let nameless = visit.ask(
        "return [...document.querySelectorAll('button, input, select, canvas, [role=log]')].filter((element) =>
           element.tabIndex < 0 && !element.matches('canvas') || !(element.labels?.length || element.ariaLabel || element.innerText?.trim()))
           .map((element) => element.outerHTML);",
    );
    assert_eq!(nameless, json!([]));
    visit.leave();
}

pub fn what_is_focused_is_seen(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    let unseen = "const element = document.activeElement;
         // The map's frame hides what is outside of it, so it has the outline itself.
         const { outlineStyle, outlineWidth } = getComputedStyle(element.closest('.map') ?? element);
         return [element.id, outlineStyle === 'solid' && parseFloat(outlineWidth) >= 2];";
    let mut reached = std::collections::HashSet::new();
    for _ in 0..40 {
        visit.0.press("Tab").unwrap();
        let focused = visit.ask(unseen);
        let id = focused[0].as_str().unwrap().to_owned();
        if id.is_empty() {
            break; // the document itself: all have been visited
        }
        assert_eq!(focused[1], true, "{id} does not show that it has the focus");
        reached.insert(id);
    }
    let all = visit.number("return document.querySelectorAll('button, input, select, [tabindex]').length;");
    assert_eq!(reached.len() as f64, all, "{reached:?}");
    visit.leave();
}

/// A page that is at work changes all the time; a listener must not hear all of that.
pub fn little_is_read_out_while_programs_run(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(256 * KIB, 1, MIX, 70, 50_000);
    visit.ask("document.querySelector('#map').focus();");
    visit.0.press("Home").unwrap();
    let spoken = "return document.querySelector('#spoken').textContent;";
    assert!(visit.ask(spoken).as_str().unwrap().starts_with("Page 1 "));
    let changes = visit.ask(
        "await demo.runFor(100);
         let changes = [];
         const observer = new MutationObserver((all) => changes.push(...all.map(({ target }) => target.parentElement?.id || target.id)));
         document.querySelectorAll('output, [role=status], [role=log], [aria-live]').forEach((element) =>
           observer.observe(element, { childList: true, characterData: true, subtree: true }));
         await demo.runFor(3000);
         return changes;",
    );
    assert!(changes.as_array().unwrap().len() <= 2, "{changes}");
    visit.leave();
}

/// A phone's browser resizes the page whenever its address bar comes or goes.
pub fn a_phones_bars_leave_the_view(stage: &Stage) {
    let visit = stage.visit(PHONE);
    visit.restart(MIB, 1, MIX, 70, 10);
    visit.click("#zoom-in");
    let seen = "return [demo.map.seen, demo.map.column, demo.map.row];";
    let before = visit.ask(seen);
    visit.0.look(Look { height: PHONE.height - 56, ..PHONE }).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(visit.ask(seen), before);
    visit.leave();
}

pub fn pointing_at_a_page_says_what_it_holds(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(64 * KIB, 1, MIX, 60, 10);
    visit.calls(3000);
    // The middle of the first page that holds live blocks.
    let target = visit.ask(
        "const rows = demo.lab.pieces();
         let at = 0; while (rows[at] !== 5 || rows[at + 5] === 0) at += 6;
         const box = document.querySelector('#map').getBoundingClientRect();
         const tile = rows[at + 1] / 256, size = box.width / 16;
         return { x: box.left + (tile % 16 + 0.5) * size, y: box.top + (Math.floor(tile / 16) + 0.5) * size, page: tile + 1, block: rows[at + 3] };",
    );
    visit.0.point(target["x"].as_f64().unwrap(), target["y"].as_f64().unwrap()).unwrap();
    let start = format!("Page {} · blocks of {} B", target["page"], target["block"]);
    let words = visit.text("#inspect");
    assert!(words.starts_with(&start), "{words:?} does not begin with {start:?}");
    visit.leave();
}
