//! What becomes of a post one of whose media cannot be looked at? It is answered without it, or is a dead letter.

use crate::domain::{Rejection, RejectionClass};
use crate::input::fetch::Degrade;

use super::given::Label;
use super::image::PictureFault;
use super::of_media;

/// A medium that the post is answered without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its place among the media of the record.
    pub index: usize,
    /// What kind of fault it has; `unsupported-media` where it is no picture.
    pub class: RejectionClass,
    /// Which one, and why, for the answer's provenance.
    pub reason: String,
}

/// What the settings say of such posts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Of pictures that are broken or beyond a limit: `decode.degrade`.
    pub(super) broken: Degrade,
    /// Of pictures that do not come: `fetch.degrade`.
    pub(super) absent: Degrade,
}

impl Rules {
    /// What becomes of the post of a medium with that fault.
    ///
    /// # Errors
    /// Why the whole post is refused. Whatever the settings say: what may not be asked for is an attack or a wrong setting,
    /// and a fault of ours needs its picture to be found. Both are for people to look at.
    pub(super) fn without(self, label: &Label, fault: &PictureFault) -> Result<LeftOut, Rejection> {
        let rejection = of_media(&label.key, fault);
        let degrade = match fault.class {
            // No picture was promised: there is nothing to wait for or to mend.
            RejectionClass::UnsupportedMedia => Degrade::PublishWithout,
            RejectionClass::Malformed | RejectionClass::TooLarge | RejectionClass::TooSlow => self.broken,
            RejectionClass::FetchFailed => self.absent,
            _ => Degrade::DeadLetter,
        };
        match degrade {
            Degrade::PublishWithout => {
                let Rejection { class, message, .. } = rejection;
                let index = label.index;
                let reason = format!("media[{index}] is left out: {class}: {message}");
                Ok(LeftOut { index, class, reason })
            }
            Degrade::DeadLetter => Err(rejection),
        }
    }

    /// The same of one that was decoded, after these are left out already: of two that take too long the post is a dead
    /// letter in any case, or sixteen of them would hold its memory and a thread for sixteen times
    /// `decode.picture_timeout`.
    ///
    /// # Errors
    /// As [`Self::without`].
    pub(super) fn without_one(
        self,
        label: &Label,
        fault: &PictureFault,
        before: &[LeftOut],
    ) -> Result<LeftOut, Rejection> {
        let is_slow = |class| class == RejectionClass::TooSlow;
        if is_slow(fault.class) && before.iter().any(|medium| is_slow(medium.class)) {
            return Err(of_media(&label.key, fault));
        }
        self.without(label, fault)
    }
}

/// Whether feeds call so what moves or sounds: X says `animated_gif` of a video, and so does Mastodon of `gifv`.
pub(super) fn is_no_picture(declared: &str) -> bool {
    let kind = declared.split('/').next().unwrap_or_default();
    ["video", "audio", "animated_gif", "gifv"].iter().any(|other| kind.trim().eq_ignore_ascii_case(other))
}

/// The same fault as one of a medium of which the record says that it is no picture, where it says so.
pub(super) fn of_declared(declared: Option<&str>, mut fault: PictureFault) -> PictureFault {
    use RejectionClass::{FetchRefused, Internal, UnsupportedMedia};
    let Some(declared) = declared else { return fault };
    if is_no_picture(declared) && !matches!(fault.class, FetchRefused | Internal) {
        fault.class = UnsupportedMedia;
    }
    if fault.class == UnsupportedMedia {
        fault.message += &format!(" (the record calls it `{}`)", super::wire::brief(declared));
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(class: RejectionClass) -> PictureFault {
        PictureFault { class, message: "is odd".to_owned() }
    }

    #[test]
    fn each_setting_decides_of_its_own_faults_and_some_are_for_people_in_any_case() {
        let label = Label {
            index: 2,
            key: "m".to_owned(),
            declared: None,
            alt_text: None,
            is_preview: false,
            address: None,
        };
        let is_answered = |class, broken, absent| {
            let judged = Rules { broken, absent }.without(&label, &fault(class));
            if let Ok(left_out) = &judged {
                assert_eq!(left_out.reason, format!("media[2] is left out: {class}: media `m` is odd"));
            }
            judged.is_ok()
        };
        use Degrade::{DeadLetter, PublishWithout};
        for class in RejectionClass::ALL {
            let ways = [
                (PublishWithout, PublishWithout),
                (DeadLetter, PublishWithout),
                (PublishWithout, DeadLetter),
            ];
            let answered = ways.map(|(broken, absent)| is_answered(class, broken, absent));
            let expected = match class.as_str() {
                "unsupported-media" => [true, true, true],
                "malformed" | "too-large" | "too-slow" => [true, false, true],
                "fetch-failed" => [true, true, false],
                _ => [false, false, false],
            };
            assert_eq!(answered, expected, "{class}");
        }
    }

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
            let judged = of_declared(declared, fault(found));
            assert_eq!(judged.class, expected, "{declared:?}");
            assert_eq!(judged.message.contains("calls it"), expected == UnsupportedMedia, "{declared:?}");
        }
    }
}
