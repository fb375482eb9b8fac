//! Captions of a post's pictures for the prompts of the gate and the grounder.

use futures_util::future::join_all;

use crate::domain::{Media, Post};
use crate::stages::caption::Captioners;

/// The captions of pictures in order, empty where there is none, and the last fault of their sources.
pub(super) struct PictureCaptions {
    pub(super) texts: Vec<String>,
    pub(super) fault: Option<String>,
}

impl PictureCaptions {
    /// The captions of all pictures of a post.
    pub(super) async fn of(captioners: &Captioners, post: &Post) -> Self {
        let captions = join_all(post.media.iter().map(|media| caption(captioners, (&post.id, media)))).await;
        let (texts, faults): (Vec<String>, Vec<Option<String>>) = captions.into_iter().unzip();
        Self { texts, fault: faults.into_iter().flatten().next_back() }
    }

    /// No captions of a post's pictures.
    pub(super) fn none(post: &Post) -> Self {
        Self { texts: vec![String::new(); post.media.len()], fault: None }
    }
}

/// The caption of a picture of a post with this id, and the fault of its sources.
pub(super) async fn caption(
    captioners: &Captioners,
    (post, media): (&str, &Media),
) -> (String, Option<String>) {
    let caption = captioners.caption(post, media).await;
    let fault = caption.fault.map(|fault| format!("a picture has no caption: {fault}"));
    (caption.text.unwrap_or_default(), fault)
}
