//! The race.

use larder_web_driver::shots::DESKTOP;
use serde_json::json;

use crate::visit::*;

pub fn the_race_runs_one_trace_on_four_allocators(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(16 * MIB, 5, MIX, 90, 10);
    visit.click("#race-start");
    visit.wait_for("demo.race.running");
    visit.click("#race-start");
    assert!(visit.text("#race-said").contains("Stopped"));
    // All four are seen on their way, not only at the end.
    visit.click("#race-start");
    visit.wait_for("demo.race.lanes.every(({ finished, figures }) => !finished && figures.calls > 0)");
    visit.click("#race-start");
    visit.restart(256 * KIB, 5, MIX, 90, 10);
    visit.ask(PATIENT);
    visit.click("#race-start");
    visit.wait_for("demo.race.finished");
    let lanes = visit.ask(
        "return demo.race.lanes.map(({ name, figures, done, total, canvas }) => {
           const pixels = new Uint32Array(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer);
           return { name, ...figures, done, total, colours: new Set(pixels).size };
         });",
    );
    let names: Vec<&str> = lanes.as_array().unwrap().iter().map(|lane| lane["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["larder", "talc", "dlmalloc", "linked_list_allocator"]);
    for lane in lanes.as_array().unwrap() {
        println!("{lane}");
        assert_eq!((&lane["done"], &lane["damaged"]), (&lane["total"], &json!(0)), "{lane}");
        assert!(lane["nanoseconds"].as_f64() > Some(1.0) && lane["calls"].as_u64() > Some(90_000), "{lane}");
        assert!(lane["requested"].as_u64() > Some(100_000) && lane["largest"].as_u64() < Some(120_000), "{lane}");
        assert!(lane["colours"].as_u64() > Some(8), "{lane}");
    }
    assert!(visit.text("#race-said").contains("ns a call"));
    assert_eq!(
        visit.ask("return [...document.querySelectorAll('.place')].map((place) => place.innerText).sort();"),
        json!(["1st", "2nd", "3rd", "4th"])
    );
    visit.leave();
}

/// Lanes that nobody stops, however slow the machine is.
const PATIENT: &str = "demo.race.lanes.forEach((lane) => { lane.patience = Infinity; });";

/// The programs would share the time that the race measures.
pub fn programs_pause_while_the_race_runs(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(16 * MIB, 5, MIX, 90, 50_000);
    visit.ask(PATIENT);
    visit.click("#run");
    visit.wait_for("demo.counters().calls > 1000");
    visit.click("#race-start");
    visit.wait_for("demo.race.running");
    assert!(visit.text("#said").starts_with("Paused while the race runs."));
    assert!(visit.text("#race .hint").contains("pause while the race runs"));
    let calls = "return demo.counters().calls;";
    let before = visit.number(calls);
    let done = "demo.race.lanes.reduce((sum, lane) => sum + lane.done, 0)";
    visit.ask(&format!(
        "const due = {done} + 5000; while ({done} < due && demo.race.running) await new Promise(requestAnimationFrame);"
    ));
    assert_eq!(visit.ask("return demo.race.running;"), true);
    assert_eq!(visit.number(calls), before);
    visit.click("#race-start");
    visit.wait_for(&format!("demo.counters().calls > {before}"));
    visit.wait_for("document.querySelector('#said').innerText.startsWith('Running.')");
    visit.leave();
}

/// Numbers in sentences, and what a race says at its end.
pub fn one_is_no_plural_and_none_is_no_number(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    let words = |script: &str| {
        let head = "const { refusals, call } = await import('./words.js'); const { verdict } = await import('./race.js');
             const lane = (name, refused, spent, finished = true) =>
               ({ name, finished, spent, far: '7 of 9 calls in 5.0 s', figures: { refused, nanoseconds: 10 * spent } });";
        visit.ask(&format!("{head} return {script};")).as_str().unwrap().to_owned()
    };
    assert_eq!(words("refusals(1)"), "1 request was refused");
    assert_eq!(words("refusals(20000)"), "20.0 k requests were refused");
    assert_eq!(words("call([1, 1, 256, 1])"), "Asked for a block: 1 byte, at arena + 0x100, page 2.");
    assert_eq!(
        words("verdict([lane('a', 0, 2), lane('b', 0, 1)])"),
        "b took least time: 10 ns a call. None refused a request."
    );
    assert_eq!(
        words("verdict([lane('a', 1, 2), lane('b', 1, 3)])"),
        "a took least time: 20 ns a call. Each refused 1 request."
    );
    let stopped = "c was stopped: 7 of 9 calls in 5.0 s.";
    assert_eq!(
        words("verdict([lane('a', 0, 2), lane('b', 0, 3), lane('c', 0, 5, false)])"),
        format!(
            "a took least time of those that made every call: 20 ns a call. None of those that made every call refused a request. {stopped}"
        )
    );
    assert_eq!(
        words("verdict([lane('a', 4, 2), lane('b', 3, 3), lane('c', 0, 5, false)])"),
        format!(
            "a took least time of those that made every call: 20 ns a call. Fewest refusals of those that made every call: 3, by b. {stopped}"
        )
    );
    assert_eq!(
        words("verdict([lane('a', 2, 2), lane('c', 0, 5, false)])"),
        format!("a alone made every call: 20 ns a call. It refused 2 requests. {stopped}")
    );
    assert_eq!(words("verdict([lane('c', 0, 5, false)])"), format!("None made every call. {stopped}"));
    visit.leave();
}

/// What takes too long is stopped: it has no place, and is compared with nobody.
pub fn the_race_stops_who_takes_too_long_and_says_so(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(64 * KIB, 5, MIX, 90, 10);
    // No patience at all with one: it is stopped after the first calls that were timed.
    visit.ask(&format!("{PATIENT} demo.race.lanes[2].patience = 0;"));
    visit.click("#race-start");
    visit.wait_for("demo.race.finished");
    let lane = visit.ask(
        "const { done, total, finished, figures, progress, place, early } = demo.race.lanes[2];
         return { done, part: done < total, finished, calls: figures.calls <= done, bar: progress.value === done / total,
                  place: place.innerText, early: early.innerText };",
    );
    let done = &lane["done"];
    let early = lane["early"].as_str().unwrap();
    assert!(early.starts_with(&format!("Stopped: {done} of 500,000 calls in ")), "{lane}");
    let due = json!({ "done": done, "part": true, "finished": false, "calls": true, "bar": true, "place": "stopped", "early": early });
    assert_eq!(lane, due);
    assert_eq!(
        visit.ask("return [0, 1, 3].map((at) => demo.race.lanes[at]).map(({ finished, early }) => [finished, early.innerText]);"),
        json!([[true, ""], [true, ""], [true, ""]])
    );
    let said = visit.text("#race-said");
    assert!(!said.starts_with("dlmalloc") && said.contains(" of those that made every call"), "{said}");
    assert!(said.contains(&format!("dlmalloc was stopped: {done} of")), "{said}");
    assert_eq!(
        visit.ask("return [...document.querySelectorAll('.place')].map((place) => place.innerText).sort();"),
        json!(["1st", "2nd", "3rd", "stopped"])
    );
    // Nobody ends: then nobody is first.
    visit.ask("demo.race.lanes.forEach((lane) => { lane.patience = 0; });");
    visit.click("#race-start");
    visit.wait_for("!demo.race.running && demo.race.finished && demo.race.lanes.every((lane) => lane.ended)");
    assert!(visit.text("#race-said").starts_with("None made every call."));
    assert_eq!(visit.text(".place"), "stopped");
    visit.leave();
}
