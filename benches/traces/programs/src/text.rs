//! Text: Markdown, templates, an editor's rope.

use crate::inputs::{self, Random};
use crate::recorded;
use std::collections::VecDeque;

/// pulldown-cmark: documents to HTML with a table of contents.
pub fn markdown() {
    let random = &mut Random::new(11);
    let texts: Vec<String> = (0..24).map(|page| inputs::markdown(random, 3 + page * 7 % 16)).collect();
    recorded(|| {
        let mut pages = Vec::new();
        for text in &texts {
            pages.push(render_markdown(text));
        }
        pages.len()
    });
}

fn render_markdown(text: &str) -> (Vec<String>, String) {
    use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};
    let events: Vec<Event> = Parser::new_ext(text, Options::all()).collect();
    let mut contents = Vec::new();
    let mut heading = None;
    for event in &events {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => contents.extend(heading.take()),
            Event::Text(part) => heading.iter_mut().for_each(|heading| heading.push_str(part)),
            _ => {}
        }
    }
    let mut page = String::new();
    html::push_html(&mut page, events.into_iter());
    (contents, page)
}

const BASE_TEMPLATE: &str =
    "<html><title>{% block title %}x{% endblock %}</title>{% block body %}{% endblock %}</html>";
const PAGE_TEMPLATE: &str = "{% extends 'base' %}
{% macro row(device, depth) %}<tr><td>{{ device.name|upper }}</td><td>{{ device.readings|length }}</td>
{% for reading in device.readings %}<td>{{ loop.index }}: {{ reading * 2 }}</td>{% endfor %}</tr>{% endmacro %}
{% block title %}{{ title|title }}{% endblock %}
{% block body %}<table>{% for device in devices|sort(attribute='name') %}
{% if device.online %}{{ row(device, loop.depth) }}{% else %}<tr><td>{{ device.note|default('none')|replace('a', 'o') }}</td></tr>{% endif %}
{% endfor %}</table>{% set names = devices|map(attribute='name')|list %}{{ names|join(', ') }}{% endblock %}";

/// minijinja: a device's status pages rendered from JSON.
pub fn template() {
    let random = &mut Random::new(12);
    let contexts: Vec<serde_json::Value> =
        [30, 60, 10].iter().map(|&records| serde_json::from_str(&inputs::json(random, records)).unwrap()).collect();
    recorded(|| {
        let mut environment = minijinja::Environment::new();
        environment.add_template("base", BASE_TEMPLATE).unwrap();
        environment.add_template("page", PAGE_TEMPLATE).unwrap();
        let page = environment.get_template("page").unwrap();
        let mut sent = 0;
        for context in &contexts {
            let devices = minijinja::Value::from(minijinja::value::Serde(&context["devices"]));
            sent += page.render(minijinja::context! { title => "all devices", devices }).unwrap().len();
        }
        sent
    });
}

/// ropey: an editing session with undo.
pub fn editor() {
    let random = &mut Random::new(13);
    let text = inputs::markdown(random, 30);
    recorded(|| {
        let mut rope = ropey::Rope::from_str(&text);
        let mut undo: VecDeque<ropey::Rope> = VecDeque::new();
        for step in 0..2500 {
            if step % 20 == 0 {
                undo.push_back(rope.clone());
            }
            if undo.len() > 24 {
                undo.pop_front();
            }
            edit(&mut rope, random);
            if step % 97 == 96 {
                rope = undo.pop_back().unwrap();
            }
        }
        rope.to_string().len()
    });
}

fn edit(rope: &mut ropey::Rope, random: &mut Random) {
    let at = random.below(rope.len_chars() as u32) as usize;
    match random.below(8) {
        0 => rope.remove(at..(at + random.range(1, 400) as usize).min(rope.len_chars())),
        1 => {
            let pasted = random.range(5, 120);
            rope.insert(at, &inputs::words(random, pasted));
        }
        2 => {
            let line: String = rope.line(rope.char_to_line(at)).chars().take(160).collect();
            rope.insert(at, &line);
        }
        _ => rope.insert(at, inputs::word(random)),
    }
}
