//! What remains of a phrase for OFA? Its authors clean all text so, in training and after.

/// Words beyond these are cut off; OFA never saw longer captions.
const MAX_WORDS: usize = 80;

/// Lower case, no punctuation in front, hyphens and slashes as spaces, no double spaces, at most 80 words.
#[must_use]
pub fn pre_caption(text: &str) -> String {
    let lower = text.to_lowercase();
    let bare = lower.trim_start_matches([',', '.', '!', '?', '*', '#', ':', ';', '~']);
    let plain = bare.replace(['-', '/'], " ").replace("<person>", "person");
    let single = single_spaces(&plain);
    let trimmed = single.trim_end_matches('\n').trim_matches(' ');
    let words: Vec<&str> = trimmed.split(' ').take(MAX_WORDS).collect();
    words.join(" ")
}

/// Every run of two or more white characters becomes one space; a white character alone stays what it is.
fn single_spaces(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(char::is_whitespace) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|character: char| !character.is_whitespace()).unwrap_or(from.len());
        let (white, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(if white.chars().count() > 1 { " " } else { white });
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captions_are_cleaned_as_ofa_cleans_them() {
        let many = ["word"; 90].join(" ");
        let cases = [
            ("Chris Paul (PER) - a basketball player", "chris paul (per) a basketball player"),
            ("#: *CP3", "*cp3"),
            ("#CP3", "cp3"),
            (" #CP3", "#cp3"),
            ("Bed-Stuy/Brooklyn", "bed stuy brooklyn"),
            ("a <PERSON>  in\u{3000}\u{3000}red\n\n", "a person in red"),
            ("one\tword", "one\tword"),
            ("line\n", "line"),
            ("", ""),
            ("É", "é"),
            (&many, &["word"; 80].join(" ")),
        ];
        for (text, expected) in cases {
            assert_eq!(pre_caption(text), expected, "{text:?}");
        }
    }
}
