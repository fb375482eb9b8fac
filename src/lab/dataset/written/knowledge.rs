//! Knowledge file: what a language model wrote about posts, as the answers that the engine replays: `knowledge.jsonl`.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::json;

use super::files::{WriteError, save};
use crate::lab::dataset::reading::Example;

pub(super) fn write(examples: &[Example], folder: &Path) -> Result<(), WriteError> {
    let mut lines = String::new();
    for Example { gold, knowledge, .. } in examples {
        if let Some(knowledge) = knowledge {
            let _ = writeln!(lines, "{}", json!({ "text": gold.text, "knowledge": knowledge }));
        }
    }
    save(folder.join("knowledge.jsonl"), lines)
}
