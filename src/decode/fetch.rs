//! Where do the bytes of an address come from? Only from files under one folder, so far.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use url::Url;

use crate::domain::RejectionClass;

use super::image::PictureFault;

/// Reads the bytes behind an address: a `file://` one under `root`, links followed, at most `limit` bytes.
///
/// # Errors
/// `fetch-refused` for an address that may not be read, `fetch-failed` where reading fails, `too-large`.
pub(super) fn fetch(address: &str, root: Option<&Path>, limit: u64) -> Result<Vec<u8>, PictureFault> {
    let shown = super::wire::brief(address);
    let url = Url::parse(address)
        .map_err(|error| refused(format!("has the url `{shown}`, which is no address: {error}")))?;
    if url.scheme() != "file" {
        return Err(refused(format!(
            "has the url `{shown}`: `{}` is not fetched, only `file` is",
            url.scheme()
        )));
    }
    let Some(root) = root else {
        return Err(refused(format!("has the url `{shown}`, but decode.file_root allows no folder")));
    };
    let path =
        url.to_file_path().map_err(|()| refused(format!("has the url `{shown}`, which is no local file")))?;
    let path = inside(&path, root, &shown)?;
    read(&path, limit, &shown)
}

/// The file that the path leads to when all links and `..` are followed, if it lies under the root.
fn inside(path: &Path, root: &Path, shown: &str) -> Result<PathBuf, PictureFault> {
    let root = root.canonicalize().map_err(|error| {
        failed(format!(
            "has the url `{shown}`, but decode.file_root `{}` cannot be read: {error}",
            root.display()
        ))
    })?;
    let escape = || refused(format!("has the url `{shown}`, which lies outside decode.file_root"));
    match path.canonicalize() {
        Ok(found) if found.starts_with(&root) => Ok(found),
        Ok(_) => Err(escape()),
        // Of paths that point outside, nothing is told, not even whether they exist.
        Err(_) if !path.starts_with(&root) => Err(escape()),
        Err(error) => Err(unreadable(shown, &error)),
    }
}

fn read(path: &Path, limit: u64, shown: &str) -> Result<Vec<u8>, PictureFault> {
    // Asked before opening, since opening a pipe would wait for its writer.
    let found = path.metadata().map_err(|error| unreadable(shown, &error))?;
    if !found.is_file() {
        return Err(refused(format!("has the url `{shown}`, which is not a plain file")));
    }
    if found.len() > limit {
        return Err(too_large(shown, found.len(), limit));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(shown, &error))?;
    // One byte more than allowed shows a file that has grown since.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(shown, &error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(shown, bytes.len() as u64, limit));
    }
    Ok(bytes)
}

fn too_large(shown: &str, size: u64, limit: u64) -> PictureFault {
    let message = format!("at `{shown}` has {size} bytes, more than the {limit} of decode.max_picture");
    PictureFault { class: RejectionClass::TooLarge, message }
}

fn unreadable(shown: &str, error: &io::Error) -> PictureFault {
    failed(format!("at `{shown}` cannot be read: {error}"))
}

fn refused(message: String) -> PictureFault {
    PictureFault { class: RejectionClass::FetchRefused, message }
}

fn failed(message: String) -> PictureFault {
    PictureFault { class: RejectionClass::FetchFailed, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder {
        root: tempfile::TempDir,
        outside: tempfile::TempDir,
    }

    impl Folder {
        fn new() -> Self {
            let folder = Self { root: tempfile::tempdir().unwrap(), outside: tempfile::tempdir().unwrap() };
            std::fs::write(folder.root.path().join("a b.jpg"), b"inside").unwrap();
            std::fs::create_dir(folder.root.path().join("sub")).unwrap();
            std::fs::write(folder.outside.path().join("secret"), b"outside").unwrap();
            std::os::unix::fs::symlink(folder.outside.path(), folder.root.path().join("link")).unwrap();
            folder
        }

        fn fetch(&self, address: &str) -> Result<Vec<u8>, RejectionClass> {
            fetch(address, Some(self.root.path()), 6).map_err(|fault| fault.class)
        }

        fn url(&self, tail: &str) -> String {
            format!("file://{}/{tail}", self.root.path().display())
        }
    }

    #[test]
    fn files_under_the_root_are_read() {
        let folder = Folder::new();
        assert_eq!(folder.fetch(&folder.url("a%20b.jpg")), Ok(b"inside".to_vec()));
        assert_eq!(folder.fetch(&folder.url("sub/../a%20b.jpg")), Ok(b"inside".to_vec()));
    }

    #[test]
    fn nothing_else_is_read() {
        let folder = Folder::new();
        let outside = folder.outside.path();
        let cases = [
            (format!("file://{}/secret", outside.display()), RejectionClass::FetchRefused),
            (folder.url("../../../../etc/passwd"), RejectionClass::FetchRefused),
            (folder.url("%2e%2e/%2e%2e/etc/passwd"), RejectionClass::FetchRefused),
            (folder.url("..%2f..%2f..%2fetc/passwd"), RejectionClass::FetchRefused),
            (folder.url("link/secret"), RejectionClass::FetchRefused),
            (folder.url("sub"), RejectionClass::FetchRefused),
            (folder.url("nothing.jpg"), RejectionClass::FetchFailed),
            (folder.url("a%00b"), RejectionClass::FetchFailed),
            ("file:///nowhere/at/all".to_owned(), RejectionClass::FetchRefused),
            ("file://elsewhere/share/a.jpg".to_owned(), RejectionClass::FetchRefused),
            ("https://example.org/a.jpg".to_owned(), RejectionClass::FetchRefused),
            ("data:image/png;base64,AAAA".to_owned(), RejectionClass::FetchRefused),
            ("a.jpg".to_owned(), RejectionClass::FetchRefused),
        ];
        for (address, class) in cases {
            assert_eq!(folder.fetch(&address), Err(class), "{address}");
        }
        std::fs::write(folder.root.path().join("big"), b"7 bytes").unwrap();
        assert_eq!(folder.fetch(&folder.url("big")), Err(RejectionClass::TooLarge));
    }

    #[test]
    fn a_refusal_names_the_scheme_and_no_root_means_no_files() {
        let fault = fetch("https://example.org/a.jpg", None, 6).unwrap_err();
        assert!(fault.message.contains("`https` is not fetched"), "{}", fault.message);
        let fault = fetch("file:///etc/passwd", None, 6).unwrap_err();
        assert!(fault.class == RejectionClass::FetchRefused && fault.message.contains("decode.file_root"));
    }
}
