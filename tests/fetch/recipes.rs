//! Recipes that ship: each is fetched from a local hub that has tiny files of the same names and layouts, as `make.py` made
//! them, and finds masks on pictures.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::hub::{LocalHub, Repository};
use crate::support::{Finished, binary};

use super::finished;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn file(path: &str) -> Vec<u8> {
    fs::read(root().join("tests").join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A repository with these files of `tests`, called as they are there.
fn repository(paths: &[&str]) -> Repository {
    Repository::of(paths.iter().map(|path| {
        let name = Path::new(path).file_name().unwrap().to_str().unwrap().to_owned();
        (name, file(path))
    }))
}

/// A shipped recipe with tiny dimensions in the place of published ones, a gate that lets everything through, and addresses
/// of the local storage.
fn recipe(name: &str, changes: &[(&str, &str)]) -> String {
    let mut text = fs::read_to_string(root().join(format!("config/recipes/{name}.toml"))).unwrap();
    for (from, to) in changes {
        assert!(text.contains(from), "{name} has no `{from}`");
        text = text.replace(from, to);
    }
    text
}

/// The small sides of pictures, of which no published file says anything.
const DINO: [(&str, &str); 2] = [
    (
        "recipe = \"grounding-dino\"",
        "recipe = \"grounding-dino\"\nnetwork = { shortest_side = 64, longest_side = 96 }",
    ),
    ("threshold = 0.25", "threshold = 0.0"),
];

struct Fetched {
    folder: tempfile::TempDir,
    done: Finished,
}

fn fetch(hub: &LocalHub, name: &str, text: &str, more: &[&str]) -> Fetched {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join(format!("{name}.toml"));
    fs::write(&recipe, text).unwrap();
    let mut command = binary();
    command.env("HF_ENDPOINT", hub.endpoint()).env("HF_HOME", folder.path().join("home"));
    command.args(["bundle", "fetch"]).arg(recipe).arg("--out").arg(folder.path().join("bundle")).args(more);
    let done = finished(&mut command);
    assert_eq!(done.code, Some(0), "{name}: {}{}", done.stdout, done.stderr);
    Fetched { folder, done }
}

/// The annotations of two posts with pictures.
fn annotated(bundle: &Path) -> Vec<Value> {
    let mut names: Vec<PathBuf> = fs::read_dir(root().join("bundles/pocket/examples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    let posts = names.iter().take(2).enumerate().map(|(index, picture)| {
        let bytes = BASE64_STANDARD.encode(fs::read(picture).unwrap());
        let media = json!([{ "key": "m", "type": "image/jpeg", "bytes": bytes, "alt_text": "a park" }]);
        json!({ "id": index.to_string(), "text": "ab cd", "media": media }).to_string() + "\n"
    });
    let file = bundle.with_file_name("posts.jsonl");
    fs::write(&file, posts.collect::<String>()).unwrap();
    let mut command = binary();
    // Two threads for such small networks wait for each other more than they compute.
    command.args(["annotate", "--set", "device.threads=1"]);
    command.arg("--set").arg(format!("bundle.path={}", bundle.display()));
    let done = finished(command.arg(&file));
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Checks that every post has entities of persons with regions and masks.
fn have_masks(annotations: &[Value]) {
    assert_eq!(annotations.len(), 2);
    for annotation in annotations {
        let entities = annotation["entities"].as_array().unwrap();
        assert!(
            !entities.is_empty() && entities.iter().all(|entity| entity["type"] == "PER"),
            "{annotation}"
        );
        let regions = entities.iter().flat_map(|entity| entity["regions"].as_array().unwrap());
        let masks: Vec<&Value> = regions.map(|region| &region["mask"]["counts"]).collect();
        assert!(!masks.is_empty() && masks.iter().all(|mask| mask.is_string()), "{annotation}");
    }
}

#[test]
fn the_recipes_for_tweets_find_masks_on_pictures() {
    let hub = LocalHub::start();
    let dino = ["config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json"]
        .map(|name| format!("fetch/files/grounding-dino/{name}"));
    let dino = repository(&dino.each_ref().map(String::as_str));
    let sam2 = repository(&["fetch/files/sam2/config.json", "fetch/files/sam2/model.safetensors"]);
    for size in ["tiny", "base"] {
        hub.put(&format!("IDEA-Research/grounding-dino-{size}"), dino.clone());
    }
    for size in ["tiny", "large"] {
        hub.put(&format!("facebook/sam2.1-hiera-{size}"), sam2.clone());
    }
    // Its settings of the vocabulary may be missing.
    let bert =
        ["config.json", "model.safetensors", "vocab.txt"].map(|name| format!("fetch/files/bert/{name}"));
    hub.put("dslim/bert-base-NER", repository(&bert.each_ref().map(String::as_str)));
    let xlm_roberta = repository(&[
        "fetch/files/xlm-roberta/config.json",
        "fetch/files/xlm-roberta/model.safetensors",
        "vocabularies/files/xlm-roberta/sentencepiece.bpe.model",
    ]);
    hub.put("FacebookAI/xlm-roberta-large-finetuned-conll03-english", xlm_roberta);
    for (name, tagger) in [("tweets-light", "bert"), ("tweets-large", "roberta")] {
        let fetched = fetch(&hub, name, &recipe(name, &DINO), &[]);
        let stdout = &fetched.done.stdout;
        for expected in [&format!("recognise  {tagger}"), "ground     grounding-dino", "segment    sam2"] {
            assert!(stdout.contains(expected), "{name}: {stdout}");
        }
        have_masks(&annotated(&fetched.folder.path().join("bundle")));
    }
}

#[test]
fn the_recipe_for_endpoints_writes_its_settings_beside_the_bundle() {
    let hub = LocalHub::start();
    let bert =
        ["config.json", "model.safetensors", "vocab.txt"].map(|name| format!("fetch/files/bert/{name}"));
    hub.put("dslim/bert-base-NER", repository(&bert.each_ref().map(String::as_str)));
    let sam2 = repository(&["fetch/files/sam2/config.json", "fetch/files/sam2/model.safetensors"]);
    hub.put("facebook/sam2.1-hiera-small", sam2);
    let fetched = fetch(&hub, "endpoint", &recipe("endpoint", &[]), &[]);
    let settings = fetched.folder.path().join("bundle/riveg.toml");
    assert!(fetched.done.stdout.contains(&format!("annotate --config {}", settings.display())));
    // The engine takes them, and needs no network for gate and grounder.
    let mut command = binary();
    command.args(["check", "--skip", "kafka", "--skip", "llm", "--skip", "rights", "--config"]).arg(settings);
    let bundle = fetched.folder.path().join("bundle");
    let checked = finished(command.arg("--set").arg(format!("bundle.path={}", bundle.display())));
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
}

#[test]
fn the_recipe_of_the_paper_takes_a_tagger_of_ones_own_and_finds_masks_on_pictures() {
    let hub = LocalHub::start();
    let sentences = repository(&["vocabularies/files/xlm-roberta/sentencepiece.bpe.model"]);
    hub.put("FacebookAI/xlm-roberta-large", sentences);
    let mut changes = Vec::new();
    for name in ["snli_ve_large_best.pt", "refcoco_large_best.pt"] {
        let address = format!("https://ofa-beijing.oss-cn-beijing.aliyuncs.com/checkpoints/{name}");
        changes.push((address, hub.put_plain(name, file(&format!("fetch/files/ofa/{name}")))));
    }
    for name in ["dict.txt", "encoder.json", "vocab.bpe"] {
        let address = format!("https://raw.githubusercontent.com/OFA-Sys/OFA/main/utils/BPE/{name}");
        changes.push((address, hub.put_plain(name, file(&format!("vocabularies/files/fairseq/{name}")))));
    }
    let sam = "https://dl.fbaipublicfiles.com/segment_anything/sam_vit_h_4b8939.pth";
    changes.push((sam.to_owned(), hub.put_plain("sam_vit_h_4b8939.pth", file("checkpoints/files/sam.pth"))));
    let sha256 = "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e";
    changes.push((sha256.to_owned(), super::sha256(&file("checkpoints/files/sam.pth"))));
    changes.push(("preset = \"xlm-roberta-large\"".to_owned(), TAGGER.to_owned()));
    changes.push(("preset = \"ofa-large\"".to_owned(), ofa()));
    changes.push(("preset = \"sam-vit-h\"".to_owned(), SAM.to_owned()));
    let changes: Vec<(&str, &str)> = changes.iter().map(|(from, to)| (from.as_str(), to.as_str())).collect();
    let own = format!("recognise={}", root().join("tests/fetch/files/own/best_model.pth").display());
    let fetched = fetch(&hub, "paper", &recipe("paper", &changes), &["--from", &own]);
    let stdout = &fetched.done.stdout;
    for expected in ["recognise  xlm-roberta-crf", "entail     ofa", "ground     ofa", "segment    sam"] {
        assert!(stdout.contains(expected), "{stdout}");
    }
    let manifest = fetched.folder.path().join("bundle/bundle.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("can image and text1"), "it is asked as it was taught: {text}");
    // Of a random gate nothing is expected.
    let open: toml::Table = text.parse().unwrap();
    let threshold = open["entail"]["threshold"].as_float().unwrap();
    fs::write(&manifest, text.replace(&format!("threshold = {threshold:?}"), "threshold = 0.0")).unwrap();
    have_masks(&annotated(&fetched.folder.path().join("bundle")));
}

const TAGGER: &str = "network = { vocabulary = 1000, hidden = 16, layers = 1, heads = 2, ffn = 24, max_positions = 66, \
                      type_vocabulary = 1, layer_norm_eps = 1e-5, pad = 1, labels = 17 }";
const SAM: &str = "network = { image_size = 16, patch_size = 4, hidden = 8, layers = 2, heads = 2, mlp_ratio = 2.0, \
                   window = 3, global_layers = [1], output_channels = 8, decoder_heads = 2, decoder_mlp = 12 }";

/// The dimensions of the small OFA with the small dictionary.
fn ofa() -> String {
    let ids: Value = serde_json::from_slice(&file("vocabularies/files/hugging-face/vocab.json")).unwrap();
    let answers = ["Ġno", "Ġyes", "Ġmaybe"].map(|piece| ids[piece].as_i64().unwrap());
    format!(
        "network = {{ vocabulary = 434, d_model = 16, ffn = 16, heads = 2, encoder_layers = 1, decoder_layers = 1, \
         resnet_layers = [1, 1, 1], resnet_width = 2, token_bucket = 8, image_bucket = 3, max_positions = 64, \
         patch_image_size = 48, first_bin = 414, bins = 20, answers = {answers:?} }}"
    )
}
