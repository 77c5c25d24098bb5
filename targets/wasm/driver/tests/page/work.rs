//! Programs at work: what the page counts and draws of them.

use larder_web_driver::shots::DESKTOP;
use serde_json::{Value, json};

use crate::visit::*;

/// Compares the map's pixels with what the heap's walk says, by colours of the legend: cells where tiles have some, else the mean of a
/// tile. `shift` moves the walk, for a comparison that must fail.
fn compare_pixels(visit: &Visit, shift: u32) -> Value {
    let script = include_str!("compare_pixels.js");
    visit.ask(&format!("{script}\nreturn compare({shift});"))
}

pub fn assert_pixels(visit: &Visit, least_colours: u64) {
    let same = compare_pixels(visit, 0);
    assert_eq!(same["wrong"], 0, "{same}");
    assert!(same["compared"].as_u64() > Some(4000), "{same}");
    assert!(same["colours"].as_u64() >= Some(least_colours), "{same}");
    let shifted = compare_pixels(visit, 256);
    assert!(shifted["wrong"].as_u64() > Some(10), "the comparison finds nothing: {shifted}");
}

pub fn counters_move_while_programs_run_and_add_up_to_the_arena(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(256 * KIB, 1, MIX, 70, 100_000);
    visit.click("#run");
    visit.wait_for("demo.counters().calls > 20000");
    assert_eq!(visit.text("#run"), "Stop");
    visit.wait_for("document.querySelector('#counters dd span').innerText.endsWith('KiB')");
    visit.click("#run");
    let calls = visit.number("return demo.counters().calls;");
    let sums = visit.ask(
        "const { arena, tables, live, free, waste, requested, damaged } = demo.counters();
         return { sum: tables + live + free + waste, arena, live, requested, damaged };",
    );
    assert_eq!(sums["sum"], sums["arena"], "{sums}");
    assert_eq!(sums["damaged"], 0);
    assert!(sums["live"].as_u64() >= sums["requested"].as_u64() && sums["requested"].as_u64() > Some(50_000), "{sums}");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(visit.number("return demo.counters().calls;"), calls, "it goes on although it was stopped");
    // What is shown is the state in which it stopped.
    assert_eq!(visit.number(&format!("return {LAST_SAMPLE}.calls;")), calls);
    assert_eq!(visit.ask(&format!("return {LAST_SAMPLE}.refused;")), visit.ask("return demo.counters().refused;"));
    visit.leave();
}

pub fn fragmentation_grows_with_the_adversary_and_heals_without(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(MIB, 2, [0, 0, 0, 0, 1], 70, 10);
    let worst = visit.number(
        "let worst = 0;
         for (let at = 0; at < 200; at += 1) { demo.lab.run(500); worst = Math.max(worst, demo.counters().external); }
         return worst;",
    );
    assert!(worst > 0.8, "{worst}");
    visit.ask("demo.setMix([0, 0, 0, 0, 0]); demo.lab.run(1000000);");
    let healed = visit.ask("const { live, external } = demo.counters(); return [live, external < 0.01];");
    assert_eq!(healed, json!([0, true]));
    visit.leave();
}

pub fn pixels_are_what_the_heaps_walk_says(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    for (arena, calls) in
        [(64 * KIB, 9000), (256 * KIB, 30_000), (MIB, 60_000), (4 * MIB, 200_000), (16 * MIB, 900_000)]
    {
        visit.restart(arena, 3, MIX, 80, 10);
        visit.calls(calls);
        assert_pixels(&visit, 9);
    }
    // 16 MiB, closer, so that every block is seen: large ones, the pools' first page, and the last corner, where the tables are.
    let page = "demo.lab.pieces().findIndex((kind, at, rows) => at % 6 === 0 && kind === 5)";
    let first_page = format!("demo.lab.pieces()[{page} + 1] / 256");
    let shows = [
        "demo.map.view(8, 70, 3);".to_owned(),
        "demo.map.view(16, 120, 40);".to_owned(),
        format!("const at = {first_page}; demo.map.view(32, at % demo.map.tiles, Math.floor(at / demo.map.tiles));"),
        "demo.map.view(32, 999, 999);".to_owned(),
    ];
    for show in shows {
        visit.ask(&show);
        assert_pixels(&visit, 2);
    }
    visit.leave();
}

pub fn the_map_the_plots_and_the_table_follow_a_workload(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(256 * KIB, 6, MIX, 110, 50_000);
    let pictures = visit.number(
        "const seen = new Set();
         const look = () => {
           seen.add(document.querySelector('#map').toDataURL());
           document.querySelectorAll('.plots canvas').forEach((canvas) => seen.add(canvas.toDataURL()));
         };
         for (let at = 0; at < 5; at += 1) { await demo.runFor(400); look(); }
         return seen.size;",
    );
    assert_eq!(pictures, 20.0, "the map and the plots differ at each look");
    visit.click("#run");
    assert_pixels(&visit, 9);
    // Each plot's curves end, at the right edge, where the last sample says.
    let heights = visit.ask(&format!(
        "const {{ arena, live, largest, external }} = {LAST_SAMPLE};
         const top = (plot, colour) => {{
           const {{ canvas, context }} = plot, data = context.getImageData(canvas.width - 1, 0, 1, canvas.height).data;
           const wanted = plot.colours[colour].match(/\\d+/g).map(Number);
           for (let y = 0; y < canvas.height; y += 1) if (wanted.every((part, at) => Math.abs(data[4 * y + at] - part) < 60)) return 1 - y / canvas.height;
           return -1;
         }};
         return [[top(demo.plots[0], 0), live / arena], [top(demo.plots[1], 0), external]];"
    ));
    for pair in heights.as_array().unwrap() {
        let (seen, due) = (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap());
        assert!((seen - due).abs() < 0.06, "{heights}");
    }
    let rows = visit.ask(
        "return [...document.querySelector('#classes').tBodies[0].rows].slice(0, -1).map(({ cells }) =>
           [parseInt(cells[0].innerText), ...[1, 2, 3].map((at) => Number(cells[at].innerText.replace(',', '')))]);",
    );
    let counted = visit.ask(
        "const { rows } = demo.counters();
         return Array.from({ length: rows.length / 5 }, (_, at) => [0, 1, 3, 4].map((part) => rows[5 * at + part]));",
    );
    assert_eq!(rows, counted);
    let bars = visit.ask(
        "const { rows, large } = demo.counters();
         const wide = (bar) => bar.getBoundingClientRect().width;
         const bars = [...document.querySelectorAll('#classes .share')];
         const of = (at) => wide(bars[at].children[0]) / wide(bars.at(-1).children[0]);
         return bars.slice(0, -1).map((_, at) => Math.abs(of(at) - rows[5 * at] * rows[5 * at + 3] / large)).filter((error) => error > 0.03);",
    );
    assert_eq!(bars, json!([]));
    visit.leave();
}

pub fn the_sentence_and_the_cards_are_of_the_same_moment(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(256 * KIB, 1, MIX, 110, 50_000);
    let looks = visit.ask(
        "const box = (at) => document.querySelectorAll('#counters div')[at];
         const said = document.querySelector('#said'), seen = new Set(), wrong = [];
         await demo.runFor(200);
         for (let at = 0; at < 150; at += 1) {
           await new Promise(requestAnimationFrame);
           const [live, largest, refused] = [box(0).querySelector('small'), box(2).querySelector('span'), box(5).querySelector('span')]
             .map((element) => element.textContent);
           const words = said.textContent;
           const parts = [`Running. ${live} of the arena`, largest === '0 B' ? 'nothing is free' : `, the largest ${largest}.`];
           if (refused !== '0') parts.push(` ${refused} request`);
           seen.add(words);
           if (!parts.every((part) => words.includes(part))) wrong.push([words, parts]);
         }
         return { wrong: wrong.length, first: wrong[0], seen: seen.size };",
    );
    assert_eq!(looks["wrong"], 0, "{looks}");
    assert!(looks["seen"].as_u64() > Some(5), "{looks}");
    visit.leave();
}

pub fn the_maps_words_are_of_what_is_drawn(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(256 * KIB, 1, MIX, 70, 50_000);
    visit.calls(20_000);
    let looks = visit.ask(
        "const { piece } = await import('./words.js');
         const words = document.querySelector('#inspect'), seen = new Set(), wrong = [];
         const rows = [...demo.lab.pieces()];
         const pages = rows.flatMap((kind, at) => (at % 6 === 0 && kind === 5 ? [rows[at + 1]] : []));
         document.querySelector('#run').click();
         for (let at = 0; at < 200; at += 1) {
           if (at % 20 === 0) demo.map.choose(pages[Math.floor(at * pages.length / 200)]);
           await new Promise(requestAnimationFrame);
           // The last frame drew the heap as it still is.
           const due = piece(demo.lab.piece_at(demo.map.chosen), demo.map.chosen);
           seen.add(words.textContent);
           if (words.textContent !== due) wrong.push([words.textContent, due]);
         }
         return { wrong: wrong.length, first: wrong[0], seen: seen.size };",
    );
    assert_eq!(looks["wrong"], 0, "{looks}");
    assert!(looks["seen"].as_u64() > Some(20), "{looks}");
    // A new heap has nothing chosen, so nothing is said of the old one.
    visit.ask("document.querySelector('#reset').click();");
    assert!(visit.text("#inspect").starts_with("Point at the map"));
    visit.leave();
}

/// The slider sets a limit. What is reached is measured, and said where it is less. Here calls are slow on purpose.
pub fn a_speed_that_is_not_reached_is_said(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    visit.restart(256 * KIB, 1, MIX, 70, 2_000_000);
    visit.ask(
        "const { lab } = demo, { run } = Object.getPrototypeOf(lab);
         lab.run = (n) => {
           const [done, end] = [run.call(lab, n), performance.now() + 4];
           while (performance.now() < end);
           return done;
         };",
    );
    assert!(visit.text("#speed-out").starts_with("up to "));
    let hint = visit.text("#speed-said");
    assert!(hint.contains("a limit"), "{hint}");
    visit.click("#run");
    visit.wait_for("document.querySelector('#speed-said').innerText.startsWith('This browser reaches ')");
    let said = visit.text("#speed-said");
    assert!(said.contains(" calls/s: ") && !said.contains(" M calls/s"), "{said}");
    // At a speed that is reached there is nothing to say, nor where nothing runs.
    visit.ask("demo.setSpeed(1000);");
    assert_eq!(visit.text("#speed-said"), hint);
    visit.ask("await new Promise((resolve) => { setTimeout(resolve, 2500); });");
    assert_eq!(visit.text("#speed-said"), hint);
    visit.ask("demo.setSpeed(2000000);");
    visit.wait_for("document.querySelector('#speed-said').innerText.startsWith('This browser reaches ')");
    visit.click("#run");
    assert_eq!(visit.text("#speed-said"), hint);
    visit.leave();
}

pub fn every_slider_changes_what_it_names(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    let calls_in = |visit: &Visit| {
        let before = visit.number("return demo.counters().calls;");
        visit.run_for(700);
        visit.number("return demo.counters().calls;") - before
    };
    let press = |slider: &str, key: &str| {
        visit.ask(&format!("document.querySelector('{slider}').focus();"));
        visit.0.press(key).unwrap();
        visit.ask(&format!("return document.querySelector('{slider}').ariaValueText;")).as_str().unwrap().to_owned()
    };
    visit.restart(256 * KIB, 1, [0; 5], 50, 10_000);
    assert_eq!(calls_in(&visit), 0.0, "no program has a share");
    assert!(visit.text("#said").contains("no program has a share"));
    for program in 0..5 {
        let slider = format!("#mix-{program}");
        assert_eq!(press(&slider, "End"), "5");
        assert!(calls_in(&visit) > 500.0, "program {program} alone");
        assert_eq!(press(&slider, "Home"), "off");
        visit.ask("demo.lab.run(1000000);");
        assert_eq!(visit.number("return demo.counters().live;"), 0.0);
    }
    assert_eq!(press("#mix-0", "End"), "5");
    assert_eq!(press("#speed", "Home"), "up to 10 calls/s");
    let slow = calls_in(&visit);
    assert!(press("#speed", "End").contains(" M calls/s"));
    let fast = calls_in(&visit);
    assert!(fast > 100.0 * (slow + 1.0), "{fast} calls, {slow} when slow");
    let live = "demo.lab.run(60000); const { live, arena } = demo.counters(); return live / arena;";
    assert_eq!(press("#fill", "Home"), "10 %");
    let low = visit.number(live);
    assert_eq!(press("#fill", "End"), "140 %");
    let high = visit.number(live);
    assert!(low < 0.2 && high > 0.7, "{low} live, then {high}");
    visit.leave();
}

pub fn a_seed_makes_the_same_run_again(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    let state = |seed: u32| {
        visit.restart(256 * KIB, seed, MIX, 80, 10);
        visit.calls(20_000);
        visit.ask("return [...demo.lab.pieces()];")
    };
    let (first, again, other) = (state(9), state(9), state(10));
    assert_eq!(first, again);
    assert_ne!(first, other);
    visit.leave();
}

pub fn an_address_says_how_to_start(stage: &Stage) {
    let visit = stage.visit(DESKTOP);
    // As a visitor sets it: each event reaches the page.
    visit.ask(
        "const set = (id, value) => {
           const control = document.getElementById(id);
           control.value = value;
           ['input', 'change'].forEach((event) => control.dispatchEvent(new Event(event, { bubbles: true })));
         };
         set('arena', 262144); set('seed', 7); set('fill', 90); set('speed', 30);
         [0, 1, 2, 3, 5].forEach((share, at) => set(`mix-${at}`, share));",
    );
    let address = visit.ask("return location.hash;");
    assert_eq!(address, "#arena=262144&seed=7&fill=90&speed=30&mix=0-1-2-3-5");
    let after_calls = "demo.lab.run(20000); return [...demo.lab.pieces()];";
    visit.click("#reset");
    let pieces = visit.ask(after_calls);
    visit.leave();

    let visit = stage.visit_at(address.as_str().unwrap(), DESKTOP);
    assert_eq!(visit.ask(after_calls), pieces);
    let shown = "return [...document.querySelectorAll('#controls output')].map((output) => output.innerText);";
    assert_eq!(visit.ask(shown), json!(["up to 389 calls/s", "90 %", "off", "1", "2", "3", "5"]));
    // Another address in the same page, of which only some can be.
    visit.ask("location.hash = '#arena=65536&seed=x&fill=9999&mix=-1-9';");
    visit.wait_for("demo.counters().arena === 65536");
    assert_eq!(visit.ask(shown), json!(["up to 389 calls/s", "140 %", "off", "1", "5", "3", "5"]));
    assert_eq!(visit.ask("return document.querySelector('#seed').value;"), "7");
    visit.ask("demo.lab.run(10); location.hash = '#arena=12345&seed=99999999999';");
    visit.wait_for("demo.counters().calls === 0");
    assert_eq!(
        visit.ask("return [demo.counters().arena, document.querySelector('#seed').value];"),
        json!([65536, "7"])
    );
    visit.leave();
}
