//! Cache of downloads, laid out as the hub's own programs do: `models--owner--name/{blobs,refs,snapshots}`, with links from
//! the files of a commit to blobs that are called by their tags. Files of plain addresses lie beside it.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use reqwest::Url;
use sha2::{Digest, Sha256};

use super::announced::is_commit;
use super::digest::is_hexadecimal;
use super::error::HubError;
use super::files::Origin;

/// Where the parts of one file lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// The file by its name.
    pub(super) file: PathBuf,
    /// The folder of its bytes.
    pub(super) blobs: PathBuf,
    /// Whether the file is a link to a blob.
    pub(super) linked: bool,
}

/// The place of a file.
pub(super) fn place(cache: &Path, origin: &Origin) -> Place {
    match origin {
        Origin::Hub { repository, commit, path } => {
            let folder = repository_folder(cache, repository);
            let file = folder.join("snapshots").join(commit).join(path);
            Place { file, blobs: folder.join("blobs"), linked: true }
        }
        Origin::Address(url) => {
            let folder = cache.join("addresses").join(&hash(url.as_str())[..32]);
            Place { file: folder.join(name_of(url)), blobs: folder, linked: false }
        }
    }
}

impl Place {
    /// The name of the blob with a tag; none: of a server that gives no tags.
    pub(super) fn blob(&self, tag: Option<&str>) -> PathBuf {
        if !self.linked {
            return self.file.clone();
        }
        let plain = |tag: &str| {
            tag.len() <= 128
                && !tag.starts_with('.')
                && tag.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let name = tag.map(|tag| if plain(tag) { tag.to_owned() } else { hash(tag) });
        self.blobs.join(name.unwrap_or_else(|| hash(&self.file.to_string_lossy())))
    }

    /// Where the bytes of a download are until they are all there and verified. Bytes of another tag are another's.
    pub(super) fn incomplete(&self, tag: Option<&str>) -> PathBuf {
        let name = if self.linked {
            self.blob(tag).file_name().unwrap_or_default().to_string_lossy().into_owned()
        } else {
            hash(tag.unwrap_or_default())[..32].to_owned()
        };
        self.blobs.join(format!("{name}.incomplete"))
    }

    /// Puts a blob in the place of the file.
    pub(super) fn link(&self, blob: &Path) -> Result<(), HubError> {
        if !self.linked {
            return Ok(());
        }
        let folder = self.file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| HubError::cache(folder, error))?;
        let made = |error| HubError::cache(&self.file, error);
        match fs::remove_file(&self.file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(made(error)),
            _ => {}
        }
        let target = relative(folder, blob);
        match std::os::unix::fs::symlink(&target, &self.file) {
            // Another process was faster, with the same link.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            linked => linked.map_err(made),
        }
    }
}

/// The commit of a branch or a tag as it was when it was last asked for.
pub(super) fn commit_of(cache: &Path, repository: &str, revision: &str) -> Option<String> {
    let text = fs::read_to_string(reference(cache, repository, revision)).ok()?;
    let commit = text.trim();
    is_commit(commit).then(|| commit.to_owned())
}

/// Writes down the commit of a branch or a tag.
pub(super) fn remember(cache: &Path, repository: &str, revision: &str, commit: &str) -> Result<(), HubError> {
    let file = reference(cache, repository, revision);
    let folder = file.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, commit));
    written.map_err(|error| HubError::cache(&file, error))
}

/// Whether a path stays in the folder to which it is joined, and a repository is a name or a name of an owner.
pub(super) fn is_inside(path: &str) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    !path.is_empty() && !path.contains(['\\', '\0', '?', '#', '%']) && Path::new(path).components().all(plain)
}

fn repository_folder(cache: &Path, repository: &str) -> PathBuf {
    cache.join(format!("models--{}", repository.replace('/', "--")))
}

fn reference(cache: &Path, repository: &str, revision: &str) -> PathBuf {
    repository_folder(cache, repository).join("refs").join(revision)
}

/// The last part of an address's path.
fn name_of(url: &Url) -> String {
    let last = url.path_segments().and_then(|mut parts| parts.next_back()).unwrap_or_default();
    if is_inside(last) { last.to_owned() } else { "file".to_owned() }
}

/// The way from a folder to a file, both under one root.
fn relative(folder: &Path, file: &Path) -> PathBuf {
    let same = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(same).map(|_| Component::ParentDir.as_os_str());
    up.chain(file.components().skip(same).map(Component::as_os_str)).collect()
}

fn hash(text: &str) -> String {
    let digest = Sha256::digest(text);
    let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    debug_assert!(is_hexadecimal(&text), "a hash is digits");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(path: &str) -> Origin {
        let commit = "0123456789abcdef0123456789abcdef01234567".to_owned();
        Origin::Hub { repository: "org/name".to_owned(), commit, path: path.to_owned() }
    }

    #[test]
    fn files_lie_where_the_hubs_programs_look_for_them() {
        let cache = tempfile::tempdir().unwrap();
        let place = place(cache.path(), &hub("onnx/model.bin"));
        let root = cache.path().join("models--org--name");
        let commit = root.join("snapshots/0123456789abcdef0123456789abcdef01234567");
        assert_eq!(place.file, commit.join("onnx/model.bin"));
        let blob = place.blob(Some("abc"));
        assert_eq!(blob, root.join("blobs/abc"));
        assert_eq!(place.incomplete(Some("abc")), root.join("blobs/abc.incomplete"));
        fs::create_dir_all(blob.parent().unwrap()).unwrap();
        fs::write(&blob, "bytes").unwrap();
        for _ in 0..2 {
            place.link(&blob).unwrap();
        }
        assert_eq!(fs::read_to_string(&place.file).unwrap(), "bytes");
        assert_eq!(fs::read_link(&place.file).unwrap(), PathBuf::from("../../../blobs/abc"));
        assert_eq!(commit_of(cache.path(), "org/name", "main"), None);
        remember(cache.path(), "org/name", "main", &"1".repeat(40)).unwrap();
        assert_eq!(fs::read_to_string(root.join("refs/main")).unwrap(), "1".repeat(40));
        assert_eq!(commit_of(cache.path(), "org/name", "main"), Some("1".repeat(40)));
    }

    #[test]
    fn nothing_leads_out_of_the_cache() {
        for path in ["", "/etc/passwd", "../x", "a/../../x", "a\\b", "./a", "a?b"] {
            assert!(!is_inside(path), "{path}");
        }
        for path in ["a", "a/b.bin", "a.b/c-d_e"] {
            assert!(is_inside(path), "{path}");
        }
        let cache = Path::new("/cache");
        for tag in ["../../x", ".hidden", "a/b", &"a".repeat(200)] {
            let blob = place(cache, &hub("a")).blob(Some(tag));
            assert_eq!(blob.parent(), Some(Path::new("/cache/models--org--name/blobs")), "{tag}");
            assert_eq!(blob.file_name().unwrap().len(), 64, "{tag}");
        }
        for address in ["https://a.example/", "https://a.example/..%2Fx", "https://a.example/b/c.pth?d=e"] {
            let origin = Origin::Address(Url::parse(address).unwrap());
            let file = place(cache, &origin).file;
            assert!(file.starts_with("/cache/addresses"), "{}", file.display());
            assert_eq!(file.components().count(), 5, "{}", file.display());
        }
    }
}
