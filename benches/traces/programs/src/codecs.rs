//! Codecs: images and compression.

use crate::inputs::{self, Random};
use crate::recorded;

/// png: a picture encoded and decoded again, in two sizes.
pub fn png() {
    let random = &mut Random::new(31);
    let pictures =
        [(96, 64), (200, 120), (64, 64)].map(|(width, height)| (width, height, inputs::image(random, width, height)));
    recorded(|| {
        for (width, height, pixels) in &pictures {
            let mut file = Vec::new();
            let mut encoder = png::Encoder::new(&mut file, *width, *height);
            encoder.set_color(png::ColorType::Rgb);
            encoder.add_text_chunk("Title".into(), "a picture".into()).unwrap();
            encoder.write_header().unwrap().write_image_data(pixels).unwrap();
            let mut reader = png::Decoder::new(std::io::Cursor::new(&file)).read_info().unwrap();
            let mut rows = Vec::new();
            while let Some(row) = reader.next_row().unwrap() {
                rows.push(row.data().to_vec());
            }
            assert_eq!(&rows.concat(), pixels);
        }
    });
}

/// jpeg-decoder: three pictures decoded and scaled down.
pub fn jpeg() {
    let random = &mut Random::new(32);
    let files = [(64u16, 48u16, false), (160, 120, true), (96, 96, false)].map(|(width, height, progressive)| {
        let mut file = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut file, 80);
        encoder.set_progressive(progressive);
        let pixels = inputs::image(random, width.into(), height.into());
        encoder.encode(&pixels, width, height, jpeg_encoder::ColorType::Rgb).unwrap();
        file
    });
    recorded(|| {
        let mut thumbnails = Vec::new();
        for file in &files {
            let mut decoder = jpeg_decoder::Decoder::new(file.as_slice());
            let pixels = decoder.decode().unwrap();
            let width = usize::from(decoder.info().unwrap().width);
            thumbnails.push(
                pixels
                    .chunks(width * 3 * 4)
                    .map(|rows| rows[..width * 3].iter().step_by(12).copied().collect::<Vec<u8>>())
                    .collect::<Vec<_>>(),
            );
        }
        thumbnails
    });
}

/// miniz_oxide: files packed, some with zlib's header, kept, and unpacked again.
pub fn deflate() {
    let random = &mut Random::new(33);
    let files: Vec<String> = [3, 20, 9, 1, 14].iter().map(|&sections| inputs::markdown(random, sections)).collect();
    recorded(|| {
        let mut archive: Vec<(String, Vec<u8>)> = Vec::new();
        for round in 0..4 {
            for (number, file) in files.iter().enumerate() {
                let packed = miniz_oxide::deflate::compress_to_vec_zlib(file.as_bytes(), 3 + round * 2);
                archive.push((format!("{round}/{number}.md"), packed));
            }
            archive.retain(|(name, _)| name.len() % 2 == 0 || !name.ends_with("1.md"));
            for (_, packed) in &archive {
                assert!(!miniz_oxide::inflate::decompress_to_vec_zlib(packed).unwrap().is_empty());
            }
        }
        archive
    });
}
