//! Shipped bundle, and posts of the pocket world whose names training never saw.

use std::path::Path;

use riveg::domain::Post;
use riveg::lab::world::{Split, World};

/// The folder of the shipped bundle.
pub(crate) fn pocket_bundle() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/bundles/pocket"))
}

/// The first posts of the test split, each with one picture.
pub(crate) fn pocket_posts(count: u64) -> Vec<Post> {
    let world = World::new(1, Split::Test);
    (0..count).map(|index| world.sample(index).into_post(&["a"])).collect()
}
