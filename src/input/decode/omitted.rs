//! Omitted media: whether a post with a faulty medium is answered without it or becomes a dead letter.

use crate::domain::{Rejection, RejectionClass};
use crate::input::MediaFault;
use crate::input::fetch::Degrade;

use super::media::MediaLabel;

/// A medium that the post is answered without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OmittedMedia {
    /// Its place among the media of the record.
    pub index: usize,
    /// The class of its fault; `unsupported-media` where it is no picture.
    pub class: RejectionClass,
    /// The medium and its fault in words, for the answer's provenance.
    pub reason: String,
}

/// The settings for posts with faulty media.
#[derive(Debug, Clone, Copy)]
pub(super) struct OmissionRules {
    /// For pictures that are damaged or beyond a limit: `decode.degrade`.
    pub(super) damaged: Degrade,
    /// For pictures that could not be fetched: `fetch.degrade`.
    pub(super) unfetched: Degrade,
}

impl OmissionRules {
    /// Omits a medium with a fault from its post.
    ///
    /// # Errors
    /// The rejection of the whole post. Some faults reject it whatever the settings say: a URL that is not allowed is
    /// an attack or a wrong setting, and a fault of the engine needs its picture to be found.
    pub(super) fn omit(self, label: &MediaLabel, fault: &MediaFault) -> Result<OmittedMedia, Rejection> {
        let rejection = fault.rejection(&label.key);
        let degrade = match fault.class {
            // The medium is no picture: there is nothing to retry or to repair.
            RejectionClass::UnsupportedMedia => Degrade::PublishWithout,
            RejectionClass::Malformed | RejectionClass::TooLarge | RejectionClass::TooSlow => self.damaged,
            RejectionClass::FetchFailed => self.unfetched,
            _ => Degrade::DeadLetter,
        };
        match degrade {
            Degrade::PublishWithout => {
                let Rejection { class, message, .. } = rejection;
                let index = label.index;
                let reason = format!("media[{index}] is left out: {class}: {message}");
                Ok(OmittedMedia { index, class, reason })
            }
            Degrade::DeadLetter => Err(rejection),
        }
    }

    /// The same for a medium after others were omitted. A second picture that takes too long rejects the post: sixteen
    /// of them would hold its memory and a thread for sixteen times `decode.picture_timeout`.
    ///
    /// # Errors
    /// As [`Self::omit`].
    pub(super) fn omit_after(
        self,
        label: &MediaLabel,
        fault: &MediaFault,
        before: &[OmittedMedia],
    ) -> Result<OmittedMedia, Rejection> {
        let is_slow = |class| class == RejectionClass::TooSlow;
        if is_slow(fault.class) && before.iter().any(|medium| is_slow(medium.class)) {
            return Err(fault.rejection(&label.key));
        }
        self.omit(label, fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(class: RejectionClass) -> MediaFault {
        MediaFault::new(class, "is odd")
    }

    #[test]
    fn each_setting_decides_about_its_own_faults_and_some_reject_the_post_in_any_case() {
        let label = MediaLabel {
            index: 2,
            key: "m".to_owned(),
            declared_type: None,
            alt_text: None,
            candidate_boxes: Vec::new(),
            is_preview: false,
            url: None,
        };
        let is_answered = |class, damaged, unfetched| {
            let judged = OmissionRules { damaged, unfetched }.omit(&label, &fault(class));
            if let Ok(omitted) = &judged {
                assert_eq!(omitted.reason, format!("media[2] is left out: {class}: media `m` is odd"));
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
            let answered = ways.map(|(damaged, unfetched)| is_answered(class, damaged, unfetched));
            let expected = match class.as_str() {
                "unsupported-media" => [true, true, true],
                "malformed" | "too-large" | "too-slow" => [true, false, true],
                "fetch-failed" => [true, true, false],
                _ => [false, false, false],
            };
            assert_eq!(answered, expected, "{class}");
        }
    }
}
