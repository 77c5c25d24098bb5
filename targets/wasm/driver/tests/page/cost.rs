//! What the page costs: its weight, its first paint, its frames.

use std::path::Path;

use larder_web_driver::bundle;
use larder_web_driver::shots::DESKTOP;
use serde_json::json;

use crate::visit::*;

/// What the page may weigh, all modules included.
const WEIGHT_MAX: u64 = 300 * 1024;
/// Milliseconds until something is seen.
const PAINT_MAX_MS: f64 = 1000.0;

/// Milliseconds that a page has for a frame when it draws 60 a second.
const FRAME_MS: f64 = 1000.0 / 60.0;
/// What a frame may cost the page's own thread besides the programs' calls, in plain passes over the map's pixels.
const FRAME_PASSES: f64 = 40.0;
/// How often that is measured at most: other programs can only make it more.
const FRAME_TRIES: usize = 6;

pub fn the_page_is_light_isolated_and_asks_nobody_else(stage: &Stage) {
    let bytes = bundle::weight(Path::new(&site())).unwrap();
    println!("the page weighs {bytes} bytes");
    assert!(bytes <= WEIGHT_MAX, "{bytes} bytes");
    let visit = stage.visit(DESKTOP);
    visit.wait_for("performance.getEntriesByName('first-contentful-paint').length === 1");
    let paint = visit.number("return performance.getEntriesByName('first-contentful-paint')[0].startTime;");
    println!("first paint after {paint:.0} ms");
    assert!(paint < PAINT_MAX_MS, "{paint} ms");
    assert_eq!(visit.ask("return crossOriginIsolated;"), true);
    let foreign = "return performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => !name.startsWith(origin));";
    assert_eq!(visit.ask(foreign), json!([]));
    visit.leave();
}

/// On a clock that the test moves, so that it is the same on every machine: a call takes so long, and a drawing so long.
pub fn programs_leave_time_for_the_frame(stage: &Stage) {
    for (call_ms, draw_ms) in [(0.001, 4.0), (0.01, 4.0), (0.001, 9.0), (0.0, 12.0)] {
        let visit = stage.visit(DESKTOP);
        visit.restart(16 * MIB, 1, MIX, 70, 1_000_000);
        let frames = visit.ask(&format!(
            "const {{ lab }} = demo, {{ run, draw }} = Object.getPrototypeOf(lab), frames = [];
             let [now, calls] = [performance.now(), 0];
             performance.now = () => now;
             lab.run = (n) => {{ now += n * {call_ms}; calls += n; return run.call(lab, n); }};
             lab.draw = () => {{ now += {draw_ms}; return draw.call(lab); }};
             document.querySelector('#run').click();
             for (let at = 0; at < 20; at += 1) {{
               const [begun, before] = [now, calls];
               await new Promise(requestAnimationFrame);
               frames.push([now - begun, calls - before]);
             }}
             // The first ones don't know yet what a drawing takes.
             return frames.slice(3);"
        ));
        for frame in frames.as_array().unwrap() {
            let (milliseconds, calls) = (frame[0].as_f64().unwrap(), frame[1].as_f64().unwrap());
            assert!(milliseconds <= FRAME_MS && milliseconds >= draw_ms, "{call_ms} and {draw_ms} ms: {frames}");
            assert!(calls >= 500.0, "{call_ms} and {draw_ms} ms: {frames}");
        }
        visit.leave();
    }
}

/// The map of the largest arena, and everything else that a frame does however few calls there are. Frames a second would say how busy the
/// machine is; this says what they cost: processor time, against that of a loop in the same page.
pub fn a_frame_at_16_mib_is_cheap(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(16 * MIB, 1, MIX, 70, 10);
    visit.calls(900_000);
    assert!(visit.number("const { live, arena } = demo.counters(); return live / arena;") > 0.3);
    visit.ask(
        "globalThis.drawings = 0;
         const { draw } = Object.getPrototypeOf(demo.map);
         demo.map.draw = () => { drawings += 1; draw.call(demo.map); };
         const pixels = new Uint32Array(demo.map.side ** 2);
         const pass = () => { for (let at = 0; at < pixels.length; at += 1) pixels[at] = 3 * pixels[at] + at; };
         globalThis.pass = () => { const begun = performance.now(); pass(); return performance.now() - begun; };",
    );
    let (mut least_ms, mut pass_ms) = (f64::MAX, f64::MAX);
    for _ in 0..FRAME_TRIES {
        pass_ms = pass_ms.min(visit.number("return Math.min(...Array.from({ length: 80 }, pass));"));
        let (seconds, drawings) = (visit.0.thread_seconds().unwrap(), visit.number("return drawings;"));
        visit.run_for(1500);
        let frames = visit.number("return drawings;") - drawings;
        let frame_ms = (visit.0.thread_seconds().unwrap() - seconds) * 1000.0 / frames;
        let rate = visit.number("return demo.pace().rate;");
        println!("{frames} frames, {rate:.1} a second, {frame_ms:.1} ms each; a pass takes {pass_ms:.2} ms");
        least_ms = least_ms.min(frame_ms);
    }
    let least = least_ms / pass_ms;
    assert!(least <= FRAME_PASSES, "a frame costs {least:.1} passes over the map's pixels");
    visit.wait_for("document.querySelector('#fps').innerText.includes('fps')");
    visit.leave();
}
