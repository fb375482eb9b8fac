//! The real networks, tiny and untrained, behind the real scheduler.

use std::path::Path;

use futures_util::future::join_all;

use super::*;
use crate::config::Sources;
use crate::domain::{Annotation, Post};
use crate::lab::world::{Split, World};
use crate::networks::blocks::device::cores;
use crate::networks::bundle::{Manifest, tiny};
use crate::scheduler::Budget;
use crate::stages::lexicon::Lexicon;

mod budgets;
mod joint;
mod proposals;

fn config() -> Config {
    Config::load(&Sources::default()).unwrap().config
}

/// Of many seeds this one makes networks that find something in most pictures, and not everything.
const SEED: u64 = 8;

fn bundle() -> (tempfile::TempDir, Bundle) {
    let folder = tempfile::tempdir().unwrap();
    tiny::write_bundle(folder.path(), SEED).unwrap();
    let bundle = Bundle::open(folder.path()).unwrap();
    (folder, bundle)
}

fn start(bundle: &Bundle, variant: Variant) -> Runtime {
    Runtime::start(bundle, &config(), variant, Arc::new(Metrics::new())).unwrap()
}

/// Posts of the world; every fourth has its picture twice.
fn posts(count: u64) -> Vec<Post> {
    let world = World::new(1, Split::Train);
    let keys = |index: u64| if index.is_multiple_of(4) { &["a", "b"][..] } else { &["a"] };
    (0..count).map(|index| world.sample(index).into_post(keys(index))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_side_by_side_get_the_answers_that_each_alone_gets() {
    let (_folder, bundle) = bundle();
    let runtime = start(&bundle, Variant::default());
    runtime.device.ready().await.unwrap();
    let posts = posts(12);
    let mut alone = Vec::new();
    for post in &posts {
        alone.push(runtime.pipeline.annotate(post).await.unwrap());
    }
    // Another runtime, which remembers nothing of these pictures.
    let metrics = Arc::new(Metrics::new());
    let runtime = Runtime::start(&bundle, &config(), Variant::default(), Arc::clone(&metrics)).unwrap();
    let together = join_all(posts.iter().map(|post| runtime.pipeline.annotate(post))).await;
    let regions =
        |annotation: &Annotation| annotation.triples.iter().map(|triple| triple.regions.len()).sum::<usize>();
    assert!(alone.iter().map(regions).sum::<usize>() > 10, "there is something to compare");
    for ((post, alone), together) in posts.iter().zip(&alone).zip(together) {
        compare(&post.text, alone, &together.unwrap());
    }
    drop(runtime);
    for what in [
        r#"riveg_pictures_read_total{stage="entail"}"#,
        r#"riveg_pictures_read_total{stage="ground"}"#,
        r#"riveg_pictures_read_total{stage="segment"}"#,
    ] {
        assert!(counted(&metrics, what) > 8, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_devices_draw_from_the_same_lanes_and_each_remembers_for_itself() {
    let (_folder, bundle) = bundle();
    let posts = posts(12);
    let answers = async |names: &[&str]| {
        let mut config = config();
        config.device.name = names.iter().map(|&name| name.to_owned()).collect();
        config.device.executors = 1;
        let metrics = Arc::new(Metrics::new());
        let runtime = Runtime::start(&bundle, &config, Variant::default(), Arc::clone(&metrics)).unwrap();
        runtime.device.ready().await.unwrap();
        let warmed = runtime.picture_runs.segment.get();
        let all = join_all(posts.iter().map(|post| runtime.pipeline.annotate(post))).await;
        let answers: Vec<Annotation> = all.into_iter().map(Result::unwrap).collect();
        (answers, warmed, runtime.remembered.all_bytes(), metrics.render())
    };
    // The settings refuse the same device twice. Here it stands for two that this machine does not have.
    let (one, warmed_by_one, remembered_by_one, _) = answers(&["cpu"]).await;
    let (two, warmed_by_two, remembered_by_two, metrics) = answers(&["cpu", "cpu"]).await;
    for ((post, one), two) in posts.iter().zip(&one).zip(&two) {
        compare(&post.text, one, two);
    }
    assert_eq!(warmed_by_two, 2 * warmed_by_one, "each device is warmed up");
    assert!(remembered_by_two > remembered_by_one, "{remembered_by_two} and {remembered_by_one} bytes");
    let budget = 2 * config().device.trunk_cache.as_u64();
    let line = format!("riveg_device_memory_bytes{{device=\"cpu, cpu\",state=\"limit\"}} {budget}\n");
    assert!(metrics.contains(&line), "{line}{metrics}");
}

#[tokio::test]
async fn warming_up_reads_every_picture_anew_so_that_batches_of_new_pictures_are_measured() {
    let (_folder, bundle) = bundle();
    let runtime = start(&bundle, Variant::default());
    runtime.device.ready().await.unwrap();
    // Batches of 1, 2, 4 and all that a budget allows, each once to prepare and once to measure, by each executor.
    let executors = config().device.layout(cores()).executors;
    let samples = |budget: Budget| {
        let largest = budget.max_requests.get();
        let sizes = (0..).map(|power| 1 << power).take_while(|size| *size < largest).chain([largest]);
        (2 * sizes.sum::<usize>() * executors) as u64
    };
    let (runs, budgets) = (&runtime.picture_runs, config().scheduler);
    let read = [&runs.entail, &runs.ground, &runs.segment].map(PictureCount::get);
    assert_eq!(read, [budgets.entail, budgets.ground, budgets.segment].map(samples));
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_are_counted_where_operators_look() {
    let (_folder, bundle) = bundle();
    let metrics = Arc::new(Metrics::new());
    let runtime = Runtime::start(&bundle, &config(), Variant::default(), Arc::clone(&metrics)).unwrap();
    let post = &posts(1)[0];
    let requests = |kind: &str, outcome: &str| {
        counted(&metrics, &format!("riveg_cache_requests_total{{kind=\"{kind}\",outcome=\"{outcome}\"}}"))
    };
    runtime.device.ready().await.unwrap();
    runtime.watch_remembered(&metrics);
    runtime.pipeline.annotate(post).await.unwrap();
    let made = requests("scaled-pictures", "miss");
    assert!(made > 0);
    runtime.pipeline.annotate(post).await.unwrap();
    assert_eq!(requests("scaled-pictures", "miss"), made, "what is there is not made again");
    assert!(requests("scaled-pictures", "hit") > 0);
    for (kind, stage) in
        [("entailer-trunk", "entail"), ("grounder-trunk", "ground"), ("encoded-pictures", "segment")]
    {
        let asked = counted(&metrics, &format!("riveg_stage_latency_seconds_count{{stage=\"{stage}\"}}"));
        let (hits, misses) = (requests(kind, "hit"), requests(kind, "miss"));
        assert!(asked > 1 && misses < asked, "{kind}: {misses} of {asked}");
        assert_eq!(hits + misses, asked, "{kind}: what was read while warming up is not counted");
    }
    for kind in ["scaled-pictures", "entailer-trunk", "encoded-pictures"] {
        assert!(counted(&metrics, &format!("riveg_cache_entries{{kind=\"{kind}\"}}")) > 0, "{kind}");
        assert!(counted(&metrics, &format!("riveg_cache_bytes{{kind=\"{kind}\"}}")) > 100, "{kind}");
    }
    drop(runtime);
    assert_eq!(requests("scaled-pictures", "miss"), made, "what was counted stays when its owner has gone");
}

/// The value of a counter among the metrics.
fn counted(metrics: &Metrics, name: &str) -> u64 {
    let text = metrics.render();
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.unwrap_or_else(|| panic!("no {name} in\n{text}")).trim().parse().unwrap()
}

/// Equal decisions; scores up to the order in which a batch adds numbers up.
fn compare(text: &str, alone: &Annotation, together: &Annotation) {
    assert_eq!(alone.triples.len(), together.triples.len(), "{text}");
    let near = |left: f32, right: f32| assert!((left - right).abs() < 1e-4, "{left} and {right} in {text}");
    for (left, right) in alone.triples.iter().zip(&together.triples) {
        assert_eq!(
            (&left.mention.text, left.mention.span),
            (&right.mention.text, right.mention.span),
            "{text}"
        );
        assert_eq!(left.mention.entity_type, right.mention.entity_type, "{text}");
        assert_eq!(left.phrase, right.phrase, "{text}");
        near(left.mention.score, right.mention.score);
        assert_eq!(left.verdicts.len(), right.verdicts.len(), "{text}");
        for (left, right) in left.verdicts.iter().zip(&right.verdicts) {
            assert_eq!((&left.media_key, left.depicted), (&right.media_key, right.depicted), "{text}");
            near(left.probability, right.probability);
        }
        assert_eq!(left.regions.len(), right.regions.len(), "{text}");
        for (left, right) in left.regions.iter().zip(&right.regions) {
            assert_eq!((&left.media_key, left.bbox), (&right.media_key, right.bbox), "{text}");
            near(left.box_score, right.box_score);
            near(left.mask_score, right.mask_score);
            assert!(left.mask == right.mask || left.mask.iou(&right.mask) > 0.99, "{text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_variant_leaves_out_what_it_says() {
    let (_folder, bundle) = bundle();
    let posts = posts(8);
    let annotate = async |variant| {
        let runtime = start(&bundle, variant);
        let all = join_all(posts.iter().map(|post| runtime.pipeline.annotate(post))).await;
        all.into_iter().flat_map(|annotation| annotation.unwrap().triples).collect::<Vec<_>>()
    };
    let open = annotate(Variant { gate: Gate::Open, ..Variant::default() }).await;
    assert!(!open.is_empty() && open.iter().all(|triple| triple.regions.len() == triple.verdicts.len()));
    let nobody = annotate(Variant { expansions: Expansions::Disabled, ..Variant::default() }).await;
    assert!(!nobody.is_empty() && nobody.iter().all(|triple| triple.phrase.expansion.is_none()));
    let lexicon = nobody.iter().map(|triple| {
        let mention = &triple.mention;
        serde_json::json!({ "surface": mention.text, "type": mention.entity_type.as_str(), "expansion": "a cup" })
            .to_string()
    });
    let lines = lexicon.collect::<Vec<_>>().join("\n");
    let given = Expansions::Given(Lexicon::read(lines.as_bytes(), Path::new("given")).unwrap());
    let given = annotate(Variant { expansions: given, ..Variant::default() }).await;
    assert!(given.iter().all(|triple| triple.phrase.expansion.as_deref() == Some("a cup")));
}

#[tokio::test]
async fn the_device_ends_when_nobody_holds_the_pipeline() {
    let (_folder, bundle) = bundle();
    let Runtime { pipeline, device, .. } = start(&bundle, Variant::default());
    device.ready().await.unwrap();
    drop(pipeline);
    device.ended().await.unwrap();
    device.join().unwrap();
}

#[test]
fn what_does_not_fit_is_named() {
    let (folder, bundle) = bundle();
    let mut elsewhere = config();
    elsewhere.device.name = "cuda:99".into();
    let started = |config: &Config, bundle: &Bundle| {
        let error =
            Runtime::start(bundle, config, Variant::default(), Arc::new(Metrics::new())).err().unwrap();
        error.to_string()
    };
    assert!(started(&elsewhere, &bundle).contains("no device `cuda:99`"));

    let mut no_lexicon = config();
    no_lexicon.expand.lexicon = folder.path().join("none.jsonl");
    assert!(started(&no_lexicon, &bundle).contains("none.jsonl"));

    // The tokenizer of the prompts in the tagger's place knows more pieces than the tagger has rows.
    let file = folder.path().join("bundle.toml");
    let manifest = std::fs::read_to_string(&file).unwrap();
    let mut manifest: toml::Table = manifest.parse().unwrap();
    let ofa = manifest["entail"]["tokenizer"].clone();
    manifest["recognise"].as_table_mut().unwrap().insert("tokenizer".to_owned(), ofa);
    std::fs::write(&file, manifest.to_string()).unwrap();
    let error = started(&config(), &Bundle::open(folder.path()).unwrap());
    assert!(error.contains("pieces, but the network of stage `recognise` has"), "{error}");
}

/// The untrained bundle with a SeqTR in the grounder's place, whose bundle is in `folder`.
fn with_seqtr(folder: &Path, change: impl FnOnce(&mut Manifest)) -> (tempfile::TempDir, Bundle) {
    tiny::write_stage(folder, (Stage::Ground, "seqtr-refcoco"), 3, change).unwrap();
    let (base, bundle) = bundle();
    (base, bundle.with_stage(Stage::Ground, Bundle::open(folder).unwrap()).unwrap())
}

#[test]
fn a_list_of_words_must_be_the_networks_own() {
    let folder = tempfile::tempdir().unwrap();
    let mut rows = 0;
    let (_base, bundle) = with_seqtr(folder.path(), |manifest| {
        let network = &mut manifest.ground.as_mut().unwrap().network;
        rows = network.reads().rows + 1;
        network.dimensions_mut().replace("vocabulary", rows);
    });
    let error = vocabularies::ground_phrases(&bundle).unwrap_err().to_string();
    let file = folder.path().join("words.txt");
    let expected =
        format!("`{}` has {} words, but the network of stage `ground` has {rows}", file.display(), rows - 1);
    assert_eq!(error, expected);
}

#[test]
fn a_bundle_that_cannot_say_which_pixels_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_base, bundle) = with_seqtr(folder.path(), |_| ());
    let bundle = bundle.without_segmenter();
    let started = Runtime::start(&bundle, &config(), Variant::default(), Arc::new(Metrics::new()));
    let error = started.err().unwrap().to_string();
    assert!(
        error.contains("`segment`, and the one for the stage `ground` (seqtr) draws no outlines"),
        "{error}"
    );
}
