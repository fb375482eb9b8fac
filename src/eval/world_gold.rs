//! What is true of a post of the pocket world?

use crate::segment::rle;
use crate::world::Sample;

use super::{GoldMention, GoldPost, GoldRegion};

impl GoldPost {
    /// The truth about a sample whose one picture goes by `media_key`.
    #[must_use]
    pub fn of_sample(sample: &Sample, media_key: &str) -> Self {
        let frame = &sample.picture.frame;
        let mentions = sample.mentions.iter().map(|mention| GoldMention {
            text: mention.text.clone(),
            entity_type: mention.entity_type.clone(),
            span: (mention.span.start, mention.span.end),
            regions: mention
                .objects
                .iter()
                .map(|&object| {
                    let object = &sample.picture.objects[object];
                    GoldRegion {
                        media_key: media_key.to_owned(),
                        bbox: object.bbox,
                        mask: Some(rle::encode(&object.inside, frame.width, frame.height)),
                    }
                })
                .collect(),
        });
        Self { id: sample.id.clone(), text: sample.text.clone(), mentions: mentions.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::{Split, World};

    #[test]
    fn gold_lies_where_the_world_painted_it() {
        let world = World::new(3, Split::Dev);
        let posts: Vec<_> = (0..40).map(|index| GoldPost::of_sample(&world.sample(index), "m")).collect();
        let mentions: Vec<_> = posts.iter().flat_map(|post| &post.mentions).collect();
        let shown = mentions.iter().filter(|mention| !mention.regions.is_empty()).count();
        assert!(shown > 5 && shown < mentions.len(), "{shown} of {} mentions are shown", mentions.len());
        for region in mentions.iter().flat_map(|mention| &mention.regions) {
            let mask = region.mask.as_ref().unwrap();
            assert!(mask.area() > 0 && mask.area() as f32 <= region.bbox.area(), "{region:?}");
        }
        for post in &posts {
            for mention in &post.mentions {
                let (start, end) = mention.span;
                assert_eq!(post.text.chars().skip(start).take(end - start).collect::<String>(), mention.text);
            }
        }
    }
}
