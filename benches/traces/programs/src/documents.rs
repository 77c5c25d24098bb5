//! Parsers that build a tree or a table.

use crate::inputs::{self, Random};
use crate::recorded;
use std::collections::BTreeMap;

/// serde_json: documents into `Value`, edited, and written again.
pub fn json() {
    let random = &mut Random::new(1);
    let texts = [40, 12, 90, 25].map(|records| inputs::json(random, records));
    recorded(|| texts.iter().map(|text| edit_json(text).len()).sum::<usize>());
}

fn edit_json(text: &str) -> String {
    let mut document: serde_json::Value = serde_json::from_str(text).unwrap();
    let devices = document["devices"].as_array_mut().unwrap();
    devices.retain(|device| device["id"].as_u64().unwrap() % 5 != 4);
    for device in devices.iter_mut() {
        device["count"] = device["readings"].as_array().unwrap().len().into();
        device["tags"]["checked"] = serde_json::json!({"by": "gateway", "at": [1, 2, 3]});
        device.as_object_mut().unwrap().remove("note");
    }
    let copy = document.clone();
    document["version"] = 4.into();
    assert_ne!(copy, document);
    serde_json::to_string_pretty(&document).unwrap()
}

/// toml: a configuration read, merged with others, and written each time.
pub fn toml() {
    let random = &mut Random::new(2);
    let texts = [14, 30, 8, 21, 5].map(|sections| inputs::toml(random, sections));
    recorded(|| {
        let mut base: toml::Table = toml::from_str(&texts[0]).unwrap();
        for text in &texts[1..] {
            merge(&mut base, toml::from_str(text).unwrap());
            assert!(!toml::to_string_pretty(&base).unwrap().is_empty());
            base.retain(|key, _| key != "owner");
        }
        base
    });
}

fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(inner)), toml::Value::Table(value)) => merge(inner, value),
            (_, value) => drop(base.insert(key, value)),
        }
    }
}

/// roxmltree: a feed into a tree, walked into an index.
pub fn xml() {
    let random = &mut Random::new(3);
    let texts = [60, 220, 100, 30, 160, 90].map(|entries| inputs::xml(random, entries));
    recorded(|| {
        let mut index: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for text in &texts {
            let document = roxmltree::Document::parse(text).unwrap();
            for entry in document.descendants().filter(|node| node.has_tag_name(("urn:feed", "entry"))) {
                let unit = entry.attribute(("urn:meter", "unit")).unwrap_or_default();
                let title = entry.children().find_map(|child| child.text()).unwrap_or_default();
                index.entry(unit.to_owned()).or_default().push(title.to_owned());
            }
        }
        index
    });
}

/// csv: a log table deserialised row by row and grouped by station.
pub fn csv() {
    #[derive(serde::Deserialize)]
    struct Row {
        time: u32,
        station: String,
        kind: String,
        value: f64,
        comment: Option<String>,
    }
    let text = inputs::csv(&mut Random::new(4), 1500);
    recorded(|| {
        let mut stations: BTreeMap<String, BTreeMap<String, Vec<(u32, f64)>>> = BTreeMap::new();
        let mut comments = Vec::new();
        for row in csv::Reader::from_reader(text.as_bytes()).into_deserialize::<Row>() {
            let row = row.unwrap();
            comments.extend(row.comment.filter(|comment| comment.contains("overflow")));
            stations.entry(row.station).or_default().entry(row.kind).or_default().push((row.time, row.value));
        }
        let mut writer = csv::Writer::from_writer(Vec::new());
        for (station, kinds) in &stations {
            for (kind, values) in kinds {
                let mean = values.iter().map(|&(_, value)| value).sum::<f64>() / values.len() as f64;
                writer.write_record([station, kind, &format!("{mean:.2}")]).unwrap();
            }
        }
        writer.into_inner().unwrap().len() + comments.len()
    });
}
