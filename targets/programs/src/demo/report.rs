//! The report.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::station::{BARS, Faults, Sensor, Station};

pub fn write(station: &Station) -> String {
    let sections = [heading(station), sensors(station), outliers(station), tags(station), faults(station)];
    sections.join("\n")
}

fn heading(station: &Station) -> String {
    let (readings, faults) = (station.reading_count(), station.fault_count());
    format!("{readings} readings, {faults} faults, {} damaged lines\n", station.damaged_lines)
}

fn sensors(station: &Station) -> String {
    let mut text = String::from("site         kind             n       low   average      high  unit   histogram\n");
    for (site, kinds) in &station.sensors {
        for (kind, sensor) in kinds {
            text += &sensor_line(site, kind, sensor);
        }
    }
    text
}

fn sensor_line(site: &str, kind: &str, sensor: &Sensor) -> String {
    let (low, high, bars) = sensor.histogram();
    format!(
        "{site:<12} {kind:<12} {:>5} {low:>9.2} {:>9.2} {high:>9.2}  {:<5}  {}\n",
        sensor.values.len(),
        sensor.average(),
        sensor.unit,
        bar_chart(&bars)
    )
}

fn bar_chart(bars: &[u32; BARS]) -> String {
    const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let highest = bars.iter().max().map_or(1, |&highest| highest.max(1));
    bars.iter().map(|bar| HEIGHTS[(bar * 8).div_ceil(highest) as usize]).collect()
}

fn outliers(station: &Station) -> String {
    let mut text = String::from("outliers\n");
    for (site, kinds) in &station.sensors {
        for (kind, sensor) in kinds {
            let values: Vec<String> = sensor.outliers().iter().map(|value| format!("{value:.2}")).collect();
            if !values.is_empty() {
                text += &format!("  {site} {kind}: {} {}\n", values.join(", "), sensor.unit);
            }
        }
    }
    text
}

fn tags(station: &Station) -> String {
    let counts: Vec<String> = station.tags.iter().map(|(tag, count)| format!("{tag} {count}")).collect();
    format!("tags: {}\n", counts.join(", "))
}

fn faults(station: &Station) -> String {
    station.faults.iter().map(|(code, faults)| fault_line(*code, faults)).collect()
}

fn fault_line(code: u16, faults: &Faults) -> String {
    let last = faults.seen.last().map(|(at, site)| format!("last at {at}, {site}")).unwrap_or_default();
    format!("fault {code} ({}): {} times, {last}\n", faults.text, faults.seen.len())
}
