//! Proposer: the regions of a picture that a grounder finds for generic phrases, such as "a person".

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::{Grounder, Proposal};
use crate::common::cache::{Cache, CacheCounts};
use crate::common::imaging::{Picture, View};
use crate::domain::ContentHash;
use crate::scheduler::{CallError, Flow};

/// The memory for regions of pictures that were seen. Twenty boxes of a picture take less than half a kilobyte, so it holds
/// those of more than two thousand pictures: far more than there are pictures whose encodings a device keeps. It is too small to
/// be counted in the plan of memory.
const MAX_KNOWN_BYTES: usize = 1 << 20;

/// Proposes regions of pictures.
pub struct Proposer {
    grounder: Grounder,
    view: View,
    phrases: Vec<String>,
    min_score: f32,
    /// By the picture alone: what is asked about it is always the same.
    known: Cache<ContentHash, Arc<[Proposal]>, CallError>,
}

impl Proposer {
    /// A proposer that asks a grounder, which sees pictures in `view`, for each of the phrases. Boxes below `min_score` are
    /// left out.
    #[must_use]
    pub fn new(grounder: Grounder, view: View, phrases: Vec<String>, min_score: f32) -> Self {
        let weigh =
            |_: &ContentHash, found: &Arc<[Proposal]>| size_of::<ContentHash>() + size_of_val(&**found);
        Self { grounder, view, phrases, min_score, known: Cache::new(MAX_KNOWN_BYTES, weigh) }
    }

    /// The view in which the grounder sees pictures.
    #[must_use]
    pub fn view(&self) -> View {
        self.view
    }

    /// The regions of a picture. A picture that came before is not asked about again; `picture`, which gives it in the
    /// grounder's view, is then not polled. Of several posts with one new picture, one asks and the others wait.
    ///
    /// # Errors
    /// [`CallError`] of the network for one of the phrases. It is not kept.
    pub async fn proposals(
        &self,
        flow: Flow,
        hash: ContentHash,
        picture: impl Future<Output = Arc<Picture>>,
    ) -> Result<Arc<[Proposal]>, CallError> {
        let ask = async {
            let picture = picture.await;
            let asked = self.phrases.iter().map(|phrase| self.grounder.propose(flow, &picture, phrase));
            let found = try_join_all(asked).await?.into_iter().flatten();
            Ok::<_, CallError>(found.filter(|proposal| proposal.score >= self.min_score).collect())
        };
        self.known.get_or_make(&hash, ask).await
    }

    /// Hits, misses and size of the memory for regions.
    #[must_use]
    pub fn counts(&self) -> CacheCounts {
        self.known.counts()
    }
}
