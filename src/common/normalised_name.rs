//! Normalised name: one spelling for names that differ only in case, white space and compatibility characters.

use unicode_normalization::UnicodeNormalization as _;

/// The name in Unicode's form NFKC, case folded (via upper case, so that `ß` equals `SS`), with white space collapsed.
#[must_use]
pub fn normalised_name(name: &str) -> String {
    let composed: String = name.nfkc().collect();
    let words: Vec<String> =
        composed.split_whitespace().map(|word| word.to_uppercase().to_lowercase()).collect();
    words.join(" ").nfkc().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_of_one_name_become_the_same() {
        let cases = [
            ("Ada Lovelace", " ADA\u{a0}\n lovelace ", "ada lovelace"),
            ("Große Brücke", "GROSSE BRÜCKE", "grosse brücke"),
            ("Ｔｏｋｙｏ", "Tokyo", "tokyo"),
            ("Café", "Cafe\u{301}", "café"),
            ("ＡＴ&Ｔ", "AT&T", "at&t"),
            ("ΟΔΟΣ", "Οδος", "οδος"),
        ];
        for (one, other, expected) in cases {
            assert_eq!(normalised_name(one), expected);
            assert_eq!(normalised_name(other), normalised_name(one), "{other}");
        }
        assert_ne!(normalised_name("Paris"), normalised_name("Parys"));
    }

    proptest! {
        #[test]
        fn no_name_panics(name in any::<String>()) {
            let _ = normalised_name(&name);
        }
    }
}
