//! Joint reading: a post as a joint network reads it, each picture with the regions among which the network chooses.

use futures_util::future::join_all;

use super::end_to_end::{EntityAnswer, PostAnswer, located};
use super::error::AnnotateError;
use super::pictures::Pictures;
use crate::domain::{Degradation, DegradedCode, GateVerdict, Media, Post};
use crate::scheduler::{CallError, Flow};
use crate::stages::ground::{Proposal, Proposer};
use crate::stages::recognise::joint::{Candidate, JointEntity, JointReader, Shown, given_candidates};
use crate::telemetry::Causes;
use crate::telemetry::traces::PostTrace;

/// A joint network, and the proposer of regions among which it chooses.
pub struct JointReading {
    /// Finds the entities of a post and chooses their regions.
    pub reader: JointReader,
    /// Proposes regions of pictures that came without boxes; none: the network chooses among its grid.
    pub proposer: Option<Box<Proposer>>,
}

/// The pictures of a post with their candidate regions.
#[derive(Debug)]
pub(super) struct JointPictures {
    shown: Vec<Shown>,
    /// Pictures of which the grounder proposed nothing because it failed.
    degraded: Option<Degradation>,
}

impl JointReading {
    /// The pictures of a post in the network's view, each with its candidates. The grounder is not asked about a picture that
    /// came with boxes, nor about a post without text. Where the grounder fails on a picture, the candidates are the grid, and a
    /// note says so.
    pub(super) async fn pictures(
        &self,
        flow: Flow,
        (post, trace): (&Post, &PostTrace),
        pictures: &Pictures,
    ) -> Result<JointPictures, AnnotateError> {
        let grounding = trace.stage("ground");
        let flow = flow.of_span(grounding.context());
        let has_text = !post.plain_text().trim().is_empty();
        let each = post.media.iter().map(async |media| {
            let given = given_candidates(&media.candidate_boxes, (media.frame.width, media.frame.height));
            let asked = self.proposer.as_deref().filter(|_| has_text && given.is_empty());
            let (proposed, fault) = match asked {
                None => (Vec::new(), None),
                Some(proposer) => {
                    let picture = pictures.resized(&media.frame, proposer.view());
                    match grounding.during(proposer.proposals(flow, media.frame.hash, picture)).await {
                        Ok(proposals) => (scored(&proposals), None),
                        Err(error) => (Vec::new(), Some(error)),
                    }
                }
            };
            let picture = pictures.resized(&media.frame, self.reader.view()).await;
            (self.reader.shown(picture, given, &proposed), fault)
        });
        let (shown, faults): (Vec<Shown>, Vec<Option<CallError>>) = join_all(each).await.into_iter().unzip();
        let faults: Vec<CallError> = faults.into_iter().flatten().collect();
        // A lost device is no fault of the post: another process answers it in whole.
        if let Some(lost) = faults.iter().find(|error| error.retry_can_help()) {
            return Err(lost.clone().into());
        }
        Ok(JointPictures { shown, degraded: not_proposed(&faults) })
    }

    /// The entities of a post beside these pictures; the network is told `knowledge`.
    pub(super) async fn read(
        &self,
        flow: Flow,
        (post, knowledge): (&Post, &str),
        pictures: JointPictures,
    ) -> Result<PostAnswer, CallError> {
        let JointPictures { shown, degraded } = pictures;
        let entities = self.reader.read(flow, (post.plain_text(), knowledge), &shown).await?;
        let answer = |JointEntity { mention, looks }| {
            let verdict = |(media, (probability, found)): (&Media, &(f32, Option<_>))| GateVerdict {
                media_key: media.key.clone(),
                depicted: found.is_some(),
                probability: *probability,
                dropped_box_score: None,
            };
            let shown = looks.iter().enumerate();
            EntityAnswer {
                mention,
                verdicts: post.media.iter().zip(&looks).map(verdict).collect(),
                shown: shown
                    .filter_map(|(media, (_, found))| {
                        found.map(|(bbox, score)| (media, located(bbox, score)))
                    })
                    .collect(),
            }
        };
        Ok(PostAnswer {
            entities: entities.into_iter().map(answer).collect(),
            degraded: degraded.into_iter().collect(),
        })
    }
}

fn scored(proposals: &[Proposal]) -> Vec<(Candidate, f32)> {
    proposals.iter().map(|&Proposal { corners, score }| (corners, score)).collect()
}

/// The note on pictures of which nothing was proposed; none if there are no such. The first fault stands for all.
fn not_proposed(faults: &[CallError]) -> Option<Degradation> {
    let first = Causes(faults.first()?);
    let pictures = match faults.len() {
        1 => "regions of 1 picture".to_owned(),
        count => format!("regions of {count} pictures"),
    };
    let note = format!("{pictures} were not proposed, the grid stands for them: {first}");
    Some(DegradedCode::NotProposed.because(note))
}
