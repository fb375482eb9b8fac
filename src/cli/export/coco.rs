//! Format `coco`: images, categories and annotations, as COCO's tools read them.
//!
//! Source: the format of COCO's object detection. Numbers of images, annotations and categories go on over all parts.

use std::io::{self, Write as _};
use std::path::Path;

use serde_json::{Value, json};

use super::parts::Parts;
use super::state::Mark;
use super::writer::{MAX_PART_ANSWERS, MAX_PART_BYTES, Writer};
use crate::domain::{Region, Triple};
use crate::kafka::publish::formats::reader::ReadAnswer;

/// A folder of COCO files.
pub(super) struct Coco {
    parts: Parts,
    /// The images and annotations of the part, as JSON separated by commas.
    images: String,
    annotations: String,
    answers: u64,
}

impl Coco {
    pub(super) fn open(folder: &Path, mark: Mark) -> io::Result<Self> {
        let parts = Parts::open(folder, "json", mark)?;
        Ok(Self { parts, images: String::new(), annotations: String::new(), answers: 0 })
    }

    fn annotation(&mut self, answer: &ReadAnswer, triple: &Triple, region: &Region, image: u64) -> Value {
        let mention = &triple.mention;
        let category = self.parts.category(mention.entity_type.as_str());
        let [x0, y0, x1, y1] =
            [region.bbox.x0, region.bbox.y0, region.bbox.x1, region.bbox.y1].map(f64::from);
        json!({
            "id": self.parts.number("annotation"),
            "image_id": image,
            "category_id": category,
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": region.mask.area(),
            "iscrowd": 0,
            "segmentation": {
                "size": [region.mask.height, region.mask.width],
                "counts": region.mask.to_coco_counts(),
            },
            "score": region.box_score,
            "text": mention.text,
            "phrase": triple.phrase.text,
            "entity_id": answer.annotated.entity_id(mention),
            "iri": triple.iri,
        })
    }
}

fn push(list: &mut String, value: &Value) {
    if !list.is_empty() {
        list.push_str(",\n");
    }
    *list += &value.to_string();
}

impl Writer for Coco {
    fn write(&mut self, answer: &ReadAnswer, _: &[u8]) -> io::Result<()> {
        self.answers += 1;
        let annotated = &answer.annotated;
        for picture in &annotated.media {
            let id = self.parts.number("image");
            let address = annotated.post.address(&picture.key);
            let image = json!({
                "id": id,
                "width": picture.width,
                "height": picture.height,
                "file_name": address.map_or_else(|| picture.hash.to_string(), str::to_owned),
                "coco_url": address,
                "post_id": annotated.post_id,
                "media_key": picture.key,
                "blake3": picture.hash.to_string(),
            });
            push(&mut self.images, &image);
            for triple in &annotated.annotation.triples {
                for region in triple.regions.iter().filter(|region| region.media_key == picture.key) {
                    let annotation = self.annotation(answer, triple, region, id);
                    push(&mut self.annotations, &annotation);
                }
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.answers >= MAX_PART_ANSWERS || self.images.len() + self.annotations.len() >= MAX_PART_BYTES
    }

    fn commit(&mut self) -> io::Result<Mark> {
        if self.answers > 0 {
            let named = self.parts.mark.categories.iter().enumerate();
            let categories: Vec<Value> = named
                .map(|(place, name)| json!({ "id": place + 1, "name": name, "supercategory": "entity" }))
                .collect();
            let (images, annotations) =
                (std::mem::take(&mut self.images), std::mem::take(&mut self.annotations));
            self.parts.add(|part| {
                writeln!(part, "{{\"categories\":{},", Value::from(categories))?;
                writeln!(part, "\"images\":[{images}],")?;
                writeln!(part, "\"annotations\":[{annotations}]}}")
            })?;
            self.answers = 0;
        }
        Ok(self.parts.mark.clone())
    }
}
