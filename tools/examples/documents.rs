//! Writes the outputs in `docs/tools.md` anew; with `--measured`, also those that differ from machine to machine.
//!
//! ```sh
//! cargo run --release -p larder-tools --example documents -- --measured
//! ```

use anyhow::Result;
use larder_tools::documents;

fn main() -> Result<()> {
    let path = documents::path();
    let text = std::fs::read_to_string(&path)?;
    let made = documents::make(&text, std::env::args().any(|argument| argument == "--measured"))?;
    larder_tools::output::file(&path, |out| Ok(out.write_all(made.as_bytes())?))
}
