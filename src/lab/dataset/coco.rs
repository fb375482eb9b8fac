//! COCO's object detection as a data set: `annotations.json` with pictures, types and regions.
//!
//! The files of `riveg export --format coco` and `riveg dataset convert` have more: the entity's `text` in each annotation, and
//! `post_id`, `media_key` and the post's `text` in each image. The list `absent` has the mentions that no picture shows; in
//! files without it, nothing is known of them.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::files::{DatasetError, malformed, read_text};
use super::mentions::{GoldMention, GoldPost, GoldRegion};
use super::polygons::{Point, mask};
use super::reading::{Example, Reading};
use super::wire_mask::WireMask;
use crate::domain::{BBox, EntityType, Mask};

/// The name of the file in its folder.
pub(super) const FILE: &str = "annotations.json";

#[derive(Deserialize)]
struct File {
    categories: Vec<Category>,
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    #[serde(default)]
    absent: Vec<Annotation>,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    width: Option<u32>,
    height: Option<u32>,
    file_name: String,
    post_id: Option<String>,
    media_key: Option<String>,
    #[serde(default)]
    text: String,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    category_id: u64,
    bbox: Option<[f32; 4]>,
    segmentation: Option<Segmentation>,
    text: Option<String>,
    span: Option<(usize, usize)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Segmentation {
    Runs(WireMask),
    Polygons(Vec<Vec<f64>>),
}

/// Reads `annotations.json`; pictures are in `images/`.
pub(super) fn read(folder: &Path) -> Result<Reading, DatasetError> {
    let folder =
        fs::canonicalize(folder).map_err(|source| DatasetError::Read { file: folder.to_owned(), source })?;
    let file = folder.join(FILE);
    let text = read_text(&file)?;
    let read: File =
        serde_json::from_str(&text).map_err(|error| malformed(&file, error.line(), error.to_string()))?;
    let types: HashMap<u64, EntityType> =
        read.categories.into_iter().map(|category| (category.id, EntityType::new(&category.name))).collect();
    let mut reading = Reading::default();
    let mut by_image: BTreeMap<u64, Vec<(usize, &'static str, Annotation)>> = BTreeMap::new();
    for (list, annotations) in [("annotations", read.annotations), ("absent", read.absent)] {
        for (number, annotation) in annotations.into_iter().enumerate() {
            by_image.entry(annotation.image_id).or_default().push((number, list, annotation));
        }
    }
    for image in read.images {
        let mut post = image.post();
        for (number, list, annotation) in by_image.remove(&image.id).unwrap_or_default() {
            if annotation.bbox.is_none() && annotation.segmentation.is_some() {
                let remark = format!("{list}[{number}] has a segmentation and no `bbox`: it is no region");
                reading.remarks.push(remark);
            }
            let added = annotation.add_to(&mut post, &image, &types);
            let fault =
                added.map_err(|message| malformed(&file, None, format!("{list}[{number}]: {message}")));
            reading.note(fault);
        }
        post.mentions.sort_by_key(|mention| mention.span);
        let example = image.example(&folder, post, &mut reading);
        reading.examples.push(example);
    }
    for (number, list, annotation) in by_image.into_values().flatten() {
        let message = format!("{list}[{number}]: there is no image {}", annotation.image_id);
        reading.faults.push(malformed(&file, None, message));
    }
    Ok(reading)
}

impl Image {
    fn id(&self) -> String {
        let stem = Path::new(&self.file_name).file_stem().and_then(|stem| stem.to_str());
        self.post_id.clone().unwrap_or_else(|| stem.unwrap_or(&self.file_name).to_owned())
    }

    fn media_key(&self) -> String {
        self.media_key.clone().unwrap_or_else(|| self.id())
    }

    fn post(&self) -> GoldPost {
        GoldPost { id: self.id(), text: self.text.clone(), mentions: Vec::new(), grounded: true }
    }

    fn example(&self, folder: &Path, gold: GoldPost, reading: &mut Reading) -> Example {
        let picture = folder.join("images").join(&self.file_name);
        if let Err(source) = fs::metadata(&picture) {
            reading.missing_pictures.push(DatasetError::Read { file: picture.clone(), source });
        }
        let url = Url::from_file_path(&picture).map(String::from).unwrap_or_default();
        let record = json!({
            "id": gold.id, "text": gold.text, "media": [{ "key": self.media_key(), "type": "photo", "url": url }],
        });
        Example { record: record.to_string().into_bytes(), gold, knowledge: None }
    }

    /// The pixels of a region.
    fn mask(&self, segmentation: Segmentation) -> Result<Option<Mask>, String> {
        let polygons = match segmentation {
            Segmentation::Runs(runs) => return runs.checked().map(Some),
            Segmentation::Polygons(polygons) => polygons,
        };
        if polygons.is_empty() {
            return Ok(None);
        }
        let size =
            self.width.zip(self.height).ok_or("a polygon in a picture without `width` and `height`")?;
        if size.0.max(size.1) > super::labelme::MAX_SIDE {
            return Err(format!("a picture of {}x{}", size.0, size.1));
        }
        let points =
            |polygon: &Vec<f64>| -> Vec<Point> { polygon.chunks_exact(2).map(|p| [p[0], p[1]]).collect() };
        Ok(Some(mask(&polygons.iter().map(points).collect::<Vec<_>>(), size)))
    }
}

impl Annotation {
    /// Adds the region to the mention of this text and place, which is made if there is none yet.
    fn add_to(
        self,
        post: &mut GoldPost,
        image: &Image,
        types: &HashMap<u64, EntityType>,
    ) -> Result<(), String> {
        let entity_type = types
            .get(&self.category_id)
            .ok_or_else(|| format!("there is no category {}", self.category_id))?;
        let text = self.text.ok_or("`text`, the entity's name, is missing")?;
        if let Some((start, end)) = self.span {
            let found: String = post.text.chars().skip(start).take(end.saturating_sub(start)).collect();
            if found != text {
                return Err(format!("expected `{text}` at {start}..{end} of the text, found `{found}`"));
            }
        }
        let region = match self.bbox {
            None => None,
            Some([x, y, width, height]) if width > 0.0 && height > 0.0 => {
                let mask =
                    self.segmentation.map(|segmentation| image.mask(segmentation)).transpose()?.flatten();
                let bbox = BBox { x0: x, y0: y, x1: x + width, y1: y + height };
                Some(GoldRegion { media_key: image.media_key(), bbox, mask })
            }
            Some(_) => return Err(format!("the box of `{text}` is empty")),
        };
        let same = |known: &&mut GoldMention| {
            known.text == text && known.entity_type == *entity_type && known.span == self.span
        };
        match post.mentions.iter_mut().find(same) {
            Some(mention) => mention.regions.extend(region),
            None => post.mentions.push(GoldMention {
                text,
                entity_type: entity_type.clone(),
                span: self.span,
                regions: region.into_iter().collect(),
            }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::lab::dataset::read_all;

    const COCO: &str = r#"{"categories":[{"id":3,"name":"PER"}],
"images":[{"id":9,"width":6,"height":4,"file_name":"7.jpg"}],
"annotations":[
{"id":1,"image_id":9,"category_id":3,"bbox":[1,1,2,2],"segmentation":[[1,1,3,1,3,3,1,3]],"text":"Ann"},
{"id":2,"image_id":9,"category_id":3,"bbox":[4,0,2,4],"segmentation":[],"text":"Ann"}]}"#;

    fn read(text: &str) -> (Vec<crate::lab::dataset::Example>, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(super::FILE), text).unwrap();
        let reading = read_all(folder.path(), "test");
        match reading {
            Ok(reading) => (reading.examples, reading.faults.iter().map(ToString::to_string).collect()),
            Err(error) => (Vec::new(), vec![error.to_string()]),
        }
    }

    #[test]
    fn regions_with_one_name_are_one_mention() {
        let (examples, faults) = read(COCO);
        assert!(faults.is_empty(), "{faults:?}");
        let post = &examples[0].gold;
        assert_eq!((post.id.as_str(), post.mentions.len()), ("7", 1));
        let regions = &post.mentions[0].regions;
        assert_eq!(
            (regions[0].mask.as_ref().map(|mask| mask.area()), regions[1].mask.is_none()),
            (Some(4), true)
        );
        assert_eq!(regions[1].bbox.x1, 6.0);
    }

    #[test]
    fn a_segmentation_without_a_box_is_no_region_and_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let text = COCO.replace("\"bbox\":[1,1,2,2],", "");
        std::fs::write(folder.path().join(super::FILE), text).unwrap();
        let reading = read_all(folder.path(), "test").unwrap();
        assert_eq!(reading.remarks, ["annotations[0] has a segmentation and no `bbox`: it is no region"]);
        assert_eq!(reading.examples[0].gold.mentions[0].regions.len(), 1);
    }

    #[test]
    fn every_fault_is_told() {
        for (from, to, expected) in [
            (
                r#""id":2,"image_id":9,"category_id":3"#,
                r#""image_id":9,"category_id":4"#,
                "annotations[1]: there is no category 4",
            ),
            (r#""id":1,"image_id":9"#, r#""image_id":8"#, "annotations[0]: there is no image 8"),
            ("[4,0,2,4]", "[4,0,0,4]", "annotations[1]: the box of `Ann` is empty"),
            (r#""segmentation":[],"#, r#""span":[0,3],"#, "annotations[1]: expected `Ann` at 0..3"),
            (r#""segmentation":[],"text":"Ann"}"#, r#""segmentation":"#, "annotations.json`, line 5"),
        ] {
            let (_, faults) = read(&COCO.replacen(from, to, 1));
            assert!(faults.iter().any(|fault| fault.contains(expected)), "{from} {faults:?}");
        }
    }
}
