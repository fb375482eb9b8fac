//! Charsmap check: sentencepiece's table of character replacements. The normaliser follows its index without checks: an
//! index out of range would panic on some texts, and a very long replacement would exhaust memory.
//!
//! The table has the size of the index in bytes, the index, and zero-terminated replacements. The index is a double array
//! (Yata et al. 2007, as in darts-clone): a unit for each byte of a key, then one with the offset of its replacement.

use tokenizers::normalizers::Precompiled;

/// The longest replacement of a character, in bytes: NFKC, the longest published, has 33 for U+FDFA.
const MAX_REPLACEMENT: usize = 64;

/// Parses and checks a table.
///
/// # Errors
/// The fault, as the rest of a sentence that begins with the table.
pub(super) fn table(bytes: &[u8]) -> Result<Precompiled, String> {
    let cut_off = "ends before its index does";
    let (size, rest) = bytes.split_first_chunk::<4>().ok_or(cut_off)?;
    let size = u32::from_le_bytes(*size) as usize;
    if size > rest.len() {
        return Err(cut_off.to_owned());
    }
    let (index, replacements) = rest.split_at(size / 4 * 4);
    let units: Vec<Unit> = index.as_chunks().0.iter().map(|&unit| Unit(u32::from_le_bytes(unit))).collect();
    let replacements =
        std::str::from_utf8(replacements).map_err(|_| "has replacements that are not UTF-8".to_owned())?;
    let longest = replacements.split('\0').map(str::len).max().unwrap_or(0);
    if longest > MAX_REPLACEMENT {
        return Err(format!("puts {longest} bytes for one character, more than {MAX_REPLACEMENT}"));
    }
    walk(&units, replacements)?;
    Precompiled::from(bytes).map_err(|error| error.to_string())
}

/// Visits every unit that a text could reach.
fn walk(units: &[Unit], replacements: &str) -> Result<(), String> {
    let at = |place: u32| {
        units.get(place as usize).copied().ok_or_else(|| "has an index that leads out of it".to_owned())
    };
    let mut seen = vec![false; units.len()];
    let mut ahead = vec![at(0)?.offset()];
    while let Some(from) = ahead.pop() {
        // Zero ends a key and does not occur within one.
        for byte in 1..=u32::from(u8::MAX) {
            let place = from ^ byte;
            let unit = at(place)?;
            if unit.label() != byte || std::mem::replace(&mut seen[place as usize], true) {
                continue;
            }
            let next = place ^ unit.offset();
            if unit.ends_a_key() && !replacements.is_char_boundary(at(next)?.value()) {
                return Err("has an index that leads past its replacements".to_owned());
            }
            ahead.push(next);
        }
    }
    Ok(())
}

/// One unit of the index.
#[derive(Debug, Clone, Copy)]
struct Unit(u32);

impl Unit {
    fn label(self) -> u32 {
        self.0 & (1 << 31 | 0xff)
    }

    fn offset(self) -> u32 {
        (self.0 >> 10) << ((self.0 & 1 << 9) >> 6)
    }

    fn ends_a_key(self) -> bool {
        self.0 >> 8 & 1 == 1
    }

    /// The offset of the replacement, in a unit after a key.
    fn value(self) -> usize {
        (self.0 & ((1 << 31) - 1)) as usize
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A table with the one key `a`, the offset of its replacement, and an index of this size.
    pub(in crate::stages::vocabulary) fn of_one_key(
        value: u32,
        units: usize,
        replacements: &[u8],
    ) -> Vec<u8> {
        let mut index = vec![0_u32; units];
        let place = usize::from(b'a');
        index[place] = 256 << 10 | 1 << 8 | u32::from(b'a');
        if let Some(unit) = index.get_mut(place ^ 256) {
            *unit = 1 << 31 | value;
        }
        let index: Vec<u8> = index.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        [&u32::try_from(index.len()).unwrap().to_le_bytes()[..], &index, replacements].concat()
    }

    #[test]
    fn a_valid_table_is_used_and_an_invalid_one_is_refused() {
        let whole = table(&of_one_key(4, 512, b"x\0\0\0bc\0")).unwrap();
        assert_eq!(whole.normalize_string("banal"), "bbcnbcl");
        let mut endless = of_one_key(0, 512, b"b\0");
        endless[..4].copy_from_slice(&u32::MAX.to_le_bytes());
        for (bytes, fault) in [
            (of_one_key(0, 300, b"b\0"), "leads out of it"),
            (of_one_key(9, 512, b"b\0"), "leads past its replacements"),
            (of_one_key(1, 512, "é\0".as_bytes()), "leads past its replacements"),
            (of_one_key(0, 512, &[b'b'; 65]), "puts 65 bytes for one character"),
            (of_one_key(0, 512, b"\xff\0"), "not UTF-8"),
            (0_u32.to_le_bytes().to_vec(), "leads out of it"),
            (endless, "ends before its index does"),
            (vec![0; 3], "ends before its index does"),
        ] {
            let refusal = table(&bytes).expect_err(fault);
            assert!(refusal.contains(fault), "{fault}: {refusal}");
        }
    }
}
