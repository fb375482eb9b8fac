//! Settings target: all faults are found at once and name their keys; accepted values are within bounds.

use std::io::Write;

use riveg::config::{Config, Sources};

/// Lines before the first blank one are settings of the command line, or of the environment by their prefix; the rest is
/// a file.
pub fn config(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let (head, body) = text.split_once("\n\n").unwrap_or(("", &text));
    let mut file = tempfile::NamedTempFile::new().expect("temporary files can be made");
    file.write_all(body.as_bytes()).expect("temporary files can be written");
    let (variables, sets): (Vec<&str>, Vec<&str>) = head.lines().partition(|line| line.starts_with("RIVEG_"));
    let variable = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (name.to_owned(), value.to_owned())
    };
    let sources = Sources {
        files: vec![file.path().to_owned()],
        environment: variables.into_iter().map(variable).collect(),
        sets: sets.into_iter().map(str::to_owned).collect(),
    };
    match Config::load(&sources) {
        Ok(effective) => {
            let config = &effective.config;
            assert!(config.decode.faults().is_empty() && config.engine.posts_in_flight > 0);
            let printed = effective.to_string();
            assert!(printed.parse::<toml::Table>().is_ok(), "what is printed is no TOML:\n{printed}");
        }
        Err(faults) => {
            assert!(!faults.0.is_empty());
            for fault in &faults.0 {
                assert!(!fault.layer.is_empty() && !fault.message.is_empty(), "{fault:?}");
            }
            assert_eq!(Config::load(&sources).err(), Some(faults), "the same settings have other faults");
        }
    }
}
