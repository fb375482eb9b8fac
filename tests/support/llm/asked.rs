//! Requests that the fake server received. Read back from the bytes that came.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// One request, as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// The texts of all messages, one after another, each from its own line on.
    pub(crate) text: String,
    /// The bytes of all pictures, each with what it is said to be.
    pub(crate) pictures: Vec<(String, Vec<u8>)>,
    pub(crate) model: String,
    /// All of the request but its messages.
    pub(crate) parameters: Value,
    /// The header that is to let it in.
    pub(crate) authorization: Option<String>,
}

impl Asked {
    /// Reads a request's body.
    ///
    /// # Panics
    /// Where it is no request of a chat completion: the client under test is wrong.
    pub(super) fn read(body: &[u8], authorization: Option<String>) -> Self {
        let mut parameters: Value = serde_json::from_slice(body).expect("a request is JSON");
        let messages = parameters.as_object_mut().and_then(|request| request.remove("messages"));
        let Some(Value::Array(messages)) = messages else { panic!("a request has messages: {parameters}") };
        let (mut texts, mut pictures) = (Vec::new(), Vec::new());
        for message in &messages {
            assert!(message["role"].is_string(), "a message has a role: {message}");
            match &message["content"] {
                Value::String(text) => texts.push(text.clone()),
                Value::Array(parts) => {
                    for part in parts {
                        match part["type"].as_str() {
                            Some("text") => texts.push(part["text"].as_str().expect("a text").to_owned()),
                            Some("image_url") => pictures.push(picture(&part["image_url"]["url"])),
                            _ => panic!("a part is a text or a picture: {part}"),
                        }
                    }
                }
                _ => panic!("a message has content: {message}"),
            }
        }
        let model = parameters["model"].as_str().expect("a request names a model").to_owned();
        Self { text: texts.join("\n"), pictures, model, parameters, authorization }
    }
}

fn picture(url: &Value) -> (String, Vec<u8>) {
    let url = url.as_str().and_then(|url| url.strip_prefix("data:")).expect("a picture is in the request");
    let (media_type, encoded) = url.split_once(";base64,").expect("a picture is in base64");
    (media_type.to_owned(), STANDARD.decode(encoded).expect("base64"))
}
