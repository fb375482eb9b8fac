//! Local checks: the addresses of metrics and of posts over HTTP, and the folder of the attempts log.

use std::net::TcpListener;
use std::path::Path;

/// Whether the address of a setting can be bound now; `nowhere` says what it means that it is empty.
pub(super) fn port(address: &str, key: &str, nowhere: &str) -> Result<String, String> {
    if address.is_empty() {
        return Ok(format!("{nowhere}: {key} is empty"));
    }
    match TcpListener::bind(address) {
        Ok(_) => Ok("can be listened at".to_owned()),
        Err(error) => {
            Err(format!("cannot be listened at: {error}; another engine or program may use it: set {key}"))
        }
    }
}

/// Whether files can be created in a folder, or the folder itself if it does not exist. The test file is removed.
pub(super) fn folder(folder: &Path) -> Result<String, String> {
    let Some(there) = folder.ancestors().find(|part| part.exists()) else {
        return writable(Path::new("."), "does not exist yet, and can be made");
    };
    writable(there, if there == folder { "can be written to" } else { "does not exist yet, and can be made" })
}

fn writable(there: &Path, found: &str) -> Result<String, String> {
    match tempfile::Builder::new().prefix(".riveg-check-").tempfile_in(there) {
        Ok(_) => Ok(found.to_owned()),
        Err(error) => Err(format!(
            "no file can be made in `{}`: {error}; grant this user the right, or set engine.state",
            there.display()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_told_from_one_that_is_free() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = |address: &str| port(address, "telemetry.address", "metrics are served nowhere");
        let said = port(&taken.local_addr().unwrap().to_string()).unwrap_err();
        assert!(said.contains("in use") && said.contains("telemetry.address"), "{said}");
        assert_eq!(port("127.0.0.1:0"), Ok("can be listened at".to_owned()));
        assert!(port("no-such-host.invalid:1").is_err());
        assert!(port("").unwrap().contains("nowhere"));
    }

    #[test]
    fn a_folder_is_tried_and_left_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(folder(home.path()), Ok("can be written to".to_owned()));
        let deep = home.path().join("a/b");
        assert_eq!(folder(&deep), Ok("does not exist yet, and can be made".to_owned()));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "something was left behind");
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        for wrong in [file.clone(), file.join("a")] {
            let said = folder(&wrong).unwrap_err();
            assert!(said.contains("engine.state") && said.contains("file"), "{said}");
        }
    }
}
