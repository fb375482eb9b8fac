//! Lines of RiVEG's authors: gold and predictions of Twitter-GMNER with `###` between fields, and boxes of their grounder.
//!
//! Gold: `<id>.jpg###<entity>(<type>)###<expression>###<0 or 2>###&[x0, y0, x1, y1]&…`. Predictions:
//! `Imageid:<id>.jpg#<4 hexadecimal digits>###<entity>(<type>)###<phrase>###<0 or 2>`. 2 means that the picture shows the
//! entity. Boxes: OFA's `*_predict.json`, a list of objects with `uniq_id` and `box`, in the order of the predictions that
//! are 2. There are names without spans, so only rules that match by text apply.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::files::{DatasetError, malformed, read_text};
use super::mentions::{GoldMention, GoldPost, GoldRegion, PredictedMention, PredictedRegion, Predictions};
use crate::domain::{BBox, EntityType};

/// What begins a line of predictions.
const PREDICTION: &str = "Imageid:";

/// What is between the fields of a line.
const FIELD: &str = "###";

/// Whether a text consists of lines of predictions.
pub(super) fn is_predictions(text: &str) -> bool {
    text.trim_start_matches('\u{feff}').trim_start().starts_with(PREDICTION)
}

/// Reads the text of a file of gold lines; lines of one picture are one post.
pub(super) fn read_gold(file: &Path, text: &str) -> Result<Vec<GoldPost>, DatasetError> {
    let mut posts: Vec<GoldPost> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (number, line) in numbered(text) {
        let (id, mention) = gold_line(line).map_err(|message| malformed(file, number, message))?;
        let place = *places.entry(id.clone()).or_insert_with(|| {
            posts.push(GoldPost { id, text: String::new(), mentions: Vec::new(), grounded: true });
            posts.len() - 1
        });
        posts[place].mentions.push(mention);
    }
    Ok(posts)
}

/// Reads lines of predictions, with the boxes of another file.
pub(super) fn read_predictions(
    file: &Path,
    text: &str,
    boxes: Option<&Path>,
) -> Result<Predictions, DatasetError> {
    let mut found = boxes.map(read_boxes).transpose()?.map(Vec::into_iter);
    let mut predictions = Predictions::new();
    for (number, line) in numbered(text) {
        let fault = |message: String| malformed(file, number, message);
        let (uniq, mut mention) = predicted_line(line).map_err(fault)?;
        let id = picture_id(uniq).map_err(fault)?;
        if mention.gate == Some(true) {
            let bbox = match &mut found {
                None => None,
                Some(found) => {
                    let next = found
                        .next()
                        .ok_or_else(|| fault("there are fewer boxes than depicted entities".to_owned()))?;
                    if next.uniq_id != uniq {
                        return Err(fault(format!("the next box is of `{}`, not of `{uniq}`", next.uniq_id)));
                    }
                    Some(bbox(next.r#box))
                }
            };
            let media_key = id.to_owned();
            mention.regions.push(PredictedRegion { media_key, bbox, mask: None, mask_score: None });
        }
        predictions.entry(id.to_owned()).or_default().push(mention);
    }
    match found.map_or(0, |left| left.len()) {
        0 => Ok(predictions),
        left => Err(malformed(file, None, format!("{left} boxes are left behind the last depicted entity"))),
    }
}

/// A box of OFA's grounder.
#[derive(Deserialize)]
struct NamedBox {
    uniq_id: String,
    r#box: [f32; 4],
}

fn read_boxes(file: &Path) -> Result<Vec<NamedBox>, DatasetError> {
    let text = read_text(file)?;
    serde_json::from_str(&text).map_err(|error| malformed(file, error.line(), error.to_string()))
}

fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty())
}

fn gold_line(line: &str) -> Result<(String, GoldMention), String> {
    let fields: Vec<&str> = line.split(FIELD).collect();
    let [picture, entity, .., depicted, boxes] = fields[..] else {
        return Err(format!("expected 5 fields between `{FIELD}`, found {}", fields.len()));
    };
    let id = picture_id(picture)?;
    let (text, entity_type) = named(entity)?;
    let mut regions = Vec::new();
    if is_depicted(depicted)? {
        for written in boxes.split('&').map(str::trim).filter(|written| !written.is_empty()) {
            let bbox = bbox(edges(written)?);
            if !(bbox.x0 < bbox.x1 && bbox.y0 < bbox.y1) {
                return Err(format!("the box {written} is empty"));
            }
            regions.push(GoldRegion { media_key: id.to_owned(), bbox, mask: None });
        }
        if regions.is_empty() {
            return Err("a depicted entity has no box".to_owned());
        }
    }
    Ok((id.to_owned(), GoldMention { text, entity_type, span: None, regions }))
}

/// The id of the question and the mention, yet without its region.
fn predicted_line(line: &str) -> Result<(&str, PredictedMention), String> {
    let line =
        line.strip_prefix(PREDICTION).ok_or_else(|| format!("expected `{PREDICTION}` at the beginning"))?;
    let fields: Vec<&str> = line.split(FIELD).collect();
    let [uniq, entity, .., depicted] = fields[..] else {
        return Err(format!("expected 4 fields between `{FIELD}`, found {}", fields.len()));
    };
    let (text, entity_type) = named(entity)?;
    let gate = Some(is_depicted(depicted)?);
    Ok((uniq, PredictedMention { text, entity_type, span: None, gate, regions: Vec::new() }))
}

/// `71044` of `71044.jpg#7060` and of `71044.jpg`.
fn picture_id(named: &str) -> Result<&str, String> {
    let id = named.split_once(".jpg").map(|(id, _)| id.trim()).filter(|id| !id.is_empty());
    id.ok_or_else(|| format!("expected `<id>.jpg`, found `{named}`"))
}

fn named(entity: &str) -> Result<(String, EntityType), String> {
    let parts = entity.trim_end().strip_suffix(')').and_then(|entity| entity.rsplit_once('('));
    let (text, entity_type) = parts
        .filter(|(text, entity_type)| !text.is_empty() && !entity_type.is_empty())
        .ok_or_else(|| format!("expected `<entity>(<type>)`, found `{entity}`"))?;
    Ok((text.to_owned(), EntityType::new(entity_type)))
}

fn is_depicted(field: &str) -> Result<bool, String> {
    match field.trim() {
        "0" => Ok(false),
        "2" => Ok(true),
        other => Err(format!("expected 0 (absent) or 2 (depicted), found `{other}`")),
    }
}

fn edges(written: &str) -> Result<[f32; 4], String> {
    serde_json::from_str(written)
        .map_err(|error| format!("expected `[x0, y0, x1, y1]`, found `{written}`: {error}"))
}

fn bbox([x0, y0, x1, y1]: [f32; 4]) -> BBox {
    BBox { x0, y0, x1, y1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOLD: &str = "7.jpg###Ann Lee(PER)###a singer###2###&[1.0, 2.0, 30.0, 40.0]&[50, 2, 70, 40]\r\n\
        8.jpg###Oslo(LOC)###a city###0###&[0, 0, 0, 0]\r\n7.jpg###The Bays (of) It(ORG)###x###0###&[0, 0, 0, 0]\r\n";
    const SAID: &str = "Imageid:7.jpg#00a1###Ann Lee(PER)###Ann Lee(PER)-A singer.###2\r\n\
        Imageid:8.jpg#00a2###Oslo(LOC)###Oslo(LOC)-A city.###0\r\n";

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lines.txt");
        std::fs::write(&file, text).unwrap();
        (folder, file)
    }

    #[test]
    fn gold_lines_of_one_picture_are_one_post() {
        let posts = read_gold(Path::new("gold.txt"), GOLD).unwrap();
        let seen: Vec<_> = posts.iter().map(|post| (post.id.as_str(), post.mentions.len())).collect();
        assert_eq!(seen, [("7", 2), ("8", 1)]);
        let mentions = &posts[0].mentions;
        assert_eq!((mentions[0].text.as_str(), mentions[0].entity_type.as_str()), ("Ann Lee", "PER"));
        assert_eq!(mentions[0].regions[1].bbox, BBox { x0: 50.0, y0: 2.0, x1: 70.0, y1: 40.0 });
        assert_eq!((mentions[1].text.as_str(), mentions[1].regions.len()), ("The Bays (of) It", 0));
    }

    #[test]
    fn predictions_take_their_boxes_from_the_grounders_file() {
        let (folder, file) = file(SAID);
        let without = super::super::predictions::read(&file, None).unwrap();
        assert_eq!((without["7"][0].regions[0].bbox, without["8"][0].gate), (None, Some(false)));
        let boxes = folder.path().join("predict.json");
        std::fs::write(&boxes, r#"[{"uniq_id":"7.jpg#00a1","box":[1.5,2,30,40]}]"#).unwrap();
        let with = super::super::predictions::read(&file, Some(&boxes)).unwrap();
        assert_eq!(with["7"][0].regions[0].bbox.unwrap().x0, 1.5);
    }

    #[test]
    fn every_fault_names_its_line() {
        let gold = [
            ("7.jpg###Ann(PER)###2\n", "line 1: expected 5 fields"),
            ("7.png###Ann(PER)###x###0###&[0, 0, 0, 0]\n", "line 1: expected `<id>.jpg`"),
            ("\n7.jpg###Ann###x###0###&[0, 0, 0, 0]\n", "line 2: expected `<entity>(<type>)`"),
            ("7.jpg###Ann(PER)###x###1###&[0, 0, 0, 0]\n", "line 1: expected 0 (absent)"),
            ("7.jpg###Ann(PER)###x###2###&[0, 0, 0, 0]\n", "line 1: the box [0, 0, 0, 0] is empty"),
            ("7.jpg###Ann(PER)###x###2###&[0, 0, 1]\n", "line 1: expected `[x0, y0, x1, y1]`"),
        ];
        for (text, expected) in gold {
            let error = read_gold(Path::new("gold.txt"), text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        for (said, boxes, expected) in [
            (SAID.replace("###2", "###3"), "[]", "line 1: expected 0 (absent)"),
            (SAID.to_owned(), "[]", "line 1: there are fewer boxes"),
            (SAID.to_owned(), r#"[{"uniq_id":"9","box":[0,0,1,1]}]"#, "line 1: the next box is of `9`"),
            (SAID.replace("###2", "###0"), r#"[{"uniq_id":"9","box":[0,0,1,1]}]"#, "1 boxes are left"),
            (SAID.to_owned(), "[{}]", "predict.json`, line 1: missing field"),
        ] {
            let (folder, file) = file(&said);
            let file_of_boxes = folder.path().join("predict.json");
            std::fs::write(&file_of_boxes, boxes).unwrap();
            let error = super::super::predictions::read(&file, Some(&file_of_boxes)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
