//! A sensor log as a gateway might keep it: JSON lines, some of them damaged. The same seed gives the same log.

use std::fmt::Write;

const SITES: [&str; 5] = ["boiler-room", "greenhouse", "cold-store", "workshop", "roof"];

/// Name, unit, lowest and highest ordinary value in hundredths.
const KINDS: [(&str, &str, i64, i64); 5] = [
    ("temperature", "°C", 1_500, 2_900),
    ("humidity", "%", 3_000, 7_000),
    ("pressure", "hPa", 98_000, 103_000),
    ("vibration", "mm/s", 10, 450),
    ("flow", "l/min", 500, 4_000),
];

const TAGS: [&str; 4] = ["calibrated", "battery-low", "interpolated", "manual"];

const FAULTS: [(u16, &str); 3] =
    [(17, "sensor does not answer"), (23, "checksum mismatch, reading dropped"), (41, "supply below 2.7 V")];

/// How large a log is, and how many of its latest lines the program keeps.
pub struct Extent {
    pub length_bytes: usize,
    pub sites: usize,
    pub kinds: usize,
    pub lines_kept: usize,
}

/// The log, and what a program that reads it right has to find.
#[derive(Default)]
pub struct Log {
    pub text: String,
    readings: u32,
    faults: u32,
    damaged: u32,
    outliers: u32,
    sum_hundredths: i64,
}

impl Log {
    /// Rust constants for the firmware.
    pub fn truth(&self) -> String {
        let Self { readings, faults, damaged, outliers, sum_hundredths, .. } = self;
        format!(
            "const READINGS: u32 = {readings};\nconst FAULTS: u32 = {faults};\nconst DAMAGED: u32 = {damaged};\n\
             const OUTLIERS: u32 = {outliers};\nconst SUM_HUNDREDTHS: i64 = {sum_hundredths};\n"
        )
    }

    fn add_reading(&mut self, random: &mut Random, extent: &Extent, seconds: u32) {
        let (kind, unit, low, high) = KINDS[random.below(extent.kinds)];
        let is_outlier = random.below(50) == 0;
        let hundredths = low + random.below((high - low) as usize) as i64 + if is_outlier { 2 * high } else { 0 };
        let (site, tags) = (SITES[random.below(extent.sites)], tags(random));
        let (whole, part) = (hundredths / 100, hundredths % 100);
        writeln!(
            self.text,
            r#"{{"at":{seconds},"site":"{site}","kind":"{kind}","unit":"{unit}","value":{whole}.{part:02},"tags":[{tags}]}}"#
        )
        .expect("a string takes everything");
        self.readings += 1;
        self.outliers += u32::from(is_outlier);
        self.sum_hundredths += hundredths;
    }

    fn add_fault(&mut self, random: &mut Random, extent: &Extent, seconds: u32) {
        let (site, (code, text)) = (SITES[random.below(extent.sites)], FAULTS[random.below(FAULTS.len())]);
        writeln!(self.text, r#"{{"at":{seconds},"site":"{site}","code":{code},"fault":"{text}"}}"#)
            .expect("a string takes everything");
        self.faults += 1;
    }

    /// A line that the gateway did not get to write to its end.
    fn add_damaged(&mut self, random: &mut Random, extent: &Extent, seconds: u32) {
        let cut = 8 + random.below(20);
        let line = format!(r#"{{"at":{seconds},"site":"{}","kind""#, SITES[random.below(extent.sites)]);
        writeln!(self.text, "{}", &line[..cut]).expect("a string takes everything");
        self.damaged += 1;
    }
}

/// A log of that extent at least.
pub fn generate(seed: u64, extent: &Extent) -> Log {
    let mut random = Random(seed);
    let mut log = Log::default();
    let mut seconds = 1_700_000_000;
    while log.text.len() < extent.length_bytes {
        seconds += 5 + random.below(20) as u32;
        match random.below(40) {
            0 => log.add_damaged(&mut random, extent, seconds),
            1..=2 => log.add_fault(&mut random, extent, seconds),
            _ => log.add_reading(&mut random, extent, seconds),
        }
    }
    log
}

fn tags(random: &mut Random) -> String {
    let tags: Vec<String> = TAGS.iter().filter(|_| random.below(4) == 0).map(|tag| format!("\"{tag}\"")).collect();
    tags.join(",")
}

/// SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, 2014).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
