//! Data sets of `riveg world`: `feed.jsonl` with input records, `gold.jsonl` with their gold answers.

use std::collections::HashMap;
use std::path::Path;

use serde::Deserialize;

use super::files::{DatasetError, malformed, read_lines, read_text};
use super::mentions::{GoldMention, GoldPost, GoldRegion};
use super::reading::{Example, Reading};
use super::wire_mask::WireMask;
use crate::domain::{BBox, EntityType};

/// Reads both files and joins them by id, in the order of `gold.jsonl`.
pub(super) fn read(folder: &Path) -> Result<Reading, DatasetError> {
    let mut reading = Reading::default();
    let mut records = records(&folder.join("feed.jsonl"), &mut reading)?;
    let file = folder.join("gold.jsonl");
    for line in read_lines(&file)? {
        let example = line.and_then(|(line, post): (usize, WireGold)| {
            let gold = post.checked().map_err(|message| malformed(&file, line, message))?;
            let absent = || format!("post `{}` is not in `feed.jsonl`, or occurs here twice", gold.id);
            let record = records.remove(&gold.id).ok_or_else(|| malformed(&file, line, absent()))?;
            Ok(Example { record, gold, knowledge: None })
        });
        let example = reading.note(example);
        reading.examples.extend(example);
    }
    if !records.is_empty() {
        reading.remarks.push(format!("{} posts of `feed.jsonl` have no gold", records.len()));
    }
    Ok(reading)
}

fn records(file: &Path, reading: &mut Reading) -> Result<HashMap<String, Vec<u8>>, DatasetError> {
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    let mut records = HashMap::new();
    for (index, line) in read_text(file)?.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let named = serde_json::from_str::<Named>(line);
        let Some(Named { id }) =
            reading.note(named.map_err(|error| malformed(file, index + 1, error.to_string())))
        else {
            continue;
        };
        if records.insert(id.clone(), line.as_bytes().to_vec()).is_some() {
            reading.faults.push(malformed(file, index + 1, format!("post `{id}` occurs a second time")));
        }
    }
    Ok(records)
}

/// A line of `gold.jsonl`; unknown keys are ignored.
#[derive(Deserialize)]
struct WireGold {
    id: String,
    text: String,
    media_key: String,
    mentions: Vec<WireMention>,
}

#[derive(Deserialize)]
struct WireMention {
    text: String,
    r#type: String,
    start: usize,
    end: usize,
    boxes: Vec<[f32; 4]>,
    #[serde(default)]
    masks: Vec<WireMask>,
}

impl WireGold {
    fn checked(self) -> Result<GoldPost, String> {
        let mentions = self
            .mentions
            .into_iter()
            .enumerate()
            .map(|(index, mention)| {
                let spanned: String = self
                    .text
                    .chars()
                    .skip(mention.start)
                    .take(mention.end.saturating_sub(mention.start))
                    .collect();
                if spanned != mention.text {
                    let WireMention { text, start, end, .. } = mention;
                    return Err(format!(
                        "mentions[{index}]: expected `{text}` at {start}..{end}, found `{spanned}`"
                    ));
                }
                mention.checked(&self.media_key).map_err(|message| format!("mentions[{index}]: {message}"))
            })
            .collect::<Result<_, _>>()?;
        Ok(GoldPost { id: self.id, text: self.text, mentions, grounded: true })
    }
}

impl WireMention {
    fn checked(self, media_key: &str) -> Result<GoldMention, String> {
        if !self.masks.is_empty() && self.masks.len() != self.boxes.len() {
            return Err(format!(
                "expected one mask a box, found {} and {}",
                self.masks.len(),
                self.boxes.len()
            ));
        }
        let mut masks = self.masks.into_iter();
        let regions = self
            .boxes
            .into_iter()
            .map(|[x0, y0, x1, y1]| {
                if !(x0 < x1 && y0 < y1) {
                    return Err(format!("the box {:?} is empty", [x0, y0, x1, y1]));
                }
                let mask = masks.next().map(WireMask::checked).transpose()?;
                Ok(GoldRegion { media_key: media_key.to_owned(), bbox: BBox { x0, y0, x1, y1 }, mask })
            })
            .collect::<Result<_, _>>()?;
        let entity_type = EntityType::new(&self.r#type);
        Ok(GoldMention { text: self.text, entity_type, span: Some((self.start, self.end)), regions })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::lab::dataset;

    const FEED: &str = "{\"id\":\"b\",\"text\":\"\"}\n\n{\"id\":\"a\",\"text\":\"å Ann\",\"lang\":\"en\"}\n";
    const GOLD: &str = "{\"id\":\"a\",\"text\":\"å Ann\",\"media_key\":\"m\",\"mentions\":[{\"text\":\"Ann\",\"type\":\"PER\",\
        \"start\":2,\"end\":5,\"byte_start\":3,\"byte_end\":6,\"boxes\":[[0,0,2,2]],\
        \"masks\":[{\"size\":[2,3],\"counts\":[1,2,3]}]}]}\n{\"id\":\"b\",\"text\":\"\",\"media_key\":\"m\",\"mentions\":[]}\n";

    fn read(feed: &str, gold: &str) -> Result<Vec<dataset::Example>, dataset::DatasetError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("feed.jsonl"), feed).unwrap();
        fs::write(folder.path().join("gold.jsonl"), gold).unwrap();
        dataset::read(folder.path(), "test")
    }

    #[test]
    fn records_are_joined_with_gold_by_id_and_stay_unchanged() {
        let examples = read(FEED, GOLD).unwrap();
        assert_eq!(examples.len(), 2);
        assert_eq!(examples[0].record, FEED.lines().nth(2).unwrap().as_bytes());
        let mention = &examples[0].gold.mentions[0];
        assert_eq!((mention.text.as_str(), mention.span), ("Ann", Some((2, 5))));
        let mask = mention.regions[0].mask.as_ref().unwrap();
        assert_eq!((mask.width, mask.height, mask.runs.as_slice()), (3, 2, &[1, 2, 3][..]));
        assert_eq!(examples[1].gold.id, "b");
    }

    #[test]
    fn a_folder_named_like_the_split_goes_first() {
        let folder = tempfile::tempdir().unwrap();
        for (place, gold) in [("dev", GOLD), (".", "")] {
            let place = folder.path().join(place);
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("feed.jsonl"), FEED).unwrap();
            fs::write(place.join("gold.jsonl"), gold).unwrap();
        }
        assert_eq!(dataset::read(folder.path(), "dev").unwrap().len(), 2);
        assert_eq!(dataset::read(folder.path(), "test").unwrap().len(), 0);
    }

    #[test]
    fn every_fault_names_its_file_and_its_line() {
        let cases = [
            ("not JSON", FEED.to_owned(), GOLD.replace("\"a\"", "a"), "gold.jsonl`, line 1: expected value"),
            (
                "no such post",
                FEED.to_owned(),
                GOLD.replace("\"b\"", "\"c\""),
                "gold.jsonl`, line 2: post `c` is not in",
            ),
            (
                "a post twice in the feed",
                FEED.replace("\"b\"", "\"a\""),
                GOLD.to_owned(),
                "feed.jsonl`, line 3: post `a`",
            ),
            (
                "a wrong span",
                FEED.to_owned(),
                GOLD.replace("start\":2", "start\":1"),
                "line 1: mentions[0]: expected `Ann` at 1..5",
            ),
            (
                "an empty box",
                FEED.to_owned(),
                GOLD.replace("[0,0,2,2]", "[2,0,2,2]"),
                "line 1: mentions[0]: the box",
            ),
            (
                "a short mask",
                FEED.to_owned(),
                GOLD.replace("[1,2,3]", "[1,2]"),
                "line 1: mentions[0]: the runs of a mask",
            ),
            (
                "one mask too few",
                FEED.to_owned(),
                GOLD.replace("[[0,0,2,2]]", "[[0,0,2,2],[0,0,1,1]]"),
                "one mask a box",
            ),
        ];
        for (name, feed, gold, expected) in cases {
            let error = read(&feed, &gold).unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }
}
