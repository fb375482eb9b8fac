//! Gold of a sample, in the form that evaluation compares with answers.

use super::Sample;
use crate::lab::dataset::{GoldMention, GoldPost, GoldRegion};

impl Sample {
    /// The gold of this post; `media_key` is the key of its picture.
    #[must_use]
    pub fn gold(&self, media_key: &str) -> GoldPost {
        let region = |&object: &usize| GoldRegion {
            media_key: media_key.to_owned(),
            bbox: self.picture.objects[object].bbox,
            mask: Some(self.picture.mask(object)),
        };
        let mentions = self.mentions.iter().map(|mention| GoldMention {
            text: mention.text.clone(),
            entity_type: mention.entity_type.clone(),
            span: Some((mention.span.start, mention.span.end)),
            regions: mention.objects.iter().map(region).collect(),
        });
        GoldPost {
            id: self.id.clone(),
            text: self.text.clone(),
            mentions: mentions.collect(),
            grounded: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::lab::dataset::GoldPost;
    use crate::lab::world::{Split, World};

    #[test]
    fn gold_lies_where_the_world_painted_it() {
        let world = World::new(3, Split::Dev);
        let posts: Vec<GoldPost> = (0..40).map(|index| world.sample(index).gold("m")).collect();
        let mentions: Vec<_> = posts.iter().flat_map(|post| &post.mentions).collect();
        let shown = mentions.iter().filter(|mention| !mention.regions.is_empty()).count();
        assert!(shown > 5 && shown < mentions.len(), "{shown} of {} mentions are shown", mentions.len());
        for region in mentions.iter().flat_map(|mention| &mention.regions) {
            let mask = region.mask.as_ref().unwrap();
            assert!(mask.area() > 0 && mask.area() as f32 <= region.bbox.area(), "{region:?}");
        }
        for post in &posts {
            for mention in &post.mentions {
                let (start, end) = mention.span.unwrap();
                assert_eq!(post.text.chars().skip(start).take(end - start).collect::<String>(), mention.text);
            }
        }
    }
}
