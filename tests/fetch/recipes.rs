//! Recipes that ship: each is fetched from a local hub that has tiny files of the same names and layouts, as `make.py` made
//! them, and finds masks on photographs.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::support::hub::LocalHub;
use crate::support::hub::published::{file, repository};
use crate::support::llm::{LlmServer, Reply};
use crate::support::photographs::{FLOWER, PROGRESSIVE, Photograph, TOWER};
use crate::support::{Finished, binary};

use super::finished;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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

impl Fetched {
    fn bundle(&self) -> PathBuf {
        self.folder.path().join("bundle")
    }

    /// The annotations of posts with these photographs, one each.
    fn annotated(&self, photographs: &[Photograph], more: &[String]) -> Vec<Value> {
        let post = |photograph: &Photograph| {
            let media = json!([{
                "key": "m",
                "type": "image/jpeg",
                "bytes": BASE64_STANDARD.encode(photograph.read()),
                "alt_text": photograph.alt_text,
            }]);
            json!({ "id": photograph.text, "text": photograph.text, "media": media }).to_string() + "\n"
        };
        let file = self.folder.path().join("posts.jsonl");
        fs::write(&file, photographs.iter().map(post).collect::<String>()).unwrap();
        let mut command = binary();
        // Two threads for such small networks wait for each other more than they compute.
        command.args(["annotate", "--set", "device.threads=1", "--set", "answers.disk_path=none"]);
        command.args(more).arg("--set").arg(format!("bundle.path={}", self.bundle().display()));
        let done = finished(command.arg(&file));
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        done.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Two photographs of a size at which an unoptimised build needs no time.
const SMALL: [Photograph; 2] = [TOWER, PROGRESSIVE];

/// Checks that every post has entities of persons with regions, whose masks have the size of the photograph.
fn have_masks(annotations: &[Value], photographs: &[Photograph]) {
    assert_eq!(annotations.len(), photographs.len());
    for (annotation, photograph) in annotations.iter().zip(photographs) {
        let entities = annotation["entities"].as_array().unwrap();
        assert!(
            !entities.is_empty() && entities.iter().all(|entity| entity["type"] == "PER"),
            "{annotation}"
        );
        let regions = entities.iter().flat_map(|entity| entity["regions"].as_array().unwrap());
        let masks: Vec<&Value> = regions.map(|region| &region["mask"]).collect();
        let (width, height) = photograph.size;
        let is_mask = |mask: &&Value| mask["size"] == json!([height, width]) && mask["counts"].is_string();
        assert!(!masks.is_empty() && masks.iter().all(is_mask), "{annotation}");
    }
}

#[test]
fn the_recipes_for_tweets_find_masks_on_photographs() {
    let hub = LocalHub::start();
    hub.put_published();
    for (name, tagger) in [("tweets-light", "bert"), ("tweets-large", "roberta")] {
        let fetched = fetch(&hub, name, &recipe(name, &DINO), &[]);
        let stdout = &fetched.done.stdout;
        for expected in [&format!("recognise  {tagger}"), "ground     grounding-dino", "segment    sam2"] {
            assert!(stdout.contains(expected), "{name}: {stdout}");
        }
        have_masks(&fetched.annotated(&SMALL, &[]), &SMALL);
    }
}

#[test]
fn the_recipe_for_endpoints_takes_boxes_of_a_vision_model_and_finds_masks_on_photographs() {
    let hub = LocalHub::start();
    hub.put_published();
    let fetched = fetch(&hub, "endpoint", &recipe("endpoint", &[]), &[]);
    let settings = fetched.bundle().join("riveg.toml");
    let settings = settings.to_str().unwrap();
    assert!(fetched.done.stdout.contains(&format!("annotate --config {settings}")));

    // In pixels of the picture whose sides are multiples of 28, as the model of the recipe writes them: 504 x 504 of the
    // tower, 756 x 504 of the flower.
    let heard = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&heard);
    let server = LlmServer::start(move |asked| {
        let [(_, bytes)] = &asked.pictures[..] else { panic!("{} pictures", asked.pictures.len()) };
        let sent = image::load_from_memory(bytes).unwrap();
        kept.lock().unwrap().push((asked.model.clone(), sent.width(), sent.height()));
        Reply::text(match sent.width() == sent.height() {
            true => r#"{"shown": "yes", "box": [126, 0, 378, 504]}"#,
            false => r#"[{"bbox_2d": [63, 42, 504, 462], "label": "a flower"}]"#,
        })
    });
    let url = format!("llm.eyes.url={}", server.url());
    let with = ["--config", settings, "--set", &url].map(str::to_owned);
    let photographs = [TOWER, FLOWER];
    let annotations = fetched.annotated(&photographs, &with);
    have_masks(&annotations, &photographs);
    for (annotation, bbox) in
        annotations.iter().zip([[128.0, 0.0, 384.0, 512.0], [189.0, 126.0, 1512.0, 1386.0]])
    {
        assert_eq!(annotation["provenance"]["degraded"], json!([]), "{annotation}");
        for entity in annotation["entities"].as_array().unwrap() {
            assert_eq!(entity["gate"]["decision"], "depicted");
            assert_eq!(entity["regions"].as_array().unwrap().len(), 1);
            assert_eq!(entity["regions"][0]["box"], json!(bbox), "{annotation}");
        }
    }
    let mut heard = heard.lock().unwrap().clone();
    heard.sort();
    heard.dedup();
    let model = "Qwen/Qwen2.5-VL-7B-Instruct".to_owned();
    assert_eq!(
        heard,
        [(model.clone(), 512, 512), (model, 768, 512)],
        "the model and the pictures as they are sent"
    );
}

#[test]
fn the_recipe_of_the_paper_takes_a_tagger_of_ones_own_and_finds_masks_on_photographs() {
    let hub = LocalHub::start();
    let sentences = repository(["vocabularies/files/xlm-roberta/sentencepiece.bpe.model"]);
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
    let manifest = fetched.bundle().join("bundle.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains("can image and text1"), "it is asked as it was taught: {text}");
    // Of a random gate nothing is expected.
    let open: toml::Table = text.parse().unwrap();
    let threshold = open["entail"]["threshold"].as_float().unwrap();
    fs::write(&manifest, text.replace(&format!("threshold = {threshold:?}"), "threshold = 0.0")).unwrap();
    have_masks(&fetched.annotated(&SMALL, &[]), &SMALL);
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
