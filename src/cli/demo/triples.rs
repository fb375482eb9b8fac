//! Triples of the demonstration: a line for each record of an output of the shape `triple`.

use serde::Deserialize;

use crate::config::Config;
use crate::kafka::publish::{BoxUnit, MaskForm, OutputConfig, Shape};

/// The name of the output, and the end of its topic.
const OUTPUT: &str = "triples";

/// Adds an output of triples without masks. Returns its topic.
pub(super) fn add_output(config: &mut Config) -> String {
    let topic = format!("{}.{OUTPUT}", config.publish.topic);
    let output = OutputConfig {
        topic: topic.clone(),
        format: "riveg".to_owned(),
        shape: Shape::Triple,
        masks: MaskForm::None,
        boxes: BoxUnit::Pixels,
    };
    config.publish.outputs.insert(OUTPUT.to_owned(), output);
    topic
}

#[derive(Deserialize)]
struct Triple {
    post_id: String,
    #[serde(rename = "type")]
    entity_type: Option<String>,
    text: Option<String>,
    media_index: Option<usize>,
    #[serde(rename = "box")]
    bbox: Option<[f64; 4]>,
    box_score: Option<f64>,
}

/// The line for a record; none for a post that names nothing.
pub(super) fn line(record: &[u8]) -> Option<String> {
    let triple: Triple = serde_json::from_slice(record).ok()?;
    let (entity_type, text) = (triple.entity_type?, triple.text?);
    let place = match (triple.media_index, triple.bbox) {
        (Some(picture), Some([x0, y0, x1, y1])) => {
            let score = triple.box_score.map(|score| format!(", {score:.2}")).unwrap_or_default();
            format!("picture {picture}, {x0:.0} {y0:.0} {x1:.0} {y1:.0}{score}")
        }
        _ => "no picture".to_owned(),
    };
    // The feed is ours; the text is shown as it would be from any other.
    let (post, text) = (triple.post_id.escape_debug(), text.escape_debug().to_string());
    Some(format!("{post}  {entity_type:<5} {text:<24} {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triple_is_told_with_its_place_and_a_post_without_any_is_not() {
        let shown = r#"{"post_id":"p","type":"PER","text":"Ada","media_index":0,"box":[1.2,2,3,4.9],"box_score":0.914}"#;
        let expected = format!("p  PER   {:<24} picture 0, 1 2 3 5, 0.91", "Ada");
        assert_eq!(line(shown.as_bytes()), Some(expected));
        let hidden = line(br#"{"post_id":"p","type":"LOC","text":"Os\u001blo"}"#).unwrap();
        assert!(hidden.ends_with("no picture") && !hidden.contains('\u{1b}'), "{hidden}");
        assert_eq!(line(br#"{"post_id":"p","triples":0}"#), None);
    }
}
