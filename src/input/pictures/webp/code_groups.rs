//! Code groups of a lossless WebP. Each becomes five tables in the decoder, up to 300 bytes for one byte of the file,
//! which no limit of the decoder bounds. Read as in RFC 9649, up to the picture itself.

/// The number of code groups of a lossless picture; `stream` follows its size. None where the stream is damaged, which
/// the decoder reports.
pub(crate) fn code_groups(stream: &[u8], width: u32, height: u32) -> Option<u32> {
    let mut bits = Bits { bytes: stream, used: 0, places: offsets() };
    let mut columns = width;
    let mut met = [false; 4];
    while bits.take(1)? == 1 {
        let kind = bits.take(2)?;
        if std::mem::replace(met.get_mut(kind as usize)?, true) {
            return None;
        }
        match kind {
            // Predictor and colour transforms: a picture with a pixel for each block.
            0 | 1 => {
                let side = bits.take(3)? + 2;
                picture(&mut bits, in_blocks(columns, side), in_blocks(height, side))?;
            }
            // Green is subtracted: this transform has no data.
            2 => {}
            // A palette. With few colours several pixels are packed into one.
            _ => {
                let colours = bits.take(8)? + 1;
                picture(&mut bits, colours, 1)?;
                let shift = [(2, 3), (4, 2), (16, 1)].iter().find(|&&(most, _)| colours <= most);
                columns = in_blocks(columns, shift.map_or(0, |&(_, shift)| shift));
            }
        }
    }
    cache_bits(&mut bits)?;
    if bits.take(1)? == 0 {
        return Some(1);
    }
    let side = bits.take(3)? + 2;
    let numbers = picture(&mut bits, in_blocks(columns, side), in_blocks(height, side))?;
    // Red and green together are the number of a block's group.
    numbers.iter().map(|pixel| (pixel >> 8 & 0xFFFF) + 1).max()
}

fn in_blocks(length: u32, side: u32) -> u32 {
    (length + (1 << side) - 1) >> side
}

struct Bits<'a> {
    bytes: &'a [u8],
    used: usize,
    places: Vec<(i64, i64)>,
}

impl Bits<'_> {
    /// The next `count` bits as a number, the lowest first.
    fn take(&mut self, count: u32) -> Option<u32> {
        (0..count).try_fold(0, |number, bit| Some(number | u32::from(self.one()?) << bit))
    }

    fn one(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.used / 8)?;
        let bit = byte >> (self.used % 8) & 1;
        self.used += 1;
        Some(bit == 1)
    }
}

fn cache_bits(bits: &mut Bits<'_>) -> Option<u32> {
    let size = if bits.take(1)? == 1 { bits.take(4)?.max(1) } else { 0 };
    (size <= 11).then_some(size)
}

/// A canonical prefix code of at most 15 bits.
struct Code {
    /// How many symbols have a code of each length.
    counts: [u16; 16],
    /// The symbols by the length of their codes, then by value.
    symbols: Vec<u16>,
}

impl Code {
    fn of_lengths(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0; 16];
        let mut by_length: Vec<(u8, u16)> = Vec::new();
        for (&length, symbol) in lengths.iter().zip(0..) {
            if length > 0 {
                *counts.get_mut(usize::from(length))? += 1;
                by_length.push((length, symbol));
            }
        }
        by_length.sort_unstable();
        Some(Self { counts, symbols: by_length.into_iter().map(|(_, symbol)| symbol).collect() })
    }

    fn next(&self, bits: &mut Bits<'_>) -> Option<u32> {
        // A single symbol needs no bits.
        if let [symbol] = self.symbols[..] {
            return Some(symbol.into());
        }
        let (mut code, mut first, mut index) = (0, 0, 0);
        for &count in &self.counts[1..] {
            code |= i32::from(bits.one()?);
            let count = i32::from(count);
            if code - count < first {
                return self.symbols.get(usize::try_from(index + code - first).ok()?).map(|&s| s.into());
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        None
    }

    fn read(bits: &mut Bits<'_>, alphabet: u32) -> Option<Self> {
        if bits.take(1)? == 1 {
            let two = bits.take(1)? == 1;
            let width = if bits.take(1)? == 1 { 8 } else { 1 };
            let first = bits.take(width)? as u16;
            let second = if two { Some(bits.take(8)? as u16) } else { None };
            let counts = std::array::from_fn(|length| if length == 1 && two { 2 } else { 0 });
            return Some(Self { counts, symbols: [Some(first), second].into_iter().flatten().collect() });
        }
        const ORDER: [usize; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
        let mut of_lengths = [0; 19];
        let count = bits.take(4)? as usize + 4;
        for &symbol in ORDER.get(..count)? {
            of_lengths[symbol] = bits.take(3)? as u8;
        }
        let of_lengths = Self::of_lengths(&of_lengths)?;
        let mut left = if bits.take(1)? == 1 {
            let width = 2 + 2 * bits.take(3)?;
            2 + bits.take(width)?
        } else {
            alphabet
        };
        let mut lengths: Vec<u8> = Vec::new();
        let mut repeated = 8;
        while lengths.len() < alphabet as usize && left > 0 {
            left -= 1;
            let (length, times) = match of_lengths.next(bits)? {
                16 => (repeated, 3 + bits.take(2)?),
                17 => (0, 3 + bits.take(3)?),
                18 => (0, 11 + bits.take(7)?),
                length => (length as u8, 1),
            };
            if length > 0 {
                repeated = length;
            }
            lengths.resize(lengths.len() + times as usize, length);
        }
        (lengths.len() <= alphabet as usize).then(|| Self::of_lengths(&lengths))?
    }
}

/// The colours of a small picture that describes the large one: alpha, red, green, blue from the highest byte down.
fn picture(bits: &mut Bits<'_>, width: u32, height: u32) -> Option<Vec<u32>> {
    let cache_bits = cache_bits(bits)?;
    let mut cache = vec![0; if cache_bits > 0 { 1 << cache_bits } else { 0 }];
    let cached = cache.len() as u32;
    let green = Code::read(bits, 256 + 24 + cached)?;
    let [red, blue, alpha] = [Code::read(bits, 256)?, Code::read(bits, 256)?, Code::read(bits, 256)?];
    let distances = Code::read(bits, 40)?;
    let count = width as usize * height as usize;
    let mut colours: Vec<u32> = Vec::with_capacity(count);
    while colours.len() < count {
        let kept = colours.len();
        match green.next(bits)? {
            symbol @ 0..256 => {
                let (red, blue, alpha) = (red.next(bits)?, blue.next(bits)?, alpha.next(bits)?);
                colours.push(alpha << 24 | red << 16 | symbol << 8 | blue);
            }
            symbol @ 256..280 => {
                let length = number(bits, symbol - 256)? as usize;
                let distance = distances.next(bits)?;
                let distance = number(bits, distance)?;
                let distance = distance_of(distance, width, &bits.places)?;
                if distance > kept || length > count - kept {
                    return None;
                }
                for at in kept..kept + length {
                    colours.push(colours[at - distance]);
                }
            }
            symbol => colours.push(*cache.get(symbol as usize - 280)?),
        }
        if cache_bits > 0 {
            for &colour in &colours[kept..] {
                cache[(0x1E35_A7BD_u32.wrapping_mul(colour) >> (32 - cache_bits)) as usize] = colour;
            }
        }
    }
    Some(colours)
}

/// A length or a distance: its prefix, and the bits that follow it.
fn number(bits: &mut Bits<'_>, prefix: u32) -> Option<u32> {
    if prefix < 4 {
        return Some(prefix + 1);
    }
    let extra = (prefix - 2) >> 1;
    Some(((2 + (prefix & 1)) << extra) + bits.take(extra)? + 1)
}

/// The offsets of short distance codes, as columns to the left and rows up: up to seven rows, from eight columns to the
/// left to seven to the right, the nearest first, the higher of equally near ones first.
fn offsets() -> Vec<(i64, i64)> {
    let mut places: Vec<(i64, i64)> = (0..8)
        .flat_map(|up| (-7..=8).map(move |left| (left, up)))
        .filter(|&(left, up)| up > 0 || left > 0)
        .collect();
    places.sort_by_key(|&(left, up)| (left * left + up * up, left.abs(), left < 0));
    places
}

/// The distance in pixels: the first codes are offsets, the others the distance itself.
fn distance_of(code: u32, width: u32, places: &[(i64, i64)]) -> Option<usize> {
    let code = code as usize;
    match places.get(code.checked_sub(1)?) {
        Some(&(left, up)) => usize::try_from((left + up * i64::from(width)).max(1)).ok(),
        None => Some(code - places.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::hostile_pictures::{lossless, many_codes};
    use super::*;

    #[test]
    fn the_code_groups_of_any_stream_are_counted_or_it_is_damaged() {
        let blank = lossless(640, 480, false);
        assert_eq!(code_groups(&blank[5..], 640, 480), Some(1));
        for count in [1, 2, 300, 70] {
            let stream = many_codes(640, 480, count);
            assert_eq!(code_groups(&stream[5..], 640, 480), Some(count));
            for length in [5, stream.len() / 2] {
                assert!(code_groups(&stream[5..length], 640, 480).is_none_or(|found| found == count));
            }
        }
        // Noise may be read as anything, but must not panic.
        for seed in 0..200_u32 {
            let noise: Vec<u8> =
                (0..300_u32).map(|n| ((n + 1000 * seed).wrapping_mul(2_654_435_761) >> 23) as u8).collect();
            let _ = code_groups(&noise, 64, 64);
        }
    }

    #[test]
    fn offsets_are_nearest_first() {
        let found: Vec<usize> = [1, 2, 3, 4, 5, 12, 23, 120, 121]
            .iter()
            .map(|&code| distance_of(code, 100, &offsets()).unwrap())
            .collect();
        assert_eq!(found, [100, 1, 101, 99, 200, 198, 400, 708, 1]);
    }
}
