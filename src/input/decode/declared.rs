//! Declared media types: what the feed calls a medium, and how that changes the class of a fault.

use crate::domain::RejectionClass;
use crate::input::MediaFault;
use crate::input::escape::shortened;

/// Whether a declared type is that of a video or a sound. X calls a video `animated_gif`, Mastodon calls it `gifv`.
pub(super) fn is_no_picture(declared: &str) -> bool {
    let kind = declared.split('/').next().unwrap_or_default();
    ["video", "audio", "animated_gif", "gifv"].iter().any(|other| kind.trim().eq_ignore_ascii_case(other))
}

/// The fault as `unsupported-media` where the record declares that the medium is no picture.
pub(super) fn reclassified(declared: Option<&str>, mut fault: MediaFault) -> MediaFault {
    use RejectionClass::{FetchRefused, Internal, UnsupportedMedia};
    let Some(declared) = declared else { return fault };
    if is_no_picture(declared) && !matches!(fault.class, FetchRefused | Internal) {
        fault.class = UnsupportedMedia;
    }
    if fault.class == UnsupportedMedia {
        fault.message += &format!(" (the record calls it `{}`)", shortened(declared));
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_video_is_no_picture_whatever_is_wrong_with_it() {
        use RejectionClass::{FetchFailed, FetchRefused, Malformed, TooLarge, UnsupportedMedia};
        for (declared, found, expected) in [
            (Some("video"), TooLarge, UnsupportedMedia),
            (Some("Video/mp4"), FetchFailed, UnsupportedMedia),
            (Some("animated_gif"), Malformed, UnsupportedMedia),
            (Some("gifv"), Malformed, UnsupportedMedia),
            (Some("audio"), FetchRefused, FetchRefused),
            (Some("photo"), TooLarge, TooLarge),
            (Some("image/gif"), Malformed, Malformed),
            (None, Malformed, Malformed),
        ] {
            let judged = reclassified(declared, MediaFault::new(found, "is odd"));
            assert_eq!(judged.class, expected, "{declared:?}");
            assert_eq!(judged.message.contains("calls it"), expected == UnsupportedMedia, "{declared:?}");
        }
    }
}
