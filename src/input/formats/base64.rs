//! Base64 of pictures inside records, in every variant that feeds write.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine, alphabet};

use crate::domain::RejectionClass;

use crate::input::MediaFault;

/// The alphabet of RFC 4648, section 4, with or without its padding.
const STANDARD: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Whether this is a `data:` URL, which contains its picture.
pub(super) fn is_data_url(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Decodes base64: the standard or the URL alphabet (RFC 4648, sections 4 and 5), with or without padding, on one line
/// or many, alone or in a `data:` URL.
pub(super) fn decoded(text: &str, limit: u64) -> Result<Vec<u8>, MediaFault> {
    let base64 = if is_data_url(text) { body(text)? } else { text };
    // Checked before decoding, so that nothing is allocated for a picture that is too large.
    if size(base64.len()) > limit {
        let size = size(base64.bytes().filter(|byte| !byte.is_ascii_whitespace()).count());
        if size > limit {
            let message = format!("has about {size} bytes, more than the {limit} of decode.max_picture");
            return Err(MediaFault::new(RejectionClass::TooLarge, message));
        }
    }
    STANDARD
        .decode(base64)
        .or_else(|_| STANDARD.decode(standardised(base64)))
        .map_err(|error| MediaFault::malformed(format!("has `bytes` that are not base64: {error}")))
}

/// The bytes that so many letters encode, or up to three fewer.
fn size(letters: usize) -> u64 {
    (letters as u64 / 4 * 3).saturating_sub(3)
}

/// The text after `data:image/png;base64,`.
fn body(url: &str) -> Result<&str, MediaFault> {
    let Some((head, body)) = url.split_once(',') else {
        return Err(MediaFault::malformed("is a `data:` URL without a comma"));
    };
    let last = head.rsplit(';').next().unwrap_or_default();
    if last.trim().eq_ignore_ascii_case("base64") {
        return Ok(body);
    }
    Err(MediaFault::malformed("is a `data:` URL whose bytes are not base64"))
}

/// The same in the standard alphabet and without white space.
fn standardised(base64: &str) -> Vec<u8> {
    let letters = base64.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let standard = |letter| match letter {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    };
    letters.map(standard).collect()
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn invalid_base64_is_refused_with_its_place() {
        let cases = [
            ("@@@@", "not base64: Invalid symbol 64, offset 0"),
            ("QUJDR", "not base64"),
            ("QU=JD", "not base64"),
            ("data:image/png;base64", "without a comma"),
            ("data:image/png,QUJD", "not base64"),
            ("data:image/png;base64,@@@@", "not base64: Invalid symbol 64, offset 0"),
        ];
        for (text, expected) in cases {
            let fault = decoded(text, 100).unwrap_err();
            assert!(fault.message.contains(expected), "{text}: {}", fault.message);
        }
    }

    #[test]
    fn a_limit_counts_bytes_and_no_line_breaks() {
        let many_lines = "QUJD\r\n\r\n\r\n\r\n".repeat(10);
        assert_eq!(decoded(&many_lines, 30).unwrap().len(), 30);
        assert_eq!(decoded(&"QUJD".repeat(20), 30).unwrap_err().class, RejectionClass::TooLarge);
    }

    proptest! {
        #[test]
        fn bytes_come_back_from_every_variant(picture: Vec<u8>, line in 1_usize..80, breaks in "[ \r\n\t]{0,3}") {
            for engine in [
                general_purpose::STANDARD,
                general_purpose::STANDARD_NO_PAD,
                general_purpose::URL_SAFE,
                general_purpose::URL_SAFE_NO_PAD,
            ] {
                let one_line = engine.encode(&picture);
                let lines: Vec<&str> =
                    one_line.as_bytes().chunks(line).map(|line| std::str::from_utf8(line).unwrap()).collect();
                let broken = lines.join(&breaks);
                for text in [
                    broken.clone(),
                    format!("data:image/jpeg;base64,{broken}"),
                    format!("DATA:;charset=x;Base64,{broken}"),
                ] {
                    prop_assert_eq!(decoded(&text, u64::MAX).ok(), Some(picture.clone()), "{}", text);
                }
            }
        }
    }
}
