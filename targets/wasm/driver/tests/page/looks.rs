//! What the page looks like: colours, contrast, widths.

use larder_web_driver::browser::Look;
use larder_web_driver::shots::{DESKTOP, PHONE};
use serde_json::json;

use crate::visit::*;

pub fn forced_colours_leave_the_maps(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(256 * KIB, 1, MIX, 70, 10);
    visit.calls(9000);
    let palette = visit.ask("return demo.palette();");
    visit.0.prefer("forced-colors", "active").unwrap();
    visit.wait_for("matchMedia('(forced-colors: active)').matches");
    assert_eq!(visit.ask("return demo.palette();"), palette);
    visit.leave();
}

/// Of two colours, how far they are apart at least: see `told_apart.js`.
const APART: f64 = 0.045;

pub fn every_eye_tells_the_colours_apart(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    let script = include_str!("told_apart.js");
    for _ in ["light", "dark"] {
        let closest = |colours: &str| visit.ask(&format!("{script}\nreturn closest({colours});"));
        // What is on the map, but for the paler colours, which lie beside their own; and each plot's keys.
        let map = closest(
            "Object.fromEntries([...document.querySelectorAll('#legend li:not([hidden])')].map((item) =>
               [item.innerText, getColour(getComputedStyle(item.querySelector('i')).backgroundColor)]))",
        );
        let plots = ["0", "1"].map(|plot| {
            closest(&format!(
                "Object.fromEntries(demo.plots[{plot}].colours.map((colour, at) => [at, getColour(colour)]))"
            ))
        });
        for worst in [&map, &plots[0], &plots[1]] {
            assert!(worst["distance"].as_f64() >= Some(APART), "{worst}");
        }
        visit.click("#theme");
    }
    visit.leave();
}

/// What the Web Content Accessibility Guidelines ask for at level AA.
const CONTRAST: f64 = 4.5;

pub fn every_text_has_contrast(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(64 * KIB, 1, MIX, 70, 10);
    visit.ask("demo.race.lanes.forEach((lane) => { lane.patience = 0; });");
    for button in ["#double-free", "#exhaust", "#leak", "#race-start"] {
        visit.click(button);
    }
    visit.wait_for("demo.race.finished");
    let script = include_str!("told_apart.js");
    for theme in ["light", "dark"] {
        let texts = visit.ask(&format!(
            "{script}
             return [...document.querySelectorAll('body *')].filter((element) => element.innerText?.trim() && element.checkVisibility()
                 && [...element.childNodes].some(({{ nodeType, data }}) => nodeType === Node.TEXT_NODE && data.trim()))
               .map((element) => [contrast(element), element.outerHTML]).sort(([one], [other]) => one - other);"
        ));
        let (texts, worst) = (texts.as_array().unwrap().len(), &texts[0]);
        println!("{theme}: {texts} texts, the least contrast is {}", worst[0]);
        assert!(texts > 100 && worst[0].as_f64() >= Some(CONTRAST), "{texts} texts, {worst}");
        visit.click("#theme");
    }
    visit.leave();
}

/// What sticks out of its card, and bars and sliders in which nothing can be told apart.
const CRAMPED: &str = "
    const wide = (element) => element.getBoundingClientRect().width;
    const cramped = [];
    for (const card of document.querySelectorAll('.card')) {
      const { right } = card.getBoundingClientRect(), padding = parseFloat(getComputedStyle(card).paddingRight);
      for (const element of card.querySelectorAll('*')) {
        if (!element.closest('.hidden') && wide(element) > 1 && element.getBoundingClientRect().right > right - padding + 1) cramped.push(element.outerHTML);
      }
      for (const element of card.querySelectorAll('.share, input')) if (wide(element) < wide(card) / 4) cramped.push(element.outerHTML);
    }
    return cramped;";

pub fn it_fits_every_width_in_light_and_dark(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    // Where numbers are longest.
    visit.restart(16 * MIB, 4, MIX, 72, 200_000);
    visit.calls(900_000);
    visit.run_for(1500);
    visit.click("#run");
    visit.ask(
        "for (const row of document.querySelector('#classes').tBodies[0].rows) {
           [...row.cells].slice(1, 5).forEach((cell, at) => { cell.textContent = at < 3 ? '88.8 k' : '1023 KiB'; });
         }",
    );
    for (name, look) in [("desktop", DESKTOP), ("phone", PHONE)] {
        for dark in [false, true] {
            visit.0.look(Look { dark, ..look }).unwrap();
            for width in [320, look.width] {
                visit.0.look(Look { dark, width, ..look }).unwrap();
                std::thread::sleep(std::time::Duration::from_millis(300));
                let wide = visit.number("return document.documentElement.scrollWidth - innerWidth;");
                assert!(wide <= 0.0, "{wide} pixels too wide at {width}");
                assert_eq!(visit.ask(CRAMPED), json!([]), "at {width}");
            }
            let shot = visit.0.shoot().unwrap();
            let file = site().with_file_name(format!("web-{name}-{}.png", if dark { "dark" } else { "light" }));
            std::fs::write(file, &shot).unwrap();
            // A page that shows nothing packs to nearly nothing.
            assert!(shot.len() > 40_000, "{} bytes", shot.len());
        }
    }
    visit.leave();
}
