//! Files: those under `fetch.file_root` may be read, links followed.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use url::Url;

use super::error::FetchError;

/// A file that may be read, open.
#[derive(Debug)]
pub(super) struct OpenedFile {
    file: File,
    /// Its size when it was opened.
    pub(super) size: u64,
}

/// Opens the file of a `file://` URL under `root`, links followed, if it has at most `limit` bytes.
///
/// # Errors
/// The URL is not allowed; the file cannot be read or is too large.
pub(super) fn open_under(
    url: &Url,
    (root, limit): (Option<&Path>, u64),
    shown: &str,
) -> Result<OpenedFile, FetchError> {
    let Some(root) = root else {
        return Err(FetchError::refused(format!(
            "has the url `{shown}`, but fetch.file_root allows no folder"
        )));
    };
    let path = url
        .to_file_path()
        .map_err(|()| FetchError::refused(format!("has the url `{shown}`, which is no local file")))?;
    let path = inside(&path, root, shown)?;
    open(&path, limit, shown)
}

/// The file that the path resolves to, links and `..` followed, if it is under the root.
fn inside(path: &Path, root: &Path, shown: &str) -> Result<PathBuf, FetchError> {
    let root = root.canonicalize().map_err(|error| {
        FetchError::permanent(format!(
            "has the url `{shown}`, but fetch.file_root `{}` cannot be read: {error}",
            root.display()
        ))
    })?;
    let escape = || FetchError::refused(format!("has the url `{shown}`, which lies outside fetch.file_root"));
    match path.canonicalize() {
        Ok(found) if found.starts_with(&root) => Ok(found),
        Ok(_) => Err(escape()),
        // The message must not tell whether a path outside the root exists.
        Err(_) if !path.starts_with(&root) => Err(escape()),
        Err(error) => Err(unreadable(shown, &error)),
    }
}

fn open(path: &Path, limit: u64, shown: &str) -> Result<OpenedFile, FetchError> {
    // Checked before opening, since opening a pipe waits for its writer.
    let found = path.metadata().map_err(|error| unreadable(shown, &error))?;
    if !found.is_file() {
        return Err(FetchError::refused(format!("has the url `{shown}`, which is not a plain file")));
    }
    if found.len() > limit {
        return Err(FetchError::too_large(shown, found.len(), limit));
    }
    let file = File::open(path).map_err(|error| unreadable(shown, &error))?;
    Ok(OpenedFile { file, size: found.len() })
}

impl OpenedFile {
    /// Reads the file.
    ///
    /// # Errors
    /// The file cannot be read, or has grown since.
    pub(super) fn read(self, shown: &str) -> Result<Vec<u8>, FetchError> {
        let Self { file, size } = self;
        let mut bytes = Vec::new();
        // One byte more than its size shows that the file has grown.
        file.take(size + 1).read_to_end(&mut bytes).map_err(|error| unreadable(shown, &error))?;
        if bytes.len() as u64 > size {
            return Err(FetchError::transient(format!("at `{shown}` is being written")));
        }
        Ok(bytes)
    }
}

fn unreadable(shown: &str, error: &io::Error) -> FetchError {
    FetchError::permanent(format!("at `{shown}` cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::fetch::FetchErrorKind;

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

        fn fetch(&self, address: &str) -> Result<Vec<u8>, FetchErrorKind> {
            let url = Url::parse(address).unwrap();
            let found = open_under(&url, (Some(self.root.path()), 6), address);
            found.and_then(|found| found.read(address)).map_err(|error| error.kind)
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
            (format!("file://{}/secret", outside.display()), FetchErrorKind::Refused),
            (folder.url("../../../../etc/passwd"), FetchErrorKind::Refused),
            (folder.url("%2e%2e/%2e%2e/etc/passwd"), FetchErrorKind::Refused),
            (folder.url("..%2f..%2f..%2fetc/passwd"), FetchErrorKind::Refused),
            (folder.url("link/secret"), FetchErrorKind::Refused),
            (folder.url("sub"), FetchErrorKind::Refused),
            (folder.url("nothing.jpg"), FetchErrorKind::Permanent),
            (folder.url("a%00b"), FetchErrorKind::Permanent),
            ("file:///nowhere/at/all".to_owned(), FetchErrorKind::Refused),
            ("file://elsewhere/share/a.jpg".to_owned(), FetchErrorKind::Refused),
        ];
        for (address, class) in cases {
            assert_eq!(folder.fetch(&address), Err(class), "{address}");
        }
        std::fs::write(folder.root.path().join("big"), b"7 bytes").unwrap();
        assert_eq!(folder.fetch(&folder.url("big")), Err(FetchErrorKind::TooLarge));
    }

    #[test]
    fn no_root_means_no_files() {
        let url = Url::parse("file:///etc/passwd").unwrap();
        let error = open_under(&url, (None, 6), "it").unwrap_err();
        assert!(
            error.kind == FetchErrorKind::Refused && error.message.contains("fetch.file_root"),
            "{error}"
        );
    }
}
