//! Mutation of inputs: bits, lengths and numbers, parts removed, repeated or copied from other inputs; seeded.

use rand::seq::IndexedRandom;
use rand::{Rng, RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// The maximum size of an input: a little more than the targets allow.
const LONGEST: usize = 1 << 18;

/// Boundary values at which readers fail.
const EDGES: [u64; 14] = [
    0,
    1,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0xffff,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

/// Mutates inputs, reproducibly by its seed.
pub(super) struct Mutator<'inputs> {
    inputs: &'inputs [Vec<u8>],
    draw: ChaCha8Rng,
}

impl<'inputs> Mutator<'inputs> {
    pub(super) fn new(inputs: &'inputs [Vec<u8>], seed: u64) -> Self {
        Self { inputs, draw: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// One of the inputs with one to four mutations.
    pub(super) fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.some_input().to_vec();
        for _ in 0..self.draw.random_range(1..=4) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn some_input(&mut self) -> &'inputs [u8] {
        self.inputs.choose(&mut self.draw).map_or(&[], Vec::as_slice)
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let (start, end) = self.stretch(input.len());
        match self.draw.random_range(0..9) {
            0 => flip(input, start, 1 << self.draw.random_range(0..8)),
            1 => flip(input, start, self.draw.random_range(1..=255)),
            2 => self.overwrite_number(input, start),
            3 => self.replace_decimal(input),
            4 => drop(input.drain(start..end)),
            5 => {
                // Doubled several times: depth and repetition.
                let doubled = input[start..end].repeat(1 << self.draw.random_range(0..5));
                splice(input, start, start, &doubled);
            }
            6 => {
                let mut bytes = vec![0; self.draw.random_range(1..16)];
                self.draw.fill_bytes(&mut bytes);
                splice(input, start, start, &bytes);
            }
            7 => {
                let other = self.some_input();
                let (from, to) = self.stretch(other.len());
                splice(input, start, end, &other[from..to]);
            }
            _ => input.truncate(end),
        }
    }

    /// A range of bytes, short ranges more often than long ones.
    fn stretch(&mut self, length: usize) -> (usize, usize) {
        let start = self.draw.random_range(0..=length);
        let longest = (length - start).min(1 << self.draw.random_range(0..14));
        (start, start + self.draw.random_range(0..=longest))
    }

    /// A boundary value, or one next to it, in one to eight bytes of either byte order.
    fn overwrite_number(&mut self, input: &mut [u8], start: usize) {
        let edge = EDGES.choose(&mut self.draw).map_or(0, |&edge| edge);
        let number = edge.wrapping_add_signed(self.draw.random_range(-2..=2));
        let width = 1 << self.draw.random_range(0..4);
        let bytes = if self.draw.random() { number.to_le_bytes() } else { number.swap_bytes().to_le_bytes() };
        let bytes = if bytes[0] == 0 && number != 0 { &bytes[8 - width..] } else { &bytes[..width] };
        for (place, byte) in input[start..].iter_mut().zip(bytes) {
            *place = *byte;
        }
    }

    /// Replaces a decimal number by one of another length.
    fn replace_decimal(&mut self, input: &mut Vec<u8>) {
        let digits = |byte: &u8| byte.is_ascii_digit();
        let from = self.draw.random_range(0..=input.len());
        let Some(start) = input[from..].iter().position(digits).map(|at| from + at) else { return };
        let end = input[start..].iter().position(|byte| !digits(byte)).map_or(input.len(), |at| start + at);
        let number = EDGES.choose(&mut self.draw).map_or(0, |&edge| edge);
        let written = match self.draw.random_range(0..4) {
            0 => format!("-{number}"),
            1 => format!("{number}e{number}"),
            2 => format!("{number}.5"),
            _ => number.to_string(),
        };
        splice(input, start, end, written.as_bytes());
    }
}

fn flip(input: &mut [u8], place: usize, bits: u8) {
    if let Some(byte) = input.get_mut(place) {
        *byte ^= bits;
    }
}

fn splice(input: &mut Vec<u8>, start: usize, end: usize, with: &[u8]) {
    input.splice(start..end, with.iter().copied());
}

#[test]
fn a_seed_gives_the_same_inputs_again_and_nearly_all_of_them_are_new() {
    let inputs = [b"{\"id\": \"17\", \"text\": \"Jordan\"}".to_vec(), vec![7; 100]];
    let made = |seed| {
        let mut mutator = Mutator::new(&inputs, seed);
        (0..1000).map(|_| mutator.next_input()).collect::<Vec<_>>()
    };
    assert_eq!(made(1), made(1));
    let mut different = made(1);
    different.extend(made(2));
    different.sort();
    different.dedup();
    assert!(different.len() > 1500, "only {} of 2000 inputs differ", different.len());
}
