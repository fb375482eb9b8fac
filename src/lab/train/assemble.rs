//! Bundle assembly: from checkpoints to averaged weights as 16-bit floats, vocabularies, lexicon and manifest.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, Result, ensure};
use tch::{Kind, Tensor};

use super::ofa::AUXILIARY;
use super::pocket::{Network, OFA_TOKENIZER, TAGGER_TOKENIZER, TrainingRun, ofa_vocabulary};
use super::recipe;
use crate::lab::world::{Sample, Split, World, annotation, lexicon};
use crate::networks::blocks::crf::CrfScope;
use crate::networks::blocks::words::{Decoding, Pooling};
use crate::networks::bundle::{
    Entail, FileEntry, Ground, Manifest, Precision, Recognise, Segment, Weights, save_weights, write_manifest,
};
use crate::networks::descriptor::Network as Described;
use crate::networks::{ofa, sam, tagger};
use crate::stages::expand::PhraseTemplate;
use crate::stages::knowledge::Example;
use crate::stages::recognise::{TagScheme, TextStyle, WordTokenizer};

/// Seed of the world of the lexicon, the demo and the evaluation.
pub const DEMO_SEED: u64 = 0;
/// Posts whose names the lexicon holds.
const KNOWN_POSTS: u64 = 2_000;
const LEXICON: &str = "lexicon.jsonl";
/// Annotated posts of the training world; published example sets have 120 to 200.
const EXAMPLES: &str = "examples.jsonl";
const EXAMPLE_PICTURES: &str = "examples";
const ANNOTATED_POSTS: u64 = 120;

/// Writes the bundle of a run's checkpoints into `out`.
///
/// # Errors
/// If a checkpoint or vocabulary is missing, or `out` cannot be written.
pub fn assemble(run: &TrainingRun, out: &Path) -> Result<()> {
    fs::create_dir_all(out).with_context(|| format!("failed to create `{}`", out.display()))?;
    let mut steps = Vec::new();
    for network in Network::ALL {
        let checkpoint = run.folder.join(network.file());
        let done = export(&checkpoint, &out.join(network.file()), |name| !name.starts_with(AUXILIARY))?;
        steps.push(format!("{} {done}", network.name()));
    }
    for file in [TAGGER_TOKENIZER, OFA_TOKENIZER] {
        let from = run.folder.join(file);
        fs::copy(&from, out.join(file)).with_context(|| format!("failed to copy `{}`", from.display()))?;
    }
    write_lexicon(&out.join(LEXICON))?;
    write_examples(&run.world(Split::Train), out)?;
    write_manifest(out, manifest(run, &steps.join(", "))?)?;
    Ok(())
}

/// Writes the shipped part of a checkpoint's averaged weights; returns the number of training steps.
pub(super) fn export(checkpoint: &Path, out: &Path, is_shipped: impl Fn(&str) -> bool) -> Result<i64> {
    ensure!(checkpoint.exists(), "`{}` is missing: train that network first", checkpoint.display());
    let tensors = Tensor::read_safetensors(checkpoint)
        .with_context(|| format!("failed to read the checkpoint `{}`", checkpoint.display()))?;
    let done = tensors.iter().find(|(name, _)| name == "step").map(|(_, step)| step.int64_value(&[0]));
    let averaged = tensors.into_iter().filter_map(|(name, tensor)| {
        let name = name.strip_prefix("average/")?;
        is_shipped(name).then(|| (name.to_owned(), tensor))
    });
    save_weights(averaged, out, Kind::Half)?;
    Ok(done.unwrap_or_default())
}

fn write_lexicon(path: &Path) -> Result<()> {
    let failed = || format!("failed to write the lexicon `{}`", path.display());
    let mut file = std::io::BufWriter::new(fs::File::create(path).with_context(failed)?);
    for entry in lexicon(&World::new(DEMO_SEED, Split::Test), KNOWN_POSTS) {
        serde_json::to_writer(&mut file, &entry).with_context(failed)?;
        file.write_all(b"\n").with_context(failed)?;
    }
    file.flush().with_context(failed)
}

/// Writes posts of the training world with correct annotations and their pictures.
fn write_examples(world: &World, out: &Path) -> Result<()> {
    let folder = out.join(EXAMPLE_PICTURES);
    let failed = || format!("failed to write pictures into `{}`", folder.display());
    fs::create_dir_all(&folder).with_context(failed)?;
    let mut examples = Vec::new();
    for index in 0..ANNOTATED_POSTS {
        let Sample { id, text, picture, .. } = world.sample(index);
        let seen: Vec<String> = picture.objects.into_iter().map(|object| object.description).collect();
        let caption = format!("a picture of {}", seen.join(" and "));
        let file = format!("{id}.jpg");
        fs::write(folder.join(&file), picture.jpeg).with_context(failed)?;
        let picture = Some(Path::new(EXAMPLE_PICTURES).join(file));
        examples.push(Example { id, text, caption, annotation: annotation(&world.entities(index)), picture });
    }
    Ok(Example::write(&examples, &out.join(EXAMPLES))?)
}

fn manifest(run: &TrainingRun, steps: &str) -> Result<Manifest> {
    let (_, config) = ofa_vocabulary(run)?;
    let tagger_tokenizer = run.folder.join(TAGGER_TOKENIZER);
    let pieces = WordTokenizer::load(&tagger_tokenizer, recipe::tagger(0).max_pieces())?.vocabulary();
    let weights = |network: Network| Weights::named(network.file());
    Ok(Manifest {
        name: "pocket".to_owned(),
        version: "1".to_owned(),
        made: format!(
            "`riveg train pocket --seed {}` of revision {} on the pocket world, {}; steps: {steps}",
            run.seed,
            env!("RIVEG_REVISION"),
            humantime::format_rfc3339_seconds(SystemTime::now())
        ),
        entity_types: recipe::ENTITY_TYPES.map(str::to_owned).to_vec(),
        phrase: PhraseTemplate::default(),
        lexicon: Some(FileEntry::named(LEXICON)),
        examples: Some(FileEntry::named(EXAMPLES)),
        know: None,
        joint: None,
        recognise: Some(Recognise {
            precision: Precision::F32,
            weights: weights(Network::Tagger),
            tokenizer: Some(FileEntry::named(TAGGER_TOKENIZER)),
            scheme: TagScheme::Bioes,
            labels: Vec::new(),
            types: BTreeMap::new(),
            crf: CrfScope::Tweet,
            text: TextStyle::Plain,
            pooling: Pooling::First,
            decoding: Decoding::Argmax,
            network: Described::of(&tagger::XLM_ROBERTA_CRF, &recipe::tagger(pieces as i64)),
            self_test: Vec::new(),
            training: None,
        }),
        entail: Some(Entail {
            prompt: recipe::ENTAIL_PROMPT.to_owned(),
            threshold: recipe::GATE_THRESHOLD,
            precision: Precision::F32,
            weights: weights(Network::Ofa),
            tokenizer: Some(FileEntry::named(OFA_TOKENIZER)),
            network: Described::of(&ofa::ENTAIL, &config),
            self_test_question: None,
            self_test: Vec::new(),
            training: None,
        }),
        ground: Some(Ground {
            prompt: recipe::GROUND_PROMPT.to_owned(),
            beam: recipe::BEAM,
            bins_only: true,
            threshold: 0.0,
            precision: Precision::F32,
            weights: weights(Network::Ofa),
            tokenizer: Some(FileEntry::named(OFA_TOKENIZER)),
            network: Described::of(&ofa::GROUND, &config),
            self_test_question: None,
            self_test: Vec::new(),
            training: None,
        }),
        segment: Some(Segment {
            precision: Precision::F32,
            weights: weights(Network::Segmenter),
            network: Described::of(&sam::SEGMENT, &recipe::sam()),
            self_test: Vec::new(),
            training: None,
        }),
    })
}
