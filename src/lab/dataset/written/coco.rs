//! The layout of COCO's object detection, with the text of posts and the mentions that no picture shows.

use std::path::Path;

use serde_json::{Value, json};

use super::files::{WriteError, file_name, picture_of, regions, save};
use crate::lab::dataset::mentions::GoldPost;
use crate::lab::dataset::reading::Example;

pub(super) fn write(examples: &[Example], folder: &Path) -> Result<(), WriteError> {
    let mut coco = Coco::default();
    for Example { gold, .. } in examples {
        coco.add(gold, folder)?;
    }
    let named = (1..).zip(&coco.categories);
    let named =
        named.map(|(id, name): (u32, _)| json!({ "id": id, "name": name, "supercategory": "entity" }));
    let all = json!({
        "categories": named.collect::<Vec<_>>(),
        "images": coco.images,
        "annotations": coco.annotations,
        "absent": coco.absent,
    });
    save(folder.join("annotations.json"), format!("{all}\n"))
}

/// The lists of a COCO file.
#[derive(Default)]
struct Coco {
    categories: Vec<String>,
    images: Vec<Value>,
    annotations: Vec<Value>,
    absent: Vec<Value>,
}

impl Coco {
    fn add(&mut self, post: &GoldPost, folder: &Path) -> Result<(), WriteError> {
        let (image, name) = (self.images.len() + 1, file_name(&post.id));
        let of_mask =
            regions(post).find_map(|(_, region)| region.mask.as_ref()).map(|mask| (mask.width, mask.height));
        // Without a mask only the picture knows its size.
        let size = of_mask.or_else(|| image::image_dimensions(folder.join("images").join(&name)).ok());
        self.images.push(json!({
            "id": image, "width": size.map(|(width, _)| width), "height": size.map(|(_, height)| height),
            "file_name": name, "post_id": post.id, "media_key": picture_of(post)?, "text": post.text,
        }));
        for mention in &post.mentions {
            let category = self.category(mention.entity_type.as_str());
            let span = mention.span.map(|(start, end)| [start, end]);
            let of_mention =
                json!({ "image_id": image, "category_id": category, "text": mention.text, "span": span });
            if mention.regions.is_empty() {
                self.absent.push(of_mention.clone());
            }
            for region in &mention.regions {
                let [x0, y0, x1, y1] =
                    [region.bbox.x0, region.bbox.y0, region.bbox.x1, region.bbox.y1].map(f64::from);
                let (area, segmentation) = match &region.mask {
                    Some(mask) => (
                        mask.area() as f64,
                        json!({ "size": [mask.height, mask.width], "counts": mask.to_coco_counts() }),
                    ),
                    None => ((x1 - x0) * (y1 - y0), json!([])),
                };
                let mut annotation = of_mention.clone();
                annotation["id"] = (self.annotations.len() + 1).into();
                annotation["bbox"] = json!([x0, y0, x1 - x0, y1 - y0]);
                annotation["area"] = area.into();
                annotation["iscrowd"] = 0.into();
                annotation["segmentation"] = segmentation;
                self.annotations.push(annotation);
            }
        }
        Ok(())
    }

    /// The number of a type, from 1.
    fn category(&mut self, name: &str) -> usize {
        if let Some(place) = self.categories.iter().position(|known| known == name) {
            return place + 1;
        }
        self.categories.push(name.to_owned());
        self.categories.len()
    }
}
