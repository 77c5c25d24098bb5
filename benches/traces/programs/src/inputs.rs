//! Deterministic inputs: the same bytes at every recording.

use std::fmt::Write;

/// xorshift64*, small and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next()) * u64::from(bound)) >> 32) as u32
    }

    /// A number of `low..high`.
    pub fn range(&mut self, low: u32, high: u32) -> u32 {
        low + self.below(high - low)
    }

    /// One of `choices`.
    pub fn pick<'a, T: ?Sized>(&mut self, choices: &[&'a T]) -> &'a T {
        choices[self.below(choices.len() as u32) as usize]
    }

    /// Spread like the sizes that programs ask for: every power of two up to `2^bits` as likely as the others.
    pub fn skewed(&mut self, bits: u32) -> u32 {
        let top = self.range(1, bits + 1);
        self.range(1 << (top - 1), 1 << top)
    }
}

const WORDS: &[&str] = &[
    "sensor",
    "a",
    "the",
    "voltage",
    "of",
    "is",
    "measured",
    "controller",
    "and",
    "battery",
    "on",
    "temperature",
    "to",
    "threshold",
    "interrupt",
    "by",
    "buffer",
    "in",
    "watchdog",
    "reset",
    "radio",
    "channel",
    "with",
    "firmware",
    "no",
    "overflow",
    "pressure",
    "valve",
    "open",
    "calibration",
    "at",
    "frequency",
    "supply",
    "idle",
    "sleep",
    "pump",
    "node",
];

/// A word.
pub fn word(random: &mut Random) -> &'static str {
    random.pick(WORDS)
}

/// `count` words.
pub fn words(random: &mut Random, count: u32) -> String {
    let mut text = String::new();
    for position in 0..count {
        if position > 0 {
            text.push(' ');
        }
        text.push_str(word(random));
    }
    text
}

/// A report of `records` devices, as a web service would send it.
pub fn json(random: &mut Random, records: u32) -> String {
    let mut text = String::from("{\"version\": 3, \"devices\": [\n");
    for id in 0..records {
        let separator = if id > 0 { ",\n" } else { "" };
        let (name, note_words) = (word(random), random.range(0, 24));
        let note = words(random, note_words);
        write!(text, "{separator}{{\"id\": {id}, \"name\": \"{name}-{id}\", \"online\": {}, \"note\": \"{note}\", \"readings\": [", id % 3 == 0).unwrap();
        for reading in 0..random.range(0, 20) {
            let comma = if reading > 0 { ", " } else { "" };
            write!(text, "{comma}{}.{:02}", random.below(300), random.below(100)).unwrap();
        }
        write!(
            text,
            "], \"tags\": {{\"{}\": \"{}\", \"zone\": {}}}, \"parent\": null}}",
            word(random),
            word(random),
            random.below(9)
        )
        .unwrap();
    }
    text.push_str("\n]}");
    text
}

/// A configuration of `sections` sections.
pub fn toml(random: &mut Random, sections: u32) -> String {
    let mut text = String::from("title = \"station\"\n[owner]\nname = \"nobody\"\nsince = 1979-05-27T07:32:00Z\n");
    for section in 0..sections {
        writeln!(text, "\n# {}\n[device.{}_{section}]", words(random, 8), word(random)).unwrap();
        for key in 0..random.range(3, 12) {
            match random.below(5) {
                0 => writeln!(text, "key_{key} = \"{}\"", words(random, 4)),
                1 => writeln!(
                    text,
                    "{}_{key} = [{}, {}, {}]",
                    word(random),
                    random.below(99),
                    random.below(9999),
                    random.below(9)
                ),
                2 => writeln!(text, "inline_{key} = {{ x = {}, y = \"{}\" }}", random.below(99), word(random)),
                3 => writeln!(text, "ratio_{key} = {}.5", random.below(1000)),
                _ => writeln!(text, "flag_{key} = {}", key % 2 == 0),
            }
            .unwrap();
        }
    }
    text
}

/// A feed of `entries` entries.
pub fn xml(random: &mut Random, entries: u32) -> String {
    let mut text = String::from("<?xml version=\"1.0\"?>\n<feed xmlns=\"urn:feed\" xmlns:m=\"urn:meter\">\n");
    for id in 0..entries {
        let (unit, body_words) = (word(random), random.range(2, 30));
        write!(
            text,
            "  <entry id=\"e{id}\" m:unit=\"{unit}\"><title>{} &amp; {}</title>\n",
            word(random),
            word(random)
        )
        .unwrap();
        write!(
            text,
            "    <m:value scale=\"{}\">{}</m:value><body>{}</body>\n  </entry>\n",
            random.below(9),
            random.below(99999),
            words(random, body_words)
        )
        .unwrap();
    }
    text.push_str("</feed>\n");
    text
}

/// A log table of `rows` rows with a header.
pub fn csv(random: &mut Random, rows: u32) -> String {
    let mut text = String::from("time,station,kind,value,comment\n");
    for row in 0..rows {
        let comment_words = random.below(9);
        let (station, kind, value) = (random.below(60), word(random), random.below(5000));
        writeln!(text, "{},st-{station},{kind},{value},\"{}\"", row * 15, words(random, comment_words)).unwrap();
    }
    text
}

/// A document of `sections` sections in Markdown.
pub fn markdown(random: &mut Random, sections: u32) -> String {
    let mut text = String::new();
    for section in 0..sections {
        writeln!(text, "## {} {section}\n", words(random, 3)).unwrap();
        for _ in 0..random.range(1, 4) {
            let count = random.range(20, 90);
            writeln!(
                text,
                "{} *{}* `{}` [{}](https://example.org/{section}) {}.\n",
                words(random, count),
                word(random),
                word(random),
                word(random),
                words(random, 12)
            )
            .unwrap();
        }
        for item in 0..random.below(7) {
            writeln!(text, "- {} **{}**\n  1. {}\n", words(random, 6), word(random), words(random, item + 1)).unwrap();
        }
        if section % 4 == 0 {
            writeln!(
                text,
                "\n| a | b |\n|---|---|\n| {} | {} |\n\n```rust\nfn {}() {{}}\n```\n",
                word(random),
                word(random),
                word(random)
            )
            .unwrap();
        }
    }
    text
}

/// An image of smooth shades with some noise, three bytes a pixel.
pub fn image(random: &mut Random, width: u32, height: u32) -> Vec<u8> {
    (0..height)
        .flat_map(|y| (0..width).flat_map(move |x| [x * 255 / width, y * 255 / height, (x + y) & 255]))
        .map(|shade| (shade + random.below(6)).min(255) as u8)
        .collect()
}
