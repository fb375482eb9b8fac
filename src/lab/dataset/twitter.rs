//! Data sets of tweets: words with BIO tags in one file a split, regions in one file a picture, pictures.
//!
//! A picture without a file of regions shows no entity. An entity's regions are all objects with its name, because the data
//! sets join the two by name alone.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use serde_json::json;
use url::Url;

use super::files::{DatasetError, malformed, read_text};
use super::mentions::{GoldMention, GoldPost, GoldRegion};
use super::reading::{Example, Reading};
use super::tagged_words::{Sentence, sentences};
use super::{labelme, voc};
use crate::domain::{BBox, Mask};

/// Where the regions are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Regions {
    /// `xml/<id>.xml`: boxes, as in Twitter-GMNER.
    Voc,
    /// `json/<id>.json`: masks, as in Twitter-SMNER.
    Labelme,
    /// Nowhere, as in Twitter-2015 and Twitter-2017: the data set does not say what the pictures show.
    Unknown,
}

/// A named region of a picture.
type Object = (String, BBox, Option<Mask>);

/// Reads the words of `file`, the regions, and the pictures of `images/` in the folder.
pub(super) fn read(directory: &Path, file: &Path, regions: Regions) -> Result<Reading, DatasetError> {
    let directory = fs::canonicalize(directory)
        .map_err(|source| DatasetError::Read { file: directory.to_owned(), source })?;
    let text = read_text(file)?;
    let mut reading = Reading::default();
    let mut ids = HashSet::new();
    for sentence in sentences(file, &text, &mut reading.faults) {
        if !ids.insert(sentence.id.clone()) {
            let message = format!("post `{}` occurs a second time", sentence.id);
            reading.faults.push(malformed(file, sentence.line, message));
            continue;
        }
        let objects = objects(&directory, &sentence.id, regions);
        let Some(objects) = reading.note(objects) else { continue };
        reading.remarks.extend(without_entity(&sentence, &objects));
        let example = example(&directory, sentence, &objects, regions, &mut reading);
        reading.examples.push(example);
    }
    Ok(reading)
}

fn objects(directory: &Path, id: &str, regions: Regions) -> Result<Vec<Object>, DatasetError> {
    let read = match regions {
        Regions::Unknown => Vec::new(),
        Regions::Voc => {
            let boxes = voc::read(&directory.join("xml").join(format!("{id}.xml")))?;
            boxes.into_iter().map(|(name, bbox)| (name, bbox, None)).collect()
        }
        Regions::Labelme => {
            let objects = labelme::read(&directory.join("json").join(format!("{id}.json")))?;
            objects.into_iter().map(|(name, bbox, mask)| (name, bbox, Some(mask))).collect()
        }
    };
    Ok(read)
}

/// Objects whose name is not the text of an entity belong to none.
fn without_entity(sentence: &Sentence, objects: &[Object]) -> Vec<String> {
    let names: Vec<String> =
        sentence.entities.iter().map(|&(start, end, _)| between(&sentence.text, start, end)).collect();
    let lost = objects.iter().filter(|(name, ..)| !names.contains(name));
    lost.map(|(name, ..)| format!("post `{}`: a region `{name}` has the name of no entity", sentence.id))
        .collect()
}

fn between(text: &str, start: usize, end: usize) -> String {
    text.chars().skip(start).take(end - start).collect()
}

fn example(
    directory: &Path,
    sentence: Sentence,
    objects: &[Object],
    regions: Regions,
    reading: &mut Reading,
) -> Example {
    let Sentence { id, text, entities, knowledge, .. } = sentence;
    let picture = directory.join("images").join(format!("{id}.jpg"));
    let found = fs::metadata(&picture);
    // What no gold says anything of can be left out: the text has its scores without it.
    let is_left_out = found.is_err() && regions == Regions::Unknown;
    if let Err(source) = found {
        reading.missing_pictures.push(DatasetError::Read { file: picture.clone(), source });
    }
    let Ok(url) = Url::from_file_path(&picture) else {
        unreachable!("the folder's path is canonical, so it is absolute")
    };
    let media = json!({ "key": id, "type": "photo", "url": url.as_str() });
    let media = if is_left_out { Vec::new() } else { vec![media] };
    let mention = |(start, end, entity_type): (usize, usize, _)| {
        let name = between(&text, start, end);
        let shown = objects.iter().filter(|(object, ..)| *object == name);
        let region =
            |(_, bbox, mask): &Object| GoldRegion { media_key: id.clone(), bbox: *bbox, mask: mask.clone() };
        let regions = shown.map(region).collect();
        GoldMention { text: name, entity_type, span: Some((start, end)), regions }
    };
    let mentions = entities.into_iter().map(mention).collect();
    let record = json!({ "id": id, "text": text, "media": media });
    let gold = GoldPost { id, text, mentions, grounded: regions != Regions::Unknown };
    Example { record: record.to_string().into_bytes(), gold, knowledge }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::dataset;

    const WORDS: &str =
        "IMGID:7\nmet\tO\nAnn\tB-PER\nLee\tI-PER\nin\tO\nOslo\tI-LOC\nÅre\tB-LOC\n\nIMGID:8\n🎉\tO\n";
    const BOXES: &str = "<annotation><size><width>90</width><height>60</height></size>\
        <object><name>Ann Lee</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object>\
        <object><name>Ann Lee</name><bndbox><xmin>50</xmin><ymin>2</ymin><xmax>70</xmax><ymax>40</ymax></bndbox></object>\
        </annotation>";

    fn folder(words: &str, boxes: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["txt", "xml", "images"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("txt/test.txt"), words).unwrap();
        fs::write(folder.path().join("xml/7.xml"), boxes).unwrap();
        for id in [7, 8] {
            fs::write(folder.path().join(format!("images/{id}.jpg")), "a picture").unwrap();
        }
        folder
    }

    #[test]
    fn words_tags_and_boxes_become_gold_posts() {
        let folder = folder(WORDS, BOXES);
        let examples = dataset::read(folder.path(), "test").unwrap();
        assert_eq!(examples.len(), 2);
        let gold = &examples[0].gold;
        assert_eq!((gold.id.as_str(), gold.text.as_str()), ("7", "met Ann Lee in Oslo Åre"));
        let seen: Vec<_> = gold
            .mentions
            .iter()
            .map(|m| (m.text.as_str(), m.entity_type.as_str(), m.span, m.regions.len()))
            .collect();
        assert_eq!(
            seen,
            [
                ("Ann Lee", "PER", Some((4, 11)), 2),
                ("Oslo", "LOC", Some((15, 19)), 0),
                ("Åre", "LOC", Some((20, 23)), 0)
            ]
        );
        assert_eq!(gold.mentions[0].regions[1].bbox, BBox { x0: 50.0, y0: 2.0, x1: 70.0, y1: 40.0 });
        assert!(examples[1].gold.mentions.is_empty());

        let record: serde_json::Value = serde_json::from_slice(&examples[0].record).unwrap();
        let url = Url::parse(record["media"][0]["url"].as_str().unwrap()).unwrap();
        assert_eq!(fs::read(url.to_file_path().unwrap()).unwrap(), b"a picture");
        assert_eq!(record["media"][0]["key"], "7", "the key under which the gold boxes stand");
    }

    #[test]
    fn every_fault_names_its_file_and_its_line() {
        let cases = [
            ("a word without a tag", "IMGID:7\nAnn\n", BOXES, "test.txt`, line 2: expected `word<tab>tag`"),
            ("an unknown tag", "IMGID:7\nmet\tO\nAnn\tS-PER\n", BOXES, "test.txt`, line 3: expected a tag"),
            ("a tag without its type", "IMGID:7\nAnn\tB-\n", BOXES, "test.txt`, line 2: expected a tag"),
            (
                "a word before any post",
                "Ann\tO\nIMGID:7\n",
                BOXES,
                "test.txt`, line 1: expected `IMGID:<id>`",
            ),
            (
                "a damaged annotation",
                WORDS,
                "<annotation><object>",
                "7.xml`, line 1: not a Pascal-VOC annotation",
            ),
            (
                "an empty box",
                WORDS,
                &BOXES.replace("<xmin>1<", "<xmin>31<"),
                "7.xml`, line 1: the box of `Ann Lee` is empty",
            ),
            ("a missing picture", "IMGID:9\nAnn\tO\n", BOXES, "images/9.jpg`"),
        ];
        for (name, words, boxes, expected) in cases {
            let folder = folder(words, boxes);
            let error = dataset::read(folder.path(), "test").unwrap_err().to_string();
            assert!(error.contains(expected), "{name}: {error}");
        }
    }

    #[test]
    fn a_folder_without_a_data_set_says_what_was_looked_for() {
        let folder = tempfile::tempdir().unwrap();
        let error = dataset::read(folder.path(), "dev").unwrap_err().to_string();
        assert!(error.contains("gold.jsonl") && error.contains("txt/dev.txt"), "{error}");
    }

    #[test]
    fn reading_goes_on_behind_faults_and_says_what_is_lost() {
        let folder = folder(&format!("{WORDS}\nIMGID:7\nAnn\tO\n\nIMGID:9\nBo\tB-PER\nsat\tI\n"), BOXES);
        fs::write(folder.path().join("xml/8.xml"), BOXES).unwrap();
        let reading = dataset::read_all(folder.path(), "test").unwrap();
        let ids: Vec<_> = reading.examples.iter().map(|example| example.gold.id.as_str()).collect();
        assert_eq!(ids, ["7", "8", "9"]);
        let faults: Vec<String> = reading.faults.iter().map(ToString::to_string).collect();
        assert!(faults[0].contains("line 17: expected a tag"), "{faults:?}");
        assert!(faults[1].contains("line 12: post `7` occurs a second time"), "{faults:?}");
        assert_eq!((faults.len(), reading.missing_pictures.len()), (2, 1));
        assert_eq!(reading.remarks, ["post `8`: a region `Ann Lee` has the name of no entity"; 2]);
    }

    #[test]
    fn masks_come_from_labelme_and_words_alone_say_nothing_of_pictures() {
        let folder = folder(WORDS, BOXES);
        let root = folder.path();
        fs::remove_dir_all(root.join("xml")).unwrap();
        let words = dataset::read_all(root, "test").unwrap();
        assert!(!words.examples[0].gold.grounded);
        fs::create_dir(root.join("json")).unwrap();
        let shape = "{\"label\":\"Oslo\",\"points\":[[0,0],[2,0],[2,2],[0,2]],\"shape_type\":\"polygon\"}";
        let masks = format!("{{\"shapes\":[{shape}],\"imageHeight\":4,\"imageWidth\":6}}");
        fs::write(root.join("json/7.json"), masks).unwrap();
        let read = dataset::read_all(root, "test").unwrap();
        let oslo = &read.examples[0].gold.mentions[1].regions[0];
        assert_eq!(oslo.mask.as_ref().unwrap().area(), 4);
        assert!(read.examples[0].gold.grounded && read.examples[0].gold.mentions[0].regions.is_empty());

        fs::remove_dir_all(root.join("json")).unwrap();
        fs::remove_file(root.join("images/8.jpg")).unwrap();
        let texts = dataset::read(root, "test").unwrap();
        let media = |post: usize| {
            let record: serde_json::Value = serde_json::from_slice(&texts[post].record).unwrap();
            record["media"].as_array().unwrap().len()
        };
        assert_eq!((media(0), media(1)), (1, 0), "a picture that no gold needs may be missing");
        assert_eq!(dataset::read_all(root, "test").unwrap().missing_pictures.len(), 1);

        fs::rename(root.join("txt/test.txt"), root.join("valid.txt")).unwrap();
        assert_eq!(
            dataset::read_all(root, "dev").unwrap().examples.len(),
            2,
            "Twitter-2015 calls it `valid`"
        );
    }
}
