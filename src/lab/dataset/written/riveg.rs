//! The layout of `riveg world`: `feed.jsonl` with the records, `gold.jsonl` with the gold.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};

use super::files::{WriteError, picture_of, refused, save};
use crate::lab::dataset::mentions::{GoldMention, GoldPost};
use crate::lab::dataset::reading::Example;

pub(super) fn write(examples: &[Example], records: &[Value], folder: &Path) -> Result<(), WriteError> {
    let (mut feed, mut gold) = (String::new(), String::new());
    for (Example { gold: post, .. }, record) in examples.iter().zip(records) {
        let _ = writeln!(feed, "{record}");
        let _ = writeln!(gold, "{}", gold_line(post)?);
    }
    save(folder.join("feed.jsonl"), feed)?;
    save(folder.join("gold.jsonl"), gold)
}

fn gold_line(post: &GoldPost) -> Result<Value, WriteError> {
    let media_key = picture_of(post)?;
    let mention = |mention: &GoldMention| {
        let (start, end) = mention.span.ok_or_else(|| refused(post, "a mention has no place in the text"))?;
        let boxes: Vec<[f32; 4]> =
            mention.regions.iter().map(|r| [r.bbox.x0, r.bbox.y0, r.bbox.x1, r.bbox.y1]).collect();
        let masks: Vec<Value> = mention
            .regions
            .iter()
            .filter_map(|region| region.mask.as_ref())
            .map(|mask| json!({ "size": [mask.height, mask.width], "counts": mask.to_coco_counts() }))
            .collect();
        Ok(json!({
            "text": mention.text, "type": mention.entity_type.as_str(), "start": start, "end": end,
            "boxes": boxes, "masks": masks,
        }))
    };
    let mentions = post.mentions.iter().map(mention).collect::<Result<Vec<Value>, WriteError>>()?;
    Ok(json!({ "id": post.id, "text": post.text, "media_key": media_key, "mentions": mentions }))
}
