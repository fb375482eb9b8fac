//! A picture: refused with its name and a reason, or pixels within the limits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The bytes of an encoded picture.
pub fn picture(input: &[u8]) {
    let media = serde_json::json!([{ "key": "the picture", "bytes": STANDARD.encode(input) }]);
    let post = serde_json::json!({ "id": "1", "text": "", "media": media });
    if let Err(rejection) = super::record::decoded(post.to_string().into_bytes()) {
        let about =
            rejection.message.contains("media `the picture`") || rejection.message.contains("decode.");
        assert!(about, "{rejection}");
    }
}
