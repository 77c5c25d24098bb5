//! The screenshots that the README shows: small, because their colours are few.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use color_quant::NeuQuant;

use crate::browser::{Browser, Look, Page};
use crate::serve::Server;

/// A desktop, and a phone.
pub const DESKTOP: Look = Look { width: 1280, height: 1000, density: 1.0, dark: false, phone: false };
pub const PHONE: Look = Look { width: 390, height: 844, density: 2.0, dark: true, phone: true };

/// Colours of a picture.
const COLOURS: usize = 256;

pub fn take(dir: &Path, program: &Path, out: &Path) -> Result<()> {
    fs::create_dir_all(out)?;
    let server = Server::start(dir, 0)?;
    let browser = Browser::start(program)?;
    for (name, look) in [("desktop", DESKTOP), ("phone", PHONE)] {
        let page = browser.open(&server.url, look)?;
        prepare(&page)?;
        save(&out.join(format!("{name}.png")), &page.shoot()?)?;
    }
    let page = browser.open(&server.url, Look { dark: true, height: 600, ..DESKTOP })?;
    race(&page)?;
    save(&out.join("race.png"), &page.shoot()?)
}

/// Some seconds of a workload that fragments and heals.
fn prepare(page: &Page) -> Result<()> {
    page.evaluate(
        "demo.restart({ arena: 1 << 20, seed: 4 }); demo.setMix([3, 2, 2, 1, 1]); demo.setFill(72); demo.setSpeed(120000);
         await demo.runFor(9000);
         demo.setMix([2, 2, 1, 1, 4]); await demo.runFor(7000);
         demo.setMix([3, 2, 2, 1, 0]); await demo.runFor(6000);",
    )?;
    Ok(())
}

fn race(page: &Page) -> Result<()> {
    page.evaluate("demo.restart({ arena: 1 << 20, seed: 4 }); demo.setMix([3, 2, 2, 1, 1]); demo.setFill(72);")?;
    page.click("#race-start")?;
    page.wait_for("demo.race.finished")?;
    page.evaluate("document.querySelector('#race').scrollIntoView({ block: 'start' });")?;
    std::thread::sleep(std::time::Duration::from_millis(300));
    Ok(())
}

/// Writes a picture with fewer colours.
pub fn save(path: &Path, shot: &[u8]) -> Result<()> {
    let mut reader = png::Decoder::new(std::io::Cursor::new(shot)).read_info()?;
    let mut pixels = vec![0; reader.output_buffer_size().context("the picture is too large")?];
    let info = reader.next_frame(&mut pixels)?;
    let rgba: Vec<u8> = match info.color_type {
        png::ColorType::Rgba => pixels,
        png::ColorType::Rgb => pixels.chunks_exact(3).flat_map(|rgb| [rgb[0], rgb[1], rgb[2], 255]).collect(),
        other => anyhow::bail!("a screenshot has colours of type {other:?}"),
    };
    let quantizer = NeuQuant::new(1, COLOURS, &rgba);
    let indices: Vec<u8> = rgba.chunks_exact(4).map(|pixel| quantizer.index_of(pixel) as u8).collect();
    let file = fs::File::create(path).with_context(|| format!("{} can't be written", path.display()))?;
    let mut encoder = png::Encoder::new(std::io::BufWriter::new(file), info.width, info.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_palette(quantizer.color_map_rgb());
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    encoder.write_header()?.write_image_data(&indices)?;
    Ok(())
}
