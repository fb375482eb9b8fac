//! Row deflate: a zlib stream that repeats only the row above and the last byte.
//!
//! Rows of a mask are mostly like the one above. A search for other repetitions finds little more, and takes most of the
//! time of writing an answer. Sources: RFC 1950 (zlib), RFC 1951 (deflate: fixed codes, section 3.2.6).

/// Lengths of repetitions, and the farthest place that one repeats.
const SHORTEST: usize = 3;
const LONGEST: usize = 258;
const FARTHEST: usize = 32_768;

/// The symbol that ends a block.
const END_OF_BLOCK: u32 = 256;

/// The stream of rows of so many bytes each.
pub(super) fn compressed(rows: &[u8], row_bytes: usize) -> Vec<u8> {
    // Deflate with a window of 32 KiB; one block, the last, with fixed codes.
    let mut bits = Bits { bytes: vec![0x78, 0x01], held: 0, count: 0 };
    bits.push(0b011, 3);
    let mut at = 0;
    while at < rows.len() {
        let repeated = [row_bytes.min(FARTHEST), 1].into_iter().find_map(|distance| {
            let length = repeated(rows, at, distance);
            (length >= SHORTEST).then_some((length, distance))
        });
        match repeated {
            Some((length, distance)) => {
                bits.repetition(length, distance);
                at += length;
            }
            None => {
                bits.symbol(rows[at].into());
                at += 1;
            }
        }
    }
    bits.symbol(END_OF_BLOCK);
    bits.push(0, 7);
    let mut stream = bits.bytes;
    stream.extend_from_slice(&adler32(rows).to_be_bytes());
    stream
}

/// How many bytes from a place on are like those at a distance before them.
fn repeated(rows: &[u8], at: usize, distance: usize) -> usize {
    let Some(before) = at.checked_sub(distance) else { return 0 };
    let (rest, other) = (&rows[at..], &rows[before..]);
    // Eight bytes at a time, then those that are left.
    let eights = rest.chunks_exact(8).zip(other.chunks_exact(8)).take(LONGEST / 8);
    let begin = 8 * eights.take_while(|(one, other)| one == other).count();
    let last = rest[begin..].iter().zip(&other[begin..]).take(LONGEST - begin);
    begin + last.take_while(|(one, other)| one == other).count()
}

/// Bits of a stream, from the lowest bit of each byte on.
struct Bits {
    bytes: Vec<u8>,
    /// Those that fill no byte yet.
    held: u32,
    count: u32,
}

impl Bits {
    fn push(&mut self, value: u32, count: u32) {
        self.held |= value << self.count;
        self.count += count;
        while self.count >= 8 {
            self.bytes.push(self.held as u8);
            self.held >>= 8;
            self.count -= 8;
        }
    }

    /// A code, which begins with its highest bit.
    fn code(&mut self, code: u32, count: u32) {
        self.push(code.reverse_bits() >> (u32::BITS - count), count);
    }

    /// A byte, the end of the block, or a range of lengths.
    fn symbol(&mut self, symbol: u32) {
        match symbol {
            0..=143 => self.code(0x30 + symbol, 8),
            144..=255 => self.code(0x190 + symbol - 144, 9),
            256..=279 => self.code(symbol - 256, 7),
            _ => self.code(0xc0 + symbol - 280, 8),
        }
    }

    fn repetition(&mut self, length: usize, distance: usize) {
        let (length, distance) = ((length - SHORTEST) as u32, (distance - 1) as u32);
        // Ranges double in size after every four lengths and every two distances. The longest length has its own symbol.
        if length as usize == LONGEST - SHORTEST {
            self.symbol(285);
        } else {
            let extra = (length | 4).ilog2() - 2;
            self.symbol(257 + 4 * extra + (length >> extra));
            self.push(length & ((1 << extra) - 1), extra);
        }
        let extra = (distance | 2).ilog2() - 1;
        self.code(2 * extra + (distance >> extra), 5);
        self.push(distance & ((1 << extra) - 1), extra);
    }
}

/// The checksum of zlib.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut sum, mut sums) = (1_u32, 0_u32);
    // The most bytes whose sums fit before they are reduced.
    for piece in bytes.chunks(5552) {
        for byte in piece {
            sum += u32::from(*byte);
            sums += sum;
        }
        (sum, sums) = (sum % MODULUS, sums % MODULUS);
    }
    sums << 16 | sum
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::ZlibDecoder;
    use proptest::prelude::*;

    use super::*;

    fn inflated(stream: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        ZlibDecoder::new(stream).read_to_end(&mut bytes).unwrap();
        bytes
    }

    proptest! {
        #[test]
        fn rows_come_back(
            pieces in prop::collection::vec((any::<u8>(), 1..600_usize), 0..12),
            row_bytes in 1..40_usize,
        ) {
            let rows: Vec<u8> =
                pieces.into_iter().flat_map(|(byte, length)| std::iter::repeat_n(byte, length)).collect();
            prop_assert_eq!(inflated(&compressed(&rows, row_bytes)), rows);
        }

        #[test]
        fn every_length_and_distance_has_its_code(length in 3..600_usize, distance in 1..40_000_usize, byte: u8) {
            let row: Vec<u8> = (0..distance).map(|place| (place * place / 7) as u8).collect();
            let rows: Vec<u8> = row.iter().cycle().take(distance + length).copied().chain([byte]).collect();
            prop_assert_eq!(inflated(&compressed(&rows, distance)), rows);
        }
    }

    #[test]
    fn rows_like_the_one_above_take_next_to_nothing() {
        let row: Vec<u8> = (0..=255).collect();
        let stream = compressed(&row.repeat(100), row.len());
        assert!(stream.len() < 600, "{}", stream.len());
    }
}
