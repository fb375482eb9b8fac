//! Local hub: the published repositories of the recipes with tiny files of random weights, behind the hub's protocol, and
//! posts with photographs. Run `scripts/local-hub`; it prints the commands to try.
#![expect(clippy::unwrap_used, reason = "what cannot be set up ends the run, with a word where it happened")]

#[path = "../tests/support/hub/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests ask for faults too")]
mod hub;
#[path = "../tests/support/llm/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests ask for more of it")]
mod llm;
#[path = "../tests/support/photographs.rs"]
#[expect(dead_code, reason = "the tests compare sizes")]
mod photographs;

use std::fs;
use std::path::Path;
use std::thread;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use hub::LocalHub;
use llm::{LlmServer, Reply};
use photographs::{FLOWER, TOWER};

/// What everything is written below.
const FOLDER: &str = "target/local-hub";

fn main() {
    let hub = LocalHub::start();
    hub.put_published();
    // The stand-in of a vision model sees everything in the middle of a picture.
    let eyes = LlmServer::start(|_| Reply::text(r#"{"shown": "yes", "box": [126, 126, 378, 378]}"#));
    let folder = Path::new(FOLDER);
    fs::create_dir_all(folder).unwrap();
    let posts = [TOWER, FLOWER].map(|photograph| {
        let bytes = BASE64_STANDARD.encode(photograph.read());
        let media =
            json!([{"key": "m", "type": "image/jpeg", "bytes": bytes, "alt_text": photograph.alt_text}]);
        json!({"id": photograph.text, "text": photograph.text, "media": media}).to_string() + "\n"
    });
    fs::write(folder.join("posts.jsonl"), posts.concat()).unwrap();
    let (endpoint, url) = (hub.endpoint(), eyes.url());
    println!(
        "This hub has tiny files of random weights under the published names: what they find means nothing.\n\
         Type in another terminal, in this folder:\n\
         \n\
         export HF_ENDPOINT={endpoint} HF_HOME={FOLDER}/cache\n\
         target/debug/riveg bundle fetch tweets-light --out {FOLDER}/light\n\
         target/debug/riveg annotate --set bundle.path={FOLDER}/light {FOLDER}/posts.jsonl\n\
         \n\
         And with a vision model, whose stand-in sees everything in the middle:\n\
         \n\
         target/debug/riveg bundle fetch endpoint --out {FOLDER}/endpoint\n\
         target/debug/riveg annotate --config {FOLDER}/endpoint/riveg.toml --set llm.eyes.url={url} \\\n    \
             --set bundle.path={FOLDER}/endpoint {FOLDER}/posts.jsonl\n\
         \n\
         The two posts are {FOLDER}/posts.jsonl; their photographs are those of the package jpeg-decoder. Ctrl-C ends the hub."
    );
    loop {
        thread::park();
    }
}
