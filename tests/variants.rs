//! Variants of `config/variants`: each runs end to end with exactly the networks that it names, as tiny networks of the
//! same architectures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::support::llm::{self, LlmServer};
use crate::support::write_stage;
use riveg::config::{Config, Sources};
use riveg::domain::{Annotation, EntityType, Post, Stage};
use riveg::engine::runtime::{Endpoints, Runtime, Variant, open};
use riveg::lab::world::{Split, World};
use riveg::networks::bundle::{Bundle, Weights, save_weights};
use riveg::networks::descriptor::Network;
use riveg::networks::seqtr;
use riveg::scheduler::{Flow, Model};
use riveg::stages::knowledge::Mode;
use riveg::stages::recognise::{LabelSet, Request, WordTokenizer, split_words};
use riveg::telemetry::Metrics;
use tch::{Device, Kind};

use crate::parity_seqtr;
use crate::support::binary;

const POSTS: u64 = 3;

/// What the language model says of every entity.
const EXPANSION: &str = "a woman in a red coat";

/// Entities that a tagger must find in the posts.
const MENTIONS: usize = 6;

/// The sets of weights that folders are named by, after stage and network.
const SETS: [&str; 5] = ["-plim-chatgpt", "-plim-mix", "-crf", "-chatgpt", "-mix"];

/// The stage and the network of an overlay's folder name.
pub(crate) struct Named {
    pub(crate) stage: Stage,
    pub(crate) preset: String,
}

pub(crate) fn named(folder: &Path) -> Named {
    let name = folder.file_name().unwrap().to_str().unwrap();
    let (stage, network) = name.split_once('-').unwrap();
    let stage = Stage::ALL.into_iter().find(|known| known.as_str() == stage).unwrap();
    let preset = SETS.iter().find_map(|set| network.strip_suffix(set)).unwrap_or(network);
    Named { stage, preset: preset.to_owned() }
}

pub(crate) fn config_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(name)
}

/// The overlays, by name.
pub(crate) fn variants() -> BTreeMap<String, PathBuf> {
    let files = fs::read_dir(config_file("variants")).unwrap().map(|entry| entry.unwrap().path());
    let overlays = files.filter(|file| file.extension().is_some_and(|extension| extension == "toml"));
    overlays.map(|file| (file.file_stem().unwrap().to_str().unwrap().to_owned(), file)).collect()
}

/// The settings with an overlay, as `riveg run --config` reads them, and more. One request per batch, so that sums do not
/// depend on other members.
fn settings_with(overlay: &Path, more: &[String]) -> Config {
    let alone = Stage::ALL.map(|stage| format!("scheduler.{stage}.max_requests=1"));
    let sets = [&alone[..], &["device.threads=1".to_owned()], more].concat();
    Config::load(&Sources { files: vec![overlay.to_owned()], sets, ..Sources::default() }).unwrap().config
}

pub(crate) fn settings(overlay: &Path) -> Config {
    settings_with(overlay, &[])
}

/// A language model that answers the paper's two questions.
fn paper_model() -> LlmServer {
    LlmServer::start(|asked| {
        let of_entity = asked.text.contains("tell me briefly what is the '");
        let of_post = asked.text.contains("Question: Comprehensively analyze the Text and the Image");
        assert!(of_entity != of_post, "{}", asked.text);
        llm::Reply::text(if of_entity {
            EXPANSION
        } else {
            "Named entities: 1. Vorlan (LOC) Reasoning: Vorlan is a stone bridge."
        })
    })
}

/// The settings of an overlay with this language model, and with the first examples instead of the most similar ones: there
/// is no retriever.
fn asking(overlay: &Path, model: &LlmServer) -> Config {
    let knows = settings(overlay).knowledge.mode != Mode::Off;
    let mut more = vec![
        format!("llm.chatgpt.url={}", model.url()),
        "llm.chatgpt.retries=0".to_owned(),
        "answers.disk_path=none".to_owned(),
        "knowledge.examples=bundles/pocket/examples.jsonl".to_owned(),
    ];
    more.extend(knows.then(|| "knowledge.mode=fixed".to_owned()));
    settings_with(overlay, &more)
}

/// The folders of the stages, in order; `None` for a stage without a network.
pub(crate) fn folders(config: &Config) -> [Option<PathBuf>; 4] {
    let elsewhere = config.bundle.elsewhere();
    Stage::ALL.map(|stage| {
        let other =
            elsewhere.iter().find(|(taken, _)| *taken == stage).map(|(_, folder)| folder.to_path_buf());
        let own =
            || (stage != Stage::Segment || config.bundle.has_segmenter()).then(|| config.bundle.path.clone());
        other.or_else(own)
    })
}

/// Settings with all folders moved under `root`.
fn under(root: &Path, mut config: Config) -> Config {
    let bundle = &mut config.bundle;
    bundle.path = root.join(&bundle.path);
    for folder in [&mut bundle.recognise, &mut bundle.entail, &mut bundle.ground] {
        *folder = root.join(&folder);
    }
    config
}

/// Writes tiny bundles into all folders; the gate passes everything.
fn write_all(root: &Path, folders: impl IntoIterator<Item = PathBuf>) {
    let folders: BTreeSet<PathBuf> = folders.into_iter().collect();
    let posts = posts();
    for (number, folder) in (1..).zip(folders) {
        let Named { stage, preset } = named(&folder);
        let folder = root.join(folder);
        let write = |seed: u64| {
            write_stage(&folder, (stage, &preset), seed, |manifest| {
                if let Some(entail) = &mut manifest.entail {
                    entail.threshold = 0.0;
                }
            })
            .unwrap();
        };
        // Some random taggers find no entity, and without entities nothing is grounded.
        let mut seeds = 100 * number..100 * (number + 1);
        let enough = |seed: u64| {
            write(seed);
            stage != Stage::Recognise || mentions(&folder, &posts) >= MENTIONS
        };
        assert!(seeds.any(enough), "no tagger of a hundred names anything: {}", folder.display());
    }
}

/// The number of entities that a bundle's tagger finds.
fn mentions(folder: &Path, posts: &[Post]) -> usize {
    let bundle = Bundle::open(folder).unwrap();
    let part = bundle.recognise().unwrap();
    let file = bundle.path(part.tokenizer.as_ref().unwrap());
    let tokenizer = WordTokenizer::load(&file, part.network.reads().longest).unwrap();
    let labels = LabelSet::new(bundle.manifest().entity_types.iter().map(|name| EntityType::new(name)));
    let windows = posts.iter().flat_map(|post| tokenizer.windows(&post.text, &split_words(&post.text)));
    let requests: Vec<Request> = windows.map(|window| window.request).collect();
    let replies = bundle.tagger(Device::Cpu).unwrap().run(&requests).unwrap();
    replies.iter().map(|reply| labels.decode(&reply.labels).len()).sum()
}

/// Replaces a bundle of SeqTR by one with weights in a file and non-empty contours.
fn write_drawing(folder: &Path) {
    let (config, weights) = parity_seqtr::drawing();
    save_weights(weights, &folder.join("seqtr.safetensors"), Kind::Float).unwrap();
    let (words, file) = (config.vocabulary as usize, folder.join("words.txt"));
    write_stage(folder, (Stage::Ground, "seqtr-refcoco-contour"), 1, |manifest| {
        let known = fs::read_to_string(&file).unwrap();
        let known: Vec<&str> = known.lines().take(words).collect();
        fs::write(&file, known.join("\n")).unwrap();
        let ground = manifest.ground.as_mut().unwrap();
        ground.network = Network::of(&seqtr::GROUND, &config);
        ground.weights = Weights::named("seqtr.safetensors");
    })
    .unwrap();
}

fn posts() -> Vec<Post> {
    let world = World::new(0, Split::Train);
    (0..POSTS).map(|index| world.sample(index).into_post(&["a", "b"])).collect()
}

async fn annotate(config: &Config, posts: &[Post]) -> Vec<Annotation> {
    let bundle = open(config).unwrap();
    let metrics = Arc::new(Metrics::new());
    let endpoints = Endpoints::open(config, &metrics).await.unwrap();
    let variant = Variant { endpoints, ..Variant::default() };
    let runtime = Runtime::start(&bundle, config, variant, metrics).unwrap();
    let Runtime { pipeline, device, .. } = runtime;
    device.ready().await.unwrap();
    let mut annotations = Vec::new();
    for post in posts {
        annotations.push(pipeline.annotate(post).await.unwrap());
    }
    drop(pipeline);
    device.ended().await.unwrap();
    annotations
}

/// Checks what holds of every answer, whatever the networks; returns the number of regions.
fn assert_well_formed(variant: &str, post: &Post, annotation: &Annotation) -> usize {
    let keys: Vec<&str> = post.media.iter().map(|media| media.key.as_str()).collect();
    let (width, height) = (post.media[0].frame.width, post.media[0].frame.height);
    for triple in &annotation.triples {
        let span = triple.mention.span;
        assert_eq!(post.text[span.byte_start..span.byte_end], triple.mention.text, "{variant}");
        assert!(["LOC", "ORG", "OTHER", "PER"].contains(&triple.mention.entity_type.as_str()), "{variant}");
        let probability = 0.0..=1.0;
        assert!(probability.contains(&triple.mention.score), "{variant}: {triple:?}");
        let asked: Vec<&str> = triple.verdicts.iter().map(|verdict| verdict.media_key.as_str()).collect();
        assert_eq!(asked, keys, "{variant}: every picture is judged");
        assert!(triple.verdicts.iter().all(|verdict| verdict.depicted), "{variant}: the gate is open");
        assert!(
            triple.verdicts.iter().all(|verdict| probability.contains(&verdict.probability)),
            "{variant}"
        );
        let shown: Vec<&str> = triple.regions.iter().map(|region| region.media_key.as_str()).collect();
        assert_eq!(shown, keys, "{variant}: what is depicted is somewhere");
        for region in &triple.regions {
            let (bbox, mask) = (&region.bbox, &region.mask);
            assert!(0.0 <= bbox.x0 && bbox.x0 <= bbox.x1 && bbox.x1 <= width as f32, "{variant}: {bbox:?}");
            assert!(0.0 <= bbox.y0 && bbox.y0 <= bbox.y1 && bbox.y1 <= height as f32, "{variant}: {bbox:?}");
            assert!(probability.contains(&region.box_score), "{variant}: {}", region.box_score);
            assert_eq!((mask.width, mask.height), (width, height), "{variant}");
            assert_eq!(
                mask.runs.iter().sum::<u32>(),
                width * height,
                "{variant}: a mask of the whole picture"
            );
        }
    }
    annotation.triples.iter().map(|triple| triple.regions.len()).sum()
}

/// The output of one stage, as text.
fn stage_output(stage: Stage, annotations: &[Annotation]) -> Vec<String> {
    let triples = annotations.iter().flat_map(|annotation| &annotation.triples);
    match stage {
        Stage::Recognise => triples.map(|triple| format!("{:?}", triple.mention)).collect(),
        Stage::Entail => triples.map(|triple| format!("{:?}", triple.verdicts)).collect(),
        Stage::Ground => triples
            .flat_map(|triple| &triple.regions)
            .map(|region| format!("{:?} {}", region.bbox, region.box_score))
            .collect(),
        Stage::Segment => triples
            .flat_map(|triple| &triple.regions)
            .map(|region| format!("{:?} {}", region.mask, region.mask_score))
            .collect(),
        Stage::Retrieve => panic!("no annotation says what its post is like"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_variant_answers_with_the_networks_that_it_names() {
    let root = tempfile::tempdir().unwrap();
    let variants = variants();
    let named = variants.values().flat_map(|overlay| folders(&settings(overlay)).into_iter().flatten());
    write_all(root.path(), named);
    let posts = posts();
    let model = paper_model();
    let mut answers = BTreeMap::new();
    for (variant, overlay) in &variants {
        let config = asking(overlay, &model);
        let folders = folders(&config);
        let config = under(root.path(), config);
        let annotations = annotate(&config, &posts).await;
        assert_eq!(annotations.len(), posts.len());
        for triple in annotations.iter().flat_map(|annotation| &annotation.triples) {
            assert_eq!(triple.phrase.expansion.as_deref(), Some(EXPANSION), "{variant}");
        }
        let regions =
            posts.iter().zip(&annotations).map(|(post, one)| assert_well_formed(variant, post, one));
        assert_eq!(
            regions.sum::<usize>(),
            2 * stage_output(Stage::Recognise, &annotations).len(),
            "{variant}"
        );
        assert!(annotations.iter().map(|one| one.triples.len()).sum::<usize>() >= MENTIONS, "{variant}");
        assert_eq!(
            annotate(&config, &posts).await,
            annotations,
            "{variant} answers otherwise the second time"
        );
        answers.insert(variant, (folders, annotations));
    }
    for (one, (networks, annotations)) in &answers {
        for (other, (other_networks, other_annotations)) in answers.iter().filter(|(other, _)| *other > one) {
            assert_ne!(annotations, other_annotations, "{one} and {other}");
            let alike = |stage: Stage| networks[stage as usize] == other_networks[stage as usize];
            let agree = |stage| stage_output(stage, annotations) == stage_output(stage, other_annotations);
            assert_eq!(agree(Stage::Recognise), alike(Stage::Recognise), "{one} and {other}");
            // Equal mentions give equal phrases for the other stages.
            if alike(Stage::Recognise) {
                assert_eq!(agree(Stage::Entail), alike(Stage::Entail), "{one} and {other}");
                assert_eq!(agree(Stage::Ground), alike(Stage::Ground), "{one} and {other}");
                let follow = agree(Stage::Segment) || !alike(Stage::Ground);
                assert!(follow, "{one} and {other}: masks follow boxes");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_segmenter_the_contours_of_seqtr_are_the_masks() {
    let root = tempfile::tempdir().unwrap();
    let overlay = config_file("outlines.toml");
    let config = settings(&overlay);
    let path = config.bundle.path.clone();
    write_all(root.path(), folders(&config).into_iter().flatten().chain([path]));
    let mut config = under(root.path(), config);
    write_drawing(&config.bundle.ground);
    let posts = posts();
    let outlined = annotate(&config, &posts).await;
    let regions = posts.iter().zip(&outlined).map(|(post, one)| assert_well_formed("outlines", post, one));
    assert!(regions.sum::<usize>() >= 2 * MENTIONS);

    let bundle = open(&config).unwrap();
    let runtime = Runtime::start(&bundle, &config, Variant::default(), Arc::new(Metrics::new())).unwrap();
    let mut pixels = 0;
    for (post, annotation) in posts.iter().zip(&outlined) {
        for triple in &annotation.triples {
            for (media, region) in post.media.iter().zip(&triple.regions) {
                let located = runtime
                    .pipeline
                    .locate(Flow::default(), &triple.phrase, (media, ""))
                    .await
                    .unwrap()
                    .unwrap();
                let outline = located.outline.unwrap();
                assert_eq!(*region.mask, outline.mask(media.frame.width, media.frame.height));
                assert_eq!(region.mask_score, region.box_score);
                pixels += region.mask.area();
            }
        }
    }
    assert!(pixels > 0, "no outline encloses anything");

    // The segmenter of the same bundle gives other masks for the same boxes.
    config.bundle.segment = PathBuf::new();
    let segmented = annotate(&config, &posts).await;
    assert_eq!(stage_output(Stage::Ground, &segmented), stage_output(Stage::Ground, &outlined));
    assert_ne!(stage_output(Stage::Segment, &segmented), stage_output(Stage::Segment, &outlined));
}

#[test]
fn check_lists_the_bundles_of_the_stages_and_eval_scores_contours() {
    let root = tempfile::tempdir().unwrap();
    let overlay = config_file("outlines.toml");
    let config = settings(&overlay);
    let path = config.bundle.path.clone();
    write_all(root.path(), folders(&config).into_iter().flatten().chain([path]));
    let run = |arguments: &[&str]| {
        let mut command = binary();
        command.args(arguments).arg("--config").arg(&overlay).current_dir(root.path());
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, table, stderr) = run(&["check", "--skip", "kafka"]);
    assert_eq!(code, Some(0), "{stderr}{table}");
    for line in [
        "segment = \"none\"",
        "stage recognise",
        "of recognise-xlm-roberta-large 1 in bundles/published/recognise-xlm-roberta-large",
        "of ground-seqtr-refcoco-contour 1 in bundles/published/ground-seqtr-refcoco-contour",
        "none: the grounder's outlines are the masks",
    ] {
        assert!(table.contains(line), "{line} is not in\n{table}");
    }

    let (code, scores, stderr) = run(&["eval", "--posts", "2"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(scores.contains("SMNER") && scores.contains("2 posts, 0 of them without"), "{scores}");

    let ofa = ["check", "--skip", "kafka", "--set", "bundle.ground=bundles/published/entail-ofa-large"];
    let (code, table, _) = run(&ofa);
    assert_eq!(code, Some(1), "{table}");
    let expected =
        "bundle of `bundles/published/entail-ofa-large/bundle.toml` has no network for the stage `ground`";
    assert!(table.contains(expected), "{table}");
}
