//! Manifest target: an error with file and place, or a manifest that survives writing and reading.

use std::path::Path;

use riveg::networks::bundle::{BundleError, Manifest};

/// The text of a `bundle.toml`.
pub fn manifest(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match Manifest::parse(Path::new("some/bundle.toml"), &text) {
        Ok(manifest) => {
            let written = toml::to_string_pretty(&manifest).expect("a manifest is TOML");
            let read = Manifest::parse(Path::new("written.toml"), &written);
            assert_eq!(read.unwrap_or_else(|error| panic!("{error}\n{written}")), manifest);
            for part in manifest.parts() {
                assert!(part.network.fault.is_none(), "{part:?}");
            }
        }
        Err(error) => {
            let said = error.to_string();
            assert!(said.contains("some/bundle.toml"), "{said}");
            match error {
                // TOML's own errors quote their line.
                BundleError::Format { message, .. } => assert!(message.contains("line "), "{message}"),
                BundleError::Unfit { faults, .. } => assert!(!faults.is_empty()),
                other => panic!("a text gives another kind of error: {other}"),
            }
        }
    }
}
