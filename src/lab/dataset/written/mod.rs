//! Written data sets: the posts of a split in one of the layouts that are read, with their pictures.

use std::path::Path;

use super::reading::Example;

mod files;
mod pictures;
mod riveg;
mod twitter;
mod coco;
mod knowledge;
mod pairs;

pub use files::WriteError;
use files::made;
pub use pairs::{PairCounts, PairSources, write_pairs};
use pictures::with_pictures;

/// A layout that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `feed.jsonl` and `gold.jsonl`.
    Riveg,
    /// `txt/<split>.txt`, `xml/<id>.xml`; masks are lost.
    TwitterGmner,
    /// `knowledge.jsonl`: text and knowledge of each post that has it, for `knowledge.file` of the settings.
    Knowledge,
    /// `annotations.json` of COCO: pictures, types and regions; mentions without a region are in an extra list.
    Coco,
}

/// Writes the posts as one split into a folder, and copies their pictures into its `images/`. Pictures that are not there
/// are left out.
///
/// # Errors
/// The first file that cannot be written, or post that does not fit.
pub fn write(examples: &[Example], form: Form, split: &str, folder: &Path) -> Result<(), WriteError> {
    let folder = &made(folder)?;
    let copied = || with_pictures(examples, &made(&folder.join("images"))?);
    match form {
        Form::Knowledge => knowledge::write(examples, folder),
        Form::Riveg => riveg::write(examples, &copied()?, folder),
        Form::TwitterGmner => copied().and_then(|_| twitter::write(examples, split, folder)),
        Form::Coco => copied().and_then(|_| coco::write(examples, folder)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::{Value, json};
    use url::Url;

    use super::*;
    use crate::domain::{BBox, EntityType, Mask};
    use crate::lab::dataset::{GoldMention, GoldPost, GoldRegion, read, read_all};

    fn examples(id: &str) -> Vec<Example> {
        let bbox = BBox { x0: 0.0, y0: 0.0, x1: 2.0, y1: 1.0 };
        let mask = Mask { width: 3, height: 2, runs: vec![0, 1, 1, 1, 3] };
        let region = GoldRegion { media_key: "m".into(), bbox, mask: Some(mask) };
        let mention = |text: &str, span, regions| GoldMention {
            text: text.into(),
            entity_type: EntityType::new("PER"),
            span: Some(span),
            regions,
        };
        let mentions = vec![mention("Ann Lee", (1, 8), vec![region]), mention("Bo & Co", (13, 20), vec![])];
        let gold = GoldPost { id: id.into(), text: "(Ann Lee and Bo & Co)".into(), mentions, grounded: true };
        let record = json!({ "id": id, "text": gold.text, "media": [{ "key": "m", "type": "image/jpeg", "bytes": "AAEC" }] });
        vec![Example { record: record.to_string().into_bytes(), gold, knowledge: None }]
    }

    #[test]
    fn every_layout_is_read_as_it_was_written() {
        for form in [Form::Riveg, Form::Coco] {
            let folder = tempfile::tempdir().unwrap();
            write(&examples("a/7"), form, "test", folder.path()).unwrap();
            let read = read(folder.path(), "test").unwrap();
            assert_eq!(read[0].gold, examples("a/7")[0].gold, "{form:?}");
            let record: Value = serde_json::from_slice(&read[0].record).unwrap();
            let url = Url::parse(record["media"][0]["url"].as_str().unwrap()).unwrap();
            assert_eq!(fs::read(url.to_file_path().unwrap()).unwrap(), [0, 1, 2]);
        }
    }

    #[test]
    fn words_keep_mentions_and_boxes_and_lose_masks() {
        let folder = tempfile::tempdir().unwrap();
        write(&examples("7"), Form::TwitterGmner, "dev", folder.path()).unwrap();
        let words = fs::read_to_string(folder.path().join("txt/dev.txt")).unwrap();
        assert_eq!(
            words,
            "IMGID:7\n(\tO\nAnn\tB-PER\nLee\tI-PER\nand\tO\nBo\tB-PER\n&\tI-PER\nCo\tI-PER\n)\tO\n\n"
        );
        assert!(
            fs::read_to_string(folder.path().join("xml/7.xml")).unwrap().contains("<name>Ann Lee</name>")
        );
    }

    #[test]
    fn posts_that_a_layout_cannot_hold_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut two_pictures = examples("a/7");
        let mut region = two_pictures[0].gold.mentions[0].regions[0].clone();
        region.media_key = "n".into();
        two_pictures[0].gold.mentions[1].regions.push(region);
        let mut without_places = examples("a/7");
        without_places[0].gold.mentions[0].span = None;
        for (posts, form, expected) in [
            (&two_pictures, Form::Riveg, "in several pictures"),
            (&two_pictures, Form::Coco, "in several pictures"),
            (&without_places, Form::Riveg, "no place in the text"),
            (&examples("a/7"), Form::TwitterGmner, "no file can have that name"),
        ] {
            let error = write(posts, form, "test", folder.path()).unwrap_err().to_string();
            assert!(error.contains("post `a/7`") && error.contains(expected), "{error}");
        }
        assert!(read_all(&folder.path().join("none"), "test").is_err());
    }
}
