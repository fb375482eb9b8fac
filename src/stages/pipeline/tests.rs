//! Tests of the pipeline with closures as networks: which calls are made, how often, and the annotation.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenizers::Tokenizer;
use tokenizers::models::wordlevel::WordLevel;
use tokenizers::pre_tokenizers::whitespace::Whitespace;

use super::*;
use crate::common::imaging::{Picture, View, Workers};
use crate::domain::{BBox, ContentHash, EntityType, Frame, Mask, Region, Stage};
use crate::llm::cached::Degrade;
use crate::scheduler::doubles::FnModel;
use crate::scheduler::{Budget, Device, Handle, ModelError};
use crate::stages::entail::{self, Entailer};
use crate::stages::expand::{Expander, PhraseTemplate};
use crate::stages::ground::{self, Grounder, Outline};
use crate::stages::link::Linker;
use crate::stages::prompt::PromptEncoder;
use crate::stages::recognise;
use crate::stages::recognise::{LabelSet, WordTokenizer};
use crate::stages::segment;
use crate::stages::segment::Segmentation;
use crate::telemetry::Metrics;

mod box_scores;
mod captions;
mod fair;
mod long_texts;
mod masks;
mod proposals;
mod replayed;

/// The people in the vocabulary. A picture of grey `n` shows person `n`.
const PEOPLE: [&str; 4] = ["nobody", "ann", "bob", "cid"];
/// A picture of this grey shows everybody.
const EVERYBODY: u8 = 200;
/// The person whose calls fail in the failing stage.
const TROUBLE: &str = "cid";

/// The calls to the networks, in no particular order.
#[derive(Default)]
struct Asked {
    entailed: Vec<(String, u8)>,
    grounded: Vec<(String, u8)>,
    segmented: Vec<(u8, usize)>,
}

type Log = Arc<Mutex<Asked>>;

fn tokenizer() -> Tokenizer {
    let words = ["<s>", "<pad>", "</s>", "<unk>"].into_iter().chain(PEOPLE);
    let vocabulary = words.zip(0..).map(|(word, id)| (word.to_owned(), id)).collect();
    let model = WordLevel::builder().vocab(vocabulary).unk_token("<unk>".to_owned()).build().unwrap();
    let mut tokenizer = Tokenizer::new(model);
    tokenizer.with_pre_tokenizer(Some(Whitespace {}));
    tokenizer
}

fn prompts() -> PromptEncoder {
    PromptEncoder::new(tokenizer(), "{phrase}", 50).unwrap()
}

/// The first person in a prompt.
fn person(prompt: &[u32]) -> usize {
    prompt.iter().find_map(|&id| (id as usize).checked_sub(4)).unwrap()
}

fn grey(picture: &Picture) -> u8 {
    picture.rgb[0]
}

/// Fails for [`TROUBLE`] in the failing stage.
fn trouble(failing: Option<Stage>, stage: Stage, person: usize) -> Result<(), ModelError> {
    if failing == Some(stage) && PEOPLE[person] == TROUBLE {
        return Err(ModelError::Failed("no such luck".to_owned()));
    }
    Ok(())
}

fn lane<Q: Clone + Send + 'static, R: Send + 'static>(
    device: &mut Device,
    stage: Stage,
    mut answer: impl FnMut(&Q) -> Result<R, ModelError> + Send + 'static,
) -> Handle<Q, R> {
    let max_requests = NonZeroUsize::new(4).unwrap();
    let budget = Budget { max_requests, max_tokens: 100, patience: Duration::from_secs(5) };
    let model = FnModel::new(move |batch: &[Q]| batch.iter().map(&mut answer).collect());
    device.lane(stage, model, budget)
}

/// The pipeline over closures; one stage may fail on [`TROUBLE`].
fn pipeline(failing: Option<Stage>) -> (Pipeline, Log) {
    let log = Log::default();
    let mut device = Device::new("test", Arc::new(Metrics::new()));
    let recogniser = lane(&mut device, Stage::Recognise, move |request: &recognise::Request| {
        let words: Vec<u32> =
            request.first_pieces.iter().map(|&piece| request.pieces[piece as usize]).collect();
        for word in &words {
            trouble(failing, Stage::Recognise, (*word as usize).saturating_sub(4))?;
        }
        // The labels of one type are O, B, I, E, S.
        let labels = words.iter().map(|&word| if word > 4 { 4 } else { 0 }).collect();
        Ok(recognise::Reply { labels, posteriors: vec![0.5; words.len()] })
    });
    let asked = Arc::clone(&log);
    let entailer = lane(&mut device, Stage::Entail, move |request: &entail::Request| {
        let person = person(&request.prompt);
        trouble(failing, Stage::Entail, person)?;
        let grey = grey(&request.picture);
        asked.lock().unwrap().entailed.push((PEOPLE[person].to_owned(), grey));
        let yes = if usize::from(grey) == person || grey == EVERYBODY { 0.9 } else { 0.2 };
        Ok(entail::Reply { no: 1.0 - yes, yes, maybe: 0.0 })
    });
    let asked = Arc::clone(&log);
    let grounder = lane(&mut device, Stage::Ground, move |request: &ground::Request| {
        let person = person(&request.prompt);
        trouble(failing, Stage::Ground, person)?;
        asked.lock().unwrap().grounded.push((PEOPLE[person].to_owned(), grey(&request.picture)));
        // A tenth of the picture wide, and at another place for each person.
        let edge = |tenths: usize| tenths as f64 / 10.0;
        let corners = [edge(person), 0.0, edge(person + 1), 1.0];
        // Its upper half, and a triangle of that.
        let outline =
            Outline { points: vec![[corners[0], 0.0], [corners[2], 0.0], [corners[0], 0.5]], tokens: 7 };
        Ok(ground::Reply { corners, log_probability: 0.0, outline: Some(outline), others: Vec::new() })
    });
    let asked = Arc::clone(&log);
    let segmenter = lane(&mut device, Stage::Segment, move |request: &segment::Request| {
        // Boxes are tenths of a picture 20 wide, so a box's left edge tells whose it is.
        for bbox in &request.boxes {
            trouble(failing, Stage::Segment, (bbox.x0 / 2.0) as usize)?;
        }
        asked.lock().unwrap().segmented.push((grey(&request.picture), request.boxes.len()));
        let (width, height) = (request.picture.original_width, request.picture.original_height);
        let all = Mask { width, height, runs: vec![0, width * height] };
        let mask = |bbox: &BBox| Segmentation { mask: all.clone(), score: bbox.x0 };
        Ok(request.boxes.iter().map(mask).collect::<Vec<_>>())
    });
    device.start().unwrap();
    (
        joined(
            recogniser,
            entailer,
            grounder,
            Some(Segmenter::new(segmenter, View::longest_side(16), Workers::default())),
        ),
        log,
    )
}

/// The pipeline over networks whose device has started.
fn joined(
    recogniser: Handle<recognise::Request, recognise::Reply>,
    entailer: Handle<entail::Request, entail::Reply>,
    grounder: Handle<ground::Request, ground::Reply>,
    segmenter: Option<Segmenter>,
) -> Pipeline {
    let labels = LabelSet::new([EntityType::new("PER")]);
    let words = WordTokenizer::new(tokenizer(), 50).unwrap();
    Pipeline {
        captioners: Captioners::new(Vec::new(), Vec::new()),
        knowledge: None,
        replayed: None,
        entities: EntitiesBy::Tagger(Recogniser::new(recogniser, words, labels)),
        names: Reloadable::new(Names {
            linker: Linker::default(),
            expander: Expander::new(Vec::new(), PhraseTemplate::default(), Degrade::PublishWithout),
        }),
        looks: Looks {
            entailer: AnsweredBy::Network(Entailer::new(entailer, prompts(), 0.5), View::squashed(16)),
            grounder: AnsweredBy::Network(Grounder::new(grounder, prompts()), View::squashed(16)),
            gate: Gate::Entailer,
            min_box_score: 0.0,
            degrade: Degrade::PublishWithout,
        },
        segmenter,
        min_mask_score: 0.0,
        pictures: Pictures::new(1 << 20, Workers::default()),
        limits: Limits { entities: 4, looks: 12, mask_pixels: 10_000 },
        flows: Flows::default(),
        workers: Workers::default(),
    }
}

fn post(text: &str, greys: &[u8]) -> Post {
    let media = greys.iter().enumerate().map(|(index, &grey)| {
        let frame = Frame {
            hash: ContentHash([grey; 32]),
            width: 20,
            height: 10,
            orientation: 1,
            reduced: 1,
            rgb: vec![grey; 3 * 20 * 10],
        };
        Media {
            key: format!("m{index}"),
            frame: Arc::new(frame),
            alt_text: None,
            candidate_boxes: Vec::new(),
            index: 0,
            is_preview: false,
        }
    });
    Post { id: "p".to_owned(), text: text.to_owned(), media: media.collect(), ..Post::default() }
}

/// For each mention its text, and the pictures that show it with the left edge of the box.
fn regions(annotation: &Annotation) -> Vec<(&str, Vec<(&str, f32)>)> {
    fn places(triple: &Triple) -> Vec<(&str, f32)> {
        triple.regions.iter().map(|region| (region.media_key.as_str(), region.bbox.x0)).collect()
    }
    annotation.triples.iter().map(|triple| (triple.mention.text.as_str(), places(triple))).collect()
}

#[tokio::test]
async fn a_mention_that_no_picture_shows_has_no_region() {
    let (pipeline, log) = pipeline(None);
    let annotation = pipeline.annotate(&post("ann met bob", &[1])).await.unwrap();
    assert_eq!(regions(&annotation), [("ann", vec![("m0", 2.0)]), ("bob", vec![])]);
    let verdicts: Vec<_> = annotation.triples.iter().map(|triple| triple.verdicts[0].clone()).collect();
    assert_eq!(verdicts.iter().map(|verdict| verdict.depicted).collect::<Vec<_>>(), [true, false]);
    assert!((verdicts[1].probability - 0.2).abs() < 1e-6, "the gate's doubt is kept: {verdicts:?}");
    assert_eq!(log.lock().unwrap().grounded, [("ann".to_owned(), 1)], "only accepted pictures are grounded");
}

#[tokio::test]
async fn each_mention_is_tried_on_each_picture_in_order() {
    let (pipeline, log) = pipeline(None);
    let annotation = pipeline.annotate(&post("ann and bob", &[2, EVERYBODY, 1])).await.unwrap();
    assert_eq!(
        regions(&annotation),
        [("ann", vec![("m1", 2.0), ("m2", 2.0)]), ("bob", vec![("m0", 4.0), ("m1", 4.0)])]
    );
    for triple in &annotation.triples {
        let keys: Vec<_> = triple.verdicts.iter().map(|verdict| verdict.media_key.as_str()).collect();
        assert_eq!(keys, ["m0", "m1", "m2"]);
    }
    assert_eq!(log.lock().unwrap().entailed.len(), 6);
}

#[tokio::test]
async fn all_boxes_of_a_picture_are_segmented_in_one_call() {
    let (pipeline, log) = pipeline(None);
    let annotation = pipeline.annotate(&post("ann bob cid", &[EVERYBODY, 2, 0])).await.unwrap();
    let mut calls = log.lock().unwrap().segmented.clone();
    calls.sort_unstable();
    assert_eq!(calls, [(2, 1), (EVERYBODY, 3)], "none for a picture that shows nobody");
    for triple in &annotation.triples {
        // The closure scores a mask by its box, so a mask that went to another mention would show.
        assert!(triple.regions.iter().all(|region| region.mask_score == region.bbox.x0), "{triple:?}");
    }
}

#[tokio::test]
async fn without_a_segmenter_the_grounders_outlines_are_the_masks() {
    let (mut pipeline, log) = pipeline(None);
    let segmented = pipeline.annotate(&post("ann bob", &[EVERYBODY])).await.unwrap();
    pipeline.segmenter = None;
    let outlined = pipeline.annotate(&post("ann bob", &[EVERYBODY])).await.unwrap();
    assert_eq!(regions(&outlined), regions(&segmented));
    assert_eq!(log.lock().unwrap().segmented.len(), 1, "by the first alone");
    for triple in &outlined.triples {
        let Region { mask, mask_score, box_score, bbox, .. } = &triple.regions[0];
        assert_eq!((mask.width, mask.height, mask_score), (20, 10, box_score));
        // A triangle two pixels wide and five high: a column of four, one of one.
        let before = 10 * bbox.x0 as u32;
        assert_eq!(mask.runs, [before, 4, 6, 1, 200 - before - 11]);
    }
}

#[tokio::test]
async fn networks_with_the_same_view_share_resized_pictures() {
    for (ground, scaled) in [(View::squashed(16), 1), (View::longest_side(16), 2), (View::squashed(8), 2)] {
        let (mut pipeline, log) = pipeline(None);
        let AnsweredBy::Network(_, view) = &mut pipeline.looks.grounder else { panic!("it is a network") };
        *view = ground;
        pipeline.annotate(&post("ann", &[1])).await.unwrap();
        assert_eq!(pipeline.pictures.counts().misses, scaled, "{ground:?}");
        assert_eq!(log.lock().unwrap().grounded.len(), 1);
    }
}

#[tokio::test]
async fn identical_pictures_are_resized_once() {
    let (pipeline, log) = pipeline(None);
    pipeline.annotate(&post("ann bob", &[1, 1])).await.unwrap();
    pipeline.annotate(&post("ann", &[1])).await.unwrap();
    let counts = pipeline.pictures.counts();
    assert_eq!((counts.misses, counts.entries), (1, 1), "{counts:?}");
    assert_eq!(log.lock().unwrap().entailed.len(), 3, "and each post asks its own questions");
}

#[tokio::test]
async fn entities_beyond_the_limit_are_dropped_and_counted() {
    let (pipeline, log) = pipeline(None);
    let annotation = pipeline.annotate(&post("ann bob ann bob cid ann", &[EVERYBODY])).await.unwrap();
    let names: Vec<&str> = annotation.triples.iter().map(|triple| triple.mention.text.as_str()).collect();
    assert_eq!(names, ["ann", "bob", "ann", "bob"]);
    assert_eq!(annotation.missing(), ["2 entities after the first 4 were left out"]);
    assert_eq!(log.lock().unwrap().entailed.len(), 2);
}

#[tokio::test]
async fn equal_queries_of_a_post_run_once_and_every_mention_has_their_result() {
    let (pipeline, log) = pipeline(None);
    let annotation = pipeline.annotate(&post("ann bob ann ann", &[EVERYBODY, 2, EVERYBODY])).await.unwrap();
    let (ann, bob) = (vec![("m0", 2.0), ("m2", 2.0)], vec![("m0", 4.0), ("m1", 4.0), ("m2", 4.0)]);
    assert_eq!(
        regions(&annotation),
        [("ann", ann.clone()), ("bob", bob), ("ann", ann.clone()), ("ann", ann)]
    );
    let starts: Vec<usize> = annotation.triples.iter().map(|triple| triple.mention.span.start).collect();
    assert_eq!(starts, [0, 4, 8, 12]);
    for triple in &annotation.triples {
        let keys: Vec<_> = triple.verdicts.iter().map(|verdict| verdict.media_key.as_str()).collect();
        assert_eq!(keys, ["m0", "m1", "m2"]);
    }
    let mut asked = std::mem::take(&mut *log.lock().unwrap());
    [&mut asked.entailed, &mut asked.grounded].into_iter().for_each(|list| list.sort_unstable());
    asked.segmented.sort_unstable();
    let question = |name: &str, grey| (name.to_owned(), grey);
    assert_eq!(
        asked.entailed,
        [question("ann", 2), question("ann", EVERYBODY), question("bob", 2), question("bob", EVERYBODY)]
    );
    assert_eq!(asked.grounded, [question("ann", EVERYBODY), question("bob", 2), question("bob", EVERYBODY)]);
    assert_eq!(asked.segmented, [(2, 1), (EVERYBODY, 2)]);
    assert!(annotation.degraded.is_empty(), "{:?}", annotation.degraded);
}

#[tokio::test]
async fn queries_beyond_the_limit_are_dropped_and_counted() {
    let (mut pipeline, log) = pipeline(None);
    pipeline.limits.looks = 3;
    let annotation = pipeline.annotate(&post("ann bob ann cid", &[EVERYBODY, 2])).await.unwrap();
    let ann = vec![("m0", 2.0)];
    assert_eq!(
        regions(&annotation),
        [("ann", ann.clone()), ("bob", vec![("m0", 4.0)]), ("ann", ann), ("cid", vec![])]
    );
    let asked: Vec<usize> = annotation.triples.iter().map(|triple| triple.verdicts.len()).collect();
    assert_eq!(asked, [2, 1, 2, 0], "what was not asked has no verdict");
    assert_eq!(annotation.missing(), ["3 pairs of entity and picture after the first 3 were left out"]);
    assert_eq!(log.lock().unwrap().entailed.len(), 3);
}

#[tokio::test]
async fn a_fault_names_its_stage() {
    for stage in Stage::ALL {
        let (pipeline, _) = pipeline(Some(stage));
        let error = pipeline.annotate(&post("ann cid", &[EVERYBODY])).await.unwrap_err();
        let AnnotateError::Network(error) = error else { panic!("{error}") };
        assert_eq!(error.stage(), stage, "{error}");
        assert!(!error.retry_can_help(), "{error}");
        let unharmed = pipeline.annotate(&post("ann bob", &[EVERYBODY])).await.unwrap();
        assert_eq!(unharmed.triples.len(), 2, "after a fault of `{stage}`");
    }
}

#[tokio::test]
async fn with_an_open_gate_every_picture_is_grounded_without_the_entailer() {
    let (mut pipeline, log) = pipeline(None);
    pipeline.looks.gate = Gate::Open;
    let annotation = pipeline.annotate(&post("ann bob", &[0])).await.unwrap();
    assert_eq!(regions(&annotation), [("ann", vec![("m0", 2.0)]), ("bob", vec![("m0", 4.0)])]);
    assert!(log.lock().unwrap().entailed.is_empty());
}

#[tokio::test]
async fn a_post_without_names_or_pictures_makes_no_needless_calls() {
    let (pipeline, log) = pipeline(None);
    let cases: HashMap<&str, (&str, &[u8], usize)> = HashMap::from([
        ("no text", ("", [1].as_slice(), 0)),
        ("no names", ("what a day", &[1], 0)),
        ("no pictures", ("ann bob", &[], 2)),
    ]);
    for (case, (text, greys, mentions)) in cases {
        let annotation = pipeline.annotate(&post(text, greys)).await.unwrap();
        assert_eq!(annotation.triples.len(), mentions, "{case}");
        assert!(
            annotation.triples.iter().all(|triple| triple.regions.is_empty() && triple.verdicts.is_empty())
        );
    }
    assert!(log.lock().unwrap().entailed.is_empty());
}
