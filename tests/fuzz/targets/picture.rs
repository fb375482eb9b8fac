//! Picture target: an error with name and reason, or pixels within the limits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The bytes of an encoded picture.
pub fn picture(input: &[u8]) {
    let media = serde_json::json!([{ "key": "the picture", "bytes": STANDARD.encode(input) }]);
    let post = serde_json::json!({ "id": "1", "text": "", "media": media });
    let said = match super::record::decoded(post.to_string().into_bytes()) {
        Ok(post) => post.omitted_media().iter().map(|medium| medium.reason.clone()).collect(),
        Err(rejection) => vec![rejection.message],
    };
    for reason in said {
        assert!(reason.contains("media `the picture`") || reason.contains("decode."), "{reason}");
        super::assert_sayable(&reason);
    }
}
