//! The networks without the engine: the same requests in full batches, back to back.

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;

use riveg::common::imaging::Picture;
use riveg::domain::{Annotation, ContentHash, Post, Stage};
use riveg::networks::bundle::{Bundle, BundleError, FileEntry};
use riveg::networks::descriptor::Reads;
use riveg::scheduler::{Model, Processor, RequestOf};
use riveg::stages::entail;
use riveg::stages::ground;
use riveg::stages::prompt::PromptEncoder;
use riveg::stages::recognise;
use riveg::stages::recognise::{WordTokenizer, split_words};
use riveg::stages::segment;
use tch::Device;
use tokenizers::Tokenizer;

use super::clock::{Spent, Stopwatch};

/// All requests that the pipeline made of a feed.
pub(crate) struct Recorded {
    pub(crate) posts: usize,
    pub(crate) recognise: Vec<recognise::Request>,
    pub(crate) entail: Vec<entail::Request>,
    pub(crate) ground: Vec<ground::Request>,
    pub(crate) segment: Vec<segment::Request>,
}

/// How each stage makes its batches.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) batch: usize,
    order: Order,
}

/// Whose requests share a batch.
#[derive(Clone, Copy)]
enum Order {
    /// Those that came together.
    AsTheyCame,
    /// Those of like cost.
    ByCost,
}

impl Plan {
    /// Batches of this size of those that came together.
    pub(crate) fn of_batches(batch: usize) -> Self {
        Self { batch, order: Order::AsTheyCame }
    }

    /// Its order in a word.
    pub(crate) fn order(self) -> &'static str {
        match self.order {
            Order::AsTheyCame => "",
            Order::ByCost => "sorted",
        }
    }
}

const SIZES: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// Requests that plans are chosen on.
const TRIED: usize = 32;

/// What networks remember of pictures, in bytes: everything.
const REMEMBERED: usize = 1 << 30;

impl Recorded {
    /// What a feed's annotations say that was asked.
    pub(crate) fn of(bundle: &Bundle, posts: &[Arc<Post>], annotations: &[Annotation]) -> Self {
        let (words, entail_prompts, ground_prompts) = tokenizers(bundle);
        let whole = "the pipeline ran";
        let entail_view = bundle.entail().expect(whole).network.view();
        let ground_view = bundle.ground().expect(whole).network.view();
        let segment_view = bundle.segment().expect(whole).network.view();
        let mut recorded = Self {
            posts: posts.len(),
            recognise: Vec::new(),
            entail: Vec::new(),
            ground: Vec::new(),
            segment: Vec::new(),
        };
        for (post, annotation) in posts.iter().zip(annotations) {
            let windows = words.windows(&post.text, &split_words(&post.text));
            recorded.recognise.extend(windows.into_iter().map(|window| window.request));
            // What several mentions have in common is asked once.
            let mut told = HashSet::new();
            let asking: Vec<_> =
                annotation.triples.iter().filter(|triple| told.insert(&triple.phrase.text)).collect();
            for (index, media) in post.media.iter().enumerate() {
                if asking.is_empty() {
                    continue;
                }
                let entail_picture = entail_view.of(&media.frame);
                let ground_picture = ground_view.of(&media.frame);
                for triple in &asking {
                    let prompt = entail_prompts.encode(&triple.phrase.text, "");
                    recorded.entail.push(entail::Request { picture: Arc::clone(&entail_picture), prompt });
                    if triple.verdicts[index].depicted {
                        let prompt = ground_prompts.encode(&triple.phrase.text, "");
                        let picture = Arc::clone(&ground_picture);
                        recorded.ground.push(ground::Request { picture, prompt });
                    }
                }
                let regions = asking.iter().flat_map(|triple| &triple.regions);
                let boxes: Vec<_> = regions
                    .filter(|region| region.media_key == media.key)
                    .map(|region| region.bbox)
                    .collect();
                if !boxes.is_empty() {
                    let picture = segment_view.of(&media.frame);
                    recorded.segment.push(segment::Request { picture, boxes });
                }
            }
        }
        recorded
    }

    /// The same questions where no picture is ever seen twice: what there would be to do if nothing were shared.
    pub(crate) fn unshared(&self) -> Self {
        let mut number = 0_u64;
        let mut another = |picture: &Arc<Picture>| {
            number += 1;
            renamed(picture, number)
        };
        let entail = self.entail.iter().map(|request| entail::Request {
            picture: another(&request.picture),
            prompt: request.prompt.clone(),
        });
        let entail = entail.collect();
        let ground = self.ground.iter().map(|request| ground::Request {
            picture: another(&request.picture),
            prompt: request.prompt.clone(),
        });
        let ground = ground.collect();
        let mut segment = Vec::new();
        for request in &self.segment {
            segment.extend(
                request
                    .boxes
                    .iter()
                    .map(|&bbox| segment::Request { picture: another(&request.picture), boxes: vec![bbox] }),
            );
        }
        Self { posts: self.posts, recognise: self.recognise.clone(), entail, ground, segment }
    }

    /// Requests of each stage, in order.
    pub(crate) fn counts(&self) -> [usize; 4] {
        [self.recognise.len(), self.entail.len(), self.ground.len(), self.segment.len()]
    }
}

/// For each stage the order and the size of batches that are fastest on the first requests.
pub(crate) fn plans(bundle: &Bundle, device: Device, recorded: &Recorded) -> [Plan; 4] {
    Stage::ALL.map(|stage| {
        let orders = SIZES.map(|batch| [Order::AsTheyCame, Order::ByCost].map(|order| Plan { batch, order }));
        let timed = orders.as_flattened().iter().map(|&plan| {
            let once = || run(bundle, device, recorded, (stage, plan), TRIED).processor_or_wall();
            (plan, once().min(once()))
        });
        let best = timed.min_by_key(|&(_, spent)| spent);
        best.map_or(Plan { batch: 1, order: Order::AsTheyCame }, |(plan, _)| plan)
    })
}

/// What the stages take, each by its plan.
pub(crate) fn sum(bundle: &Bundle, device: Device, recorded: &Recorded, plans: &[Plan; 4]) -> [Spent; 4] {
    Stage::ALL.map(|stage| run(bundle, device, recorded, (stage, plans[stage as usize]), usize::MAX))
}

/// Runs one stage's first requests through its network.
fn run(
    bundle: &Bundle,
    device: Device,
    recorded: &Recorded,
    (stage, plan): (Stage, Plan),
    most: usize,
) -> Spent {
    let load = |error: BundleError| -> ! { panic!("{error}") };
    match stage {
        Stage::Recognise => {
            let tagger = bundle.tagger(device).unwrap_or_else(|error| load(error));
            back_to_back(tagger, &recorded.recognise, plan, most)
        }
        Stage::Entail => {
            let entailer = bundle.entailer(device, REMEMBERED).unwrap_or_else(|error| load(error));
            back_to_back(entailer, &recorded.entail, plan, most)
        }
        Stage::Ground => {
            let grounder = bundle.grounder(device, REMEMBERED).unwrap_or_else(|error| load(error));
            back_to_back(grounder, &recorded.ground, plan, most)
        }
        Stage::Retrieve => panic!("the pipeline asks nobody for similar examples"),
        Stage::Segment => {
            let segmenter = bundle.segmenter(device, REMEMBERED).unwrap_or_else(|error| load(error));
            back_to_back(segmenter, &recorded.segment, plan, most)
        }
    }
}

fn back_to_back<M>(mut model: M, requests: &[RequestOf<M>], plan: Plan, most: usize) -> Spent
where
    M: Model,
    RequestOf<M>: Clone + Renamed,
{
    let mut requests = requests[..requests.len().min(most)].to_vec();
    if matches!(plan.order, Order::ByCost) {
        let processor = model.processor();
        requests.sort_by_key(|request| processor.cost(request));
    }
    // Longest last: the first batch and the last are the shapes that are allocated for.
    let warm: Vec<RequestOf<M>> = requests.iter().rev().take(plan.batch).map(Renamed::renamed).collect();
    let run = |model: &mut M, batch: &[RequestOf<M>]| {
        black_box(model.run(batch).unwrap_or_else(|error| panic!("{error}")));
    };
    if !warm.is_empty() {
        run(&mut model, &warm);
    }
    let watch = Stopwatch::this_thread();
    requests.chunks(plan.batch).for_each(|batch| run(&mut model, batch));
    watch.spent()
}

/// A request of which no network remembers anything.
trait Renamed {
    fn renamed(&self) -> Self;
}

impl Renamed for recognise::Request {
    fn renamed(&self) -> Self {
        self.clone()
    }
}

impl Renamed for entail::Request {
    fn renamed(&self) -> Self {
        Self { picture: renamed(&self.picture, 0), prompt: self.prompt.clone() }
    }
}

impl Renamed for ground::Request {
    fn renamed(&self) -> Self {
        Self { picture: renamed(&self.picture, 0), prompt: self.prompt.clone() }
    }
}

impl Renamed for segment::Request {
    fn renamed(&self) -> Self {
        Self { picture: renamed(&self.picture, 0), boxes: self.boxes.clone() }
    }
}

/// The same pixels under another hash.
fn renamed(picture: &Arc<Picture>, salt: u64) -> Arc<Picture> {
    let salted = [&picture.hash.0[..], &salt.to_le_bytes()].concat();
    let hash = ContentHash(*blake3::hash(&salted).as_bytes());
    Arc::new(Picture { hash, ..Picture::clone(picture) })
}

fn tokenizers(bundle: &Bundle) -> (WordTokenizer, PromptEncoder, PromptEncoder) {
    let whole = "the pipeline has read it";
    let (recognise, entail, ground) =
        (bundle.recognise().expect(whole), bundle.entail().expect(whole), bundle.ground().expect(whole));
    let file = |entry: &Option<FileEntry>| bundle.path(entry.as_ref().expect(whole));
    let words = WordTokenizer::load(&file(&recognise.tokenizer), recognise.network.reads().longest);
    let prompts = |entry: &_, template: &str, Reads { longest, .. }: Reads| {
        let tokenizer = Tokenizer::from_file(file(entry)).expect(whole);
        PromptEncoder::new(tokenizer, template, longest).expect("the pipeline has made it")
    };
    (
        words.expect(whole),
        prompts(&entail.tokenizer, &entail.prompt, entail.network.reads()),
        prompts(&ground.tokenizer, &ground.prompt, ground.network.reads()),
    )
}
