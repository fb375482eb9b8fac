//! Pictures of written data sets: copied beside the posts, and named by the records.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;
use url::Url;

use super::files::{WriteError, file_name, refused, save};
use crate::lab::dataset::reading::Example;

/// The records with the addresses of the copied pictures.
pub(super) fn with_pictures(examples: &[Example], images: &Path) -> Result<Vec<Value>, WriteError> {
    let one = |Example { record, gold, .. }: &Example| {
        let mut record: Value = serde_json::from_slice(record)
            .map_err(|error| refused(gold, format!("its record is no JSON: {error}")))?;
        let media = record.get_mut("media").and_then(Value::as_array_mut);
        let single = media.as_ref().is_some_and(|media| media.len() == 1);
        for (number, medium) in media.into_iter().flatten().enumerate() {
            let name = if single { file_name(&gold.id) } else { file_name(&format!("{}-{number}", gold.id)) };
            let target = images.join(name);
            let text = |key: &str| medium.get(key).and_then(Value::as_str).map(str::to_owned);
            if let Some(bytes) = text("bytes") {
                let bytes = BASE64_STANDARD
                    .decode(bytes)
                    .map_err(|error| refused(gold, format!("a picture is no base64: {error}")))?;
                save(target.clone(), bytes)?;
            } else if let Some(source) =
                text("url").and_then(|url| Url::parse(&url).ok()?.to_file_path().ok())
            {
                if source.is_file() {
                    fs::copy(&source, &target)
                        .map_err(|source| WriteError::Write { file: target.clone(), source })?;
                }
            } else {
                continue;
            }
            if let (Some(medium), Ok(url)) = (medium.as_object_mut(), Url::from_file_path(&target)) {
                medium.remove("bytes");
                medium.insert("url".to_owned(), url.as_str().into());
            }
        }
        Ok(record)
    };
    examples.iter().map(one).collect()
}
