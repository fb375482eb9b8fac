//! What is asked of the bundle that ships? Posts of the pocket world whose names training never saw.

use std::path::Path;
use std::sync::Arc;

use riveg::domain::{Media, Post};
use riveg::lab::world::{Split, World};

/// Where the bundle that ships lies.
pub(crate) fn pocket_bundle() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/bundles/pocket"))
}

/// The first posts of the test split, each with a picture of its own.
pub(crate) fn pocket_posts(count: u64) -> Vec<Post> {
    let world = World::new(1, Split::Test);
    let post = |index| {
        let sample = world.sample(index);
        let frame = Arc::new(sample.picture.frame);
        let media = vec![Media { key: "a".to_owned(), frame, alt_text: None, index: 0, is_preview: false }];
        Post {
            id: sample.id,
            text: sample.text,
            created_at: None,
            lang: None,
            author: None,
            unescaped: None,
            media,
        }
    };
    (0..count).map(post).collect()
}
