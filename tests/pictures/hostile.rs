//! Pictures of few bytes that take long or much to decode, written by hand since no encoder writes them.

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

/// Bits, the lowest of a byte first, as GIF and WebP without loss have them.
#[derive(Default)]
struct LowFirst {
    bytes: Vec<u8>,
    used: u32,
}

impl LowFirst {
    fn push(&mut self, value: u32, bits: u32) {
        for bit in 0..bits {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (self.used % 8);
            }
            self.used += 1;
        }
    }
}

/// A WebP without loss of one colour: any size in 40 bytes.
pub(crate) fn blank_webp(width: u32, height: u32) -> Vec<u8> {
    webp_of(&[(b"VP8L", lossless(width, height, false))])
}

/// The same as a chunk's body. All of its codes have one symbol, which takes no bits, over three transforms.
pub(crate) fn lossless(width: u32, height: u32, alpha: bool) -> Vec<u8> {
    let mut bits = LowFirst::default();
    bits.push(0x2F, 8);
    bits.push(width - 1, 14);
    bits.push(height - 1, 14);
    bits.push(u32::from(alpha), 4); // and version 0
    // Five codes of one symbol each: simple, one symbol, of one bit.
    let codes = |bits: &mut LowFirst, green: u32| {
        for symbol in [green, 0, 0, 0, 0] {
            bits.push(1, 1);
            bits.push(0, 2);
            bits.push(symbol, 1);
        }
    };
    for transform in [0, 1] {
        bits.push(1, 1);
        bits.push(transform, 2);
        bits.push(0, 3); // blocks of 4 x 4
        bits.push(0, 1); // no colour cache
        codes(&mut bits, 1);
    }
    bits.push(1, 1);
    bits.push(2, 2); // green subtracted
    bits.push(0, 3); // no more transforms, no colour cache, one group of codes
    codes(&mut bits, 0);
    bits.bytes
}

/// A WebP without loss as a chunk's body, with so many groups of codes (up to 65,536), each as large as it can be made of few
/// bytes: symbols whose codes have 1 to 10 bits, which fill a table of 1024.
pub(crate) fn many_codes(width: u32, height: u32, groups: u32) -> Vec<u8> {
    let mut bits = LowFirst::default();
    bits.push(0x2F, 8);
    bits.push(width - 1, 14);
    bits.push(height - 1, 14);
    bits.push(0, 4);
    bits.push(0, 2); // no transform, no colour cache
    bits.push(1, 1); // groups of codes, by a picture of their numbers
    bits.push(0, 4); // of blocks of 4 x 4, without a colour cache
    for symbol in [(groups - 1) & 255, (groups - 1) >> 8, 0, 0, 0] {
        bits.push(1, 1);
        bits.push(2, 2); // one symbol of eight bits
        bits.push(symbol, 8);
    }
    for _ in 0..5 * groups {
        bits.push(0, 1);
        bits.push(10, 4); // fourteen lengths of codes for lengths: 17, 18, 0, 1 to 5, 16, 6 to 10
        for length in [0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4] {
            bits.push(length, 3);
        }
        bits.push(1, 1);
        bits.push(1, 3); // eleven symbols, a number of four bits
        bits.push(9, 4);
        for length in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 10] {
            // The codes in order: 000 to 101 for 1 to 6, then 1100 to 1111; their highest bit first.
            let (code, width) = if length <= 6 { (length - 1, 3) } else { (12 + length - 7, 4) };
            for bit in (0..width).rev() {
                bits.push(code >> bit & 1, 1);
            }
        }
    }
    let mut bytes = bits.bytes;
    // Each pixel is four times the shortest code.
    bytes.resize(bytes.len() + (width as usize * height as usize).div_ceil(2) + 8, 0);
    bytes
}

/// A lossy picture of one colour as a chunk's body: zeros, which say so again and again.
pub(crate) fn lossy(width: u16, height: u16) -> Vec<u8> {
    let blocks = usize::from(width).div_ceil(16) * usize::from(height).div_ceil(16);
    let modes = (12 * blocks).min((1 << 19) - 1);
    let tag = (modes as u32) << 5 | 0x10;
    let head =
        [&tag.to_le_bytes()[..3], b"\x9d\x01\x2a", &width.to_le_bytes(), &height.to_le_bytes()].concat();
    [head, vec![0; modes + 64 * blocks]].concat()
}

/// A WebP of these chunks, its length right.
pub(crate) fn webp_of(chunks: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut body = b"WEBP".to_vec();
    for (name, chunk) in chunks {
        body.extend_from_slice(*name);
        body.extend_from_slice(&(chunk.len() as u32).to_le_bytes());
        body.extend_from_slice(chunk);
        body.resize(body.len() + chunk.len() % 2, 0);
    }
    [b"RIFF".as_slice(), &(body.len() as u32).to_le_bytes(), &body].concat()
}

fn three(number: u32) -> [u8; 3] {
    let [a, b, c, _] = number.to_le_bytes();
    [a, b, c]
}

/// The chunk `VP8X`: what the others are (2 an animation, 16 an alpha), and the canvas.
pub(crate) fn canvas(flags: u8, width: u32, height: u32) -> Vec<u8> {
    [[flags, 0, 0, 0].as_slice(), &three(width - 1), &three(height - 1)].concat()
}

/// An animation of one frame, larger than its canvas if so asked.
pub(crate) fn animation(
    canvas_size: (u32, u32),
    size: (u32, u32),
    chunks: &[(&[u8; 4], Vec<u8>)],
) -> Vec<u8> {
    let mut frame = [[0; 6].as_slice(), &three(size.0 - 1), &three(size.1 - 1), &[0; 4]].concat();
    frame.extend_from_slice(&webp_of(chunks)[12..]);
    let whole = canvas(2 | 16, canvas_size.0, canvas_size.1);
    webp_of(&[(b"VP8X", whole), (b"ANIM", vec![0; 6]), (b"ANMF", frame)])
}

/// A GIF of one colour: once its table is full, twelve bits stand for four thousand pixels.
pub(crate) fn blank_gif(width: u16, height: u16) -> Vec<u8> {
    let mut codes = LowFirst::default();
    // What a code of so many pixels is called: the colour itself, then the strings in the order in which they are made.
    let of_length = |length: u32| if length == 1 { 0 } else { length + 4 };
    let (mut left, mut bits, mut next, mut length) = (u32::from(width) * u32::from(height), 3, 6_u32, 1);
    codes.push(4, bits); // the table is emptied
    while left > 0 {
        let taken = left.min(length);
        codes.push(of_length(taken), bits);
        left -= taken;
        // Every code but the first makes a string, the last one and one pixel more, until the table is full.
        if length > 1 && next < 4096 {
            next += 1;
            bits += u32::from(next == 1 << bits && bits < 12);
        }
        length = next.min(4095) - 4;
    }
    codes.push(5, bits); // the end
    let mut gif = b"GIF89a".to_vec();
    gif.extend_from_slice(&width.to_le_bytes());
    gif.extend_from_slice(&height.to_le_bytes());
    gif.extend_from_slice(&[0x81, 0, 0]); // four colours
    gif.extend_from_slice(&[0; 12]);
    gif.extend_from_slice(&[b',', 0, 0, 0, 0]);
    gif.extend_from_slice(&width.to_le_bytes());
    gif.extend_from_slice(&height.to_le_bytes());
    gif.extend_from_slice(&[0, 2]);
    for block in codes.bytes.chunks(255) {
        gif.push(block.len() as u8);
        gif.extend_from_slice(block);
    }
    gif.extend_from_slice(&[0, b';']);
    gif
}

/// A progressive JPEG in grey of that many scans.
pub(crate) fn jpeg_of_scans(width: u16, height: u16, scans: usize) -> Vec<u8> {
    progressive_jpeg(width, height, &[0x11], scans)
}

/// A progressive JPEG of components with these sampling factors, whose scans after the first change nothing: runs of
/// sixteen thousand blocks in 15 bits.
pub(crate) fn progressive_jpeg(width: u16, height: u16, factors: &[u8], scans: usize) -> Vec<u8> {
    let segment = |code: u8, body: &[u8]| {
        let length = (body.len() as u16 + 2).to_be_bytes();
        [[0xFF, code].as_slice(), &length, body].concat()
    };
    // One code of one bit in each table: no difference; and a run of blocks that end at once.
    let table =
        |class: u8, symbol: u8| segment(0xC4, &[[class].as_slice(), &[1], &[0; 15], &[symbol]].concat());
    let split = |factors: u8| (usize::from(factors >> 4), usize::from(factors & 15));
    let count = factors.len() as u8;
    let mut frame = [[8].as_slice(), &height.to_be_bytes(), &width.to_be_bytes(), &[count]].concat();
    for (id, &factors) in (1..).zip(factors) {
        frame.extend([id, factors, 0]);
    }
    let mut jpeg = vec![0xFF, 0xD8];
    jpeg.extend(segment(0xDB, &[[0].as_slice(), &[1; 64]].concat()));
    jpeg.extend(segment(0xC2, &frame));
    jpeg.extend(table(0x00, 0x00));
    jpeg.extend(table(0x10, 0xE0));
    let (across, down) = factors
        .iter()
        .map(|&factors| split(factors))
        .fold((1, 1), |most, factors| (most.0.max(factors.0), most.1.max(factors.1)));
    let (width, height) = (usize::from(width), usize::from(height));
    for scan in 0..scans {
        let (head, bits) = if scan == 0 {
            let units = width.div_ceil(8 * across) * height.div_ceil(8 * down);
            let blocks: usize = factors.iter().map(|&factors| split(factors)).map(|(h, v)| h * v).sum();
            let components = (1..=count).flat_map(|id| [id, 0]);
            let blocks = if count == 1 { width.div_ceil(8) * height.div_ceil(8) } else { units * blocks };
            ([count].into_iter().chain(components).chain([0, 0, 0]).collect::<Vec<u8>>(), blocks)
        } else {
            let (component, round) = ((scan - 1) % factors.len(), (scan - 1) / factors.len());
            let (h, v) = split(factors[component]);
            let blocks = (width * h).div_ceil(8 * across) * (height * v).div_ceil(8 * down);
            // One coefficient a scan, without its last bit, which comes when all had their first scan.
            let coefficient = 1 + (round % 63) as u8;
            let refines = if round < 63 { 0x01 } else { 0x10 };
            let head = vec![1, component as u8 + 1, 0, coefficient, coefficient, refines];
            (head, 15 * blocks.div_ceil(1 << 14))
        };
        jpeg.extend(segment(0xDA, &head));
        jpeg.resize(jpeg.len() + bits.div_ceil(8), 0);
    }
    jpeg.extend([0xFF, 0xD9]);
    jpeg
}

/// A PNG of one colour with 16 bits a channel.
pub(crate) fn deep_png(width: u32, height: u32) -> Vec<u8> {
    blank_png(width, height, ExtendedColorType::Rgb16)
}

/// A PNG of one colour that is stored so.
pub(crate) fn blank_png(width: u32, height: u32, colours: ExtendedColorType) -> Vec<u8> {
    let stored = vec![0; usize::from(colours.bits_per_pixel()) / 8 * width as usize * height as usize];
    let mut png = Vec::new();
    let written = PngEncoder::new(&mut png).write_image(&stored, width, height, colours);
    assert!(written.is_ok(), "{written:?}");
    png
}
