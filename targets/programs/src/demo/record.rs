//! A line of the log.

use alloc::string::String;
use alloc::vec::Vec;

use serde::Deserialize;

#[derive(Deserialize)]
pub struct Record {
    pub at: u32,
    pub site: String,
    #[serde(flatten)]
    pub body: Body,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub enum Body {
    Reading { kind: String, unit: String, value: f64, tags: Vec<String> },
    Fault { code: u16, fault: String },
}
