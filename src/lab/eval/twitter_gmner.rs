//! Data sets in Twitter-GMNER's layout: words with BIO tags, one file per split; boxes in one Pascal-VOC file per picture.
//!
//! A picture without an XML file shows no entity. An entity's boxes are all objects with its name, because the data set
//! joins the two by name alone.

use std::fs;
use std::path::Path;

use serde::Deserialize;
use url::Url;

use crate::domain::{BBox, EntityType};

use super::files::{DatasetError, Example, malformed, read_text};
use super::{GoldMention, GoldPost, GoldRegion};

/// Reads `txt/<split>.txt` with the boxes of `xml/` and the pictures of `images/`.
pub(super) fn read(directory: &Path, split: &str) -> Result<Vec<Example>, DatasetError> {
    let directory = fs::canonicalize(directory)
        .map_err(|source| DatasetError::Read { file: directory.to_owned(), source })?;
    let file = directory.join("txt").join(format!("{split}.txt"));
    let text = read_text(&file)?;
    sentences(&file, &text)?.into_iter().map(|sentence| example(&directory, sentence)).collect()
}

/// The words of one post and the entities among them.
struct Sentence {
    id: String,
    text: String,
    /// Start and end in code points, and type; the end is exclusive.
    entities: Vec<(usize, usize, EntityType)>,
}

impl Sentence {
    fn named(id: &str) -> Self {
        Self { id: id.to_owned(), text: String::new(), entities: Vec::new() }
    }

    /// Adds a word. An `I` that continues no entity begins one, as in `seqeval`.
    fn push(&mut self, word: &str, tag: Tag<'_>) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let start = self.text.chars().count();
        self.text.push_str(word);
        let end = start + word.chars().count();
        match (tag, self.entities.last_mut()) {
            (Tag::Outside, _) => {}
            (Tag::Inside(name), Some((_, last, kind))) if *last + 1 == start && kind.as_str() == name => {
                *last = end
            }
            (Tag::Inside(name) | Tag::Begins(name), _) => {
                self.entities.push((start, end, EntityType::new(name)))
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Tag<'line> {
    Outside,
    Begins(&'line str),
    Inside(&'line str),
}

fn sentences(file: &Path, text: &str) -> Result<Vec<Sentence>, DatasetError> {
    let mut sentences: Vec<Sentence> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        if line.trim().is_empty() {
            continue;
        }
        if let Some(id) = line.strip_prefix("IMGID:") {
            sentences.push(Sentence::named(id.trim()));
            continue;
        }
        let Some((word, tag)) = line.split_once('\t') else {
            return Err(malformed(
                file,
                number,
                format!("expected `word<tab>tag` or `IMGID:<id>`, found `{line}`"),
            ));
        };
        let Some(sentence) = sentences.last_mut() else {
            return Err(malformed(file, number, "expected `IMGID:<id>` before the first word"));
        };
        sentence.push(word, parse_tag(tag.trim()).map_err(|message| malformed(file, number, message))?);
    }
    Ok(sentences)
}

fn parse_tag(tag: &str) -> Result<Tag<'_>, String> {
    match tag.split_once('-') {
        None if tag == "O" => Ok(Tag::Outside),
        Some(("B", name)) if !name.is_empty() => Ok(Tag::Begins(name)),
        Some(("I", name)) if !name.is_empty() => Ok(Tag::Inside(name)),
        _ => Err(format!("expected a tag `O`, `B-<type>` or `I-<type>`, found `{tag}`")),
    }
}

fn example(directory: &Path, sentence: Sentence) -> Result<Example, DatasetError> {
    let objects = objects(&directory.join("xml").join(format!("{}.xml", sentence.id)))?;
    let picture = directory.join("images").join(format!("{}.jpg", sentence.id));
    fs::metadata(&picture).map_err(|source| DatasetError::Read { file: picture.clone(), source })?;
    let Ok(url) = Url::from_file_path(&picture) else {
        unreachable!("the folder's path is canonical, so it is absolute")
    };
    let mentions = sentence
        .entities
        .into_iter()
        .map(|(start, end, entity_type)| {
            let text: String = sentence.text.chars().skip(start).take(end - start).collect();
            let regions = objects
                .iter()
                .filter(|(name, _)| *name == text)
                .map(|&(_, bbox)| GoldRegion { media_key: sentence.id.clone(), bbox, mask: None })
                .collect();
            GoldMention { text, entity_type, span: (start, end), regions }
        })
        .collect();
    let record = serde_json::json!({
        "id": sentence.id,
        "text": sentence.text,
        "media": [{ "key": sentence.id, "type": "photo", "url": url.as_str() }],
    });
    let gold = GoldPost { id: sentence.id, text: sentence.text, mentions };
    Ok(Example { record: record.to_string().into_bytes(), gold })
}

/// The named boxes of a picture; none if there is no file.
fn objects(file: &Path) -> Result<Vec<(String, BBox)>, DatasetError> {
    #[derive(Deserialize)]
    struct VocAnnotation {
        #[serde(default)]
        object: Vec<VocObject>,
    }
    #[derive(Deserialize)]
    struct VocObject {
        name: String,
        bndbox: VocBox,
    }
    #[derive(Deserialize)]
    struct VocBox {
        xmin: f32,
        ymin: f32,
        xmax: f32,
        ymax: f32,
    }
    if !file.exists() {
        return Ok(Vec::new());
    }
    let annotation: VocAnnotation = quick_xml::de::from_str(&read_text(file)?)
        .map_err(|error| malformed(file, None, format!("not a Pascal-VOC annotation: {error}")))?;
    annotation
        .object
        .into_iter()
        .map(|VocObject { name, bndbox }| {
            let bbox = BBox { x0: bndbox.xmin, y0: bndbox.ymin, x1: bndbox.xmax, y1: bndbox.ymax };
            if !(bbox.x0 < bbox.x1 && bbox.y0 < bbox.y1) {
                return Err(malformed(file, None, format!("the box of `{name}` is empty: {bbox:?}")));
            }
            Ok((name, bbox))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::dataset;
    use super::*;

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
            [("Ann Lee", "PER", (4, 11), 2), ("Oslo", "LOC", (15, 19), 0), ("Åre", "LOC", (20, 23), 0)]
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
            ("an unknown tag", "IMGID:7\nmet\tO\nAnn\tX-PER\n", BOXES, "test.txt`, line 3: expected a tag"),
            ("a tag without its type", "IMGID:7\nAnn\tB-\n", BOXES, "test.txt`, line 2: expected a tag"),
            ("a word before any post", "Ann\tO\n", BOXES, "test.txt`, line 1: expected `IMGID:<id>`"),
            ("a damaged annotation", WORDS, "<annotation><object>", "7.xml`: not a Pascal-VOC annotation"),
            (
                "an empty box",
                WORDS,
                &BOXES.replace("<xmin>1<", "<xmin>31<"),
                "7.xml`: the box of `Ann Lee` is empty",
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
}
