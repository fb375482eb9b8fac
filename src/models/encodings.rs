//! Which pictures need no second encoding? The latest encodings, as many as a budget of bytes holds.

use tch::Tensor;

use crate::cache::Bounded;
use crate::domain::ContentHash;

/// Encodings by the content of their picture; the one longest unused goes first.
#[derive(Debug)]
pub(super) struct Encodings(Bounded<ContentHash, Tensor>);

impl Encodings {
    pub(super) fn within(budget: usize) -> Self {
        Self(Bounded::new(budget))
    }

    pub(super) fn get(&mut self, hash: &ContentHash) -> Option<Tensor> {
        self.0.get(hash).map(Tensor::shallow_clone)
    }

    /// Keeps an encoding that owns its memory; one larger than the whole budget is not kept.
    pub(super) fn keep(&mut self, hash: ContentHash, encoding: Tensor) {
        let bytes = bytes_of(&encoding);
        self.0.insert(hash, encoding, bytes);
    }
}

fn bytes_of(encoding: &Tensor) -> usize {
    encoding.numel() * encoding.kind().elt_size_in_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Device, Kind};

    fn encoding(cells: i64) -> Tensor {
        Tensor::zeros([cells], (Kind::Float, Device::Cpu))
    }

    #[test]
    fn the_encoding_longest_unused_goes_when_the_bytes_are_spent() {
        let hash = |value: u8| ContentHash([value; 32]);
        let mut encodings = Encodings::within(100);
        encodings.keep(hash(1), encoding(10));
        encodings.keep(hash(2), encoding(10));
        assert!(encodings.get(&hash(1)).is_some());
        encodings.keep(hash(3), encoding(10));
        assert!(encodings.get(&hash(2)).is_none());
        assert!(encodings.get(&hash(1)).is_some());
        assert!(encodings.get(&hash(3)).is_some());

        encodings.keep(hash(1), encoding(5));
        assert_eq!(encodings.0.bytes(), 60);
        encodings.keep(hash(4), encoding(1000));
        assert!(encodings.get(&hash(4)).is_none());
        assert_eq!(encodings.0.bytes(), 60);
    }
}
