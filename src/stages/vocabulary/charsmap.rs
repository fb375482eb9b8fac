//! Is sentencepiece's table of characters whole? Whoever normalises with it follows its index blindly: one that leads out of
//! the table would be a panic in the middle of a text, and one that puts a book for a letter would take all memory.
//!
//! The table is the size of an index in bytes, the index, and replacements that end with a zero each. The index is a double
//! array (Yata et al. 2007, as in darts-clone): a unit for each step of a key, then one with the place of its replacement.

use tokenizers::normalizers::Precompiled;

/// What the table may put for one character, in bytes: NFKC, the longest that is published, puts 33 for U+FDFA.
const LONGEST: usize = 64;

/// A table that may be used.
///
/// # Errors
/// What is wrong with it, in words that follow its name.
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
    if longest > LONGEST {
        return Err(format!("puts {longest} bytes for one character, more than {LONGEST}"));
    }
    walk(&units, replacements)?;
    Precompiled::from(bytes).map_err(|error| error.to_string())
}

/// Goes where any text could lead.
fn walk(units: &[Unit], replacements: &str) -> Result<(), String> {
    let at = |place: u32| {
        units.get(place as usize).copied().ok_or_else(|| "has an index that leads out of it".to_owned())
    };
    let mut seen = vec![false; units.len()];
    let mut ahead = vec![at(0)?.offset()];
    while let Some(from) = ahead.pop() {
        // No text has a zero here: it ends a key.
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

    /// The place of a replacement, where the unit stands behind a key.
    fn value(self) -> usize {
        (self.0 & ((1 << 31) - 1)) as usize
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A table with one key, `a`, whose replacement begins at that place, in an index of so many units.
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
    fn a_whole_table_is_used_and_none_that_leads_astray() {
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
