//! Scan of valid JSON: where values end.

use memchr::memchr2;

pub(super) fn is_space(letter: char) -> bool {
    matches!(letter, ' ' | '\t' | '\n' | '\r')
}

/// Whether a byte stands between the values of a list.
pub(super) fn is_separator(byte: u8) -> bool {
    matches!(byte, b',' | b':' | b' ' | b'\t' | b'\n' | b'\r')
}

/// One past the value that begins here; none where a list ends instead.
pub(super) fn value_end(json: &[u8], begin: usize) -> Option<usize> {
    match json.get(begin)? {
        b']' | b'}' => None,
        b'"' => Some(string_end(json, begin + 1)),
        b'[' | b'{' => Some(container_end(json, begin + 1)),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r');
            Some(json[begin..].iter().position(ends).map_or(json.len(), |length| begin + length))
        }
    }
}

/// One past the string whose first quote stands before this place.
pub(super) fn string_end(json: &[u8], mut at: usize) -> usize {
    while let Some(found) = json.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    json.len()
}

/// One past the list whose first bracket stands before this place, however deep lists in it are.
fn container_end(json: &[u8], mut at: usize) -> usize {
    let mut depth = 1_usize;
    while let Some(byte) = json.get(at) {
        at += 1;
        match byte {
            b'"' => at = string_end(json, at),
            b'[' | b'{' => depth += 1,
            b']' | b'}' => {
                depth -= 1;
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    json.len()
}
