//! Buckets: only objects in the buckets that the operator lists may be fetched, since the operator's keys may open
//! more.

use std::fmt;
use std::str::FromStr;

use object_store::path::Path;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use url::Url;

/// A bucket, or a folder in one, whose objects may be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// The service that holds it.
    pub store: Store,
    /// Its name.
    pub name: String,
    /// The folder; empty: the whole bucket.
    pub folder: Path,
}

/// An object store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Store {
    /// Amazon S3 and compatible stores.
    S3,
    /// Google Cloud Storage.
    Google,
}

impl Store {
    /// The store of a URL scheme.
    pub(super) fn of_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "s3" => Some(Self::S3),
            "gs" => Some(Self::Google),
            _ => None,
        }
    }

    fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Google => "gs",
        }
    }
}

impl Bucket {
    /// The bucket and path of an object's URL.
    pub(super) fn of_url(url: &Url) -> Result<Self, String> {
        let store = Store::of_scheme(url.scheme()).ok_or("does not begin with `s3://` or `gs://`")?;
        let name = url.host_str().filter(|name| !name.is_empty()).ok_or("names no bucket")?;
        if !url.username().is_empty() || url.password().is_some() || url.port().is_some() {
            return Err("has more than a bucket before its path".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a `?` or `#`, which a key has to escape".to_owned());
        }
        let folder = Path::from_url_path(url.path()).map_err(|error| error.to_string())?;
        Ok(Self { store, name: name.to_owned(), folder })
    }

    /// Whether an object is in this bucket and folder.
    pub(super) fn holds(&self, object: &Self) -> bool {
        self.store == object.store
            && self.name == object.name
            && object.folder != self.folder
            && object.folder.prefix_matches(&self.folder)
    }
}

impl FromStr for Bucket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| error.to_string())?;
        Self::of_url(&url)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://{}", self.store.scheme(), self.name)?;
        if self.folder.is_root() { Ok(()) } else { write!(formatter, "/{}", self.folder) }
    }
}

impl<'de> Deserialize<'de> for Bucket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|why| serde::de::Error::custom(format!("`{text}` is no bucket: it {why}")))
    }
}

impl Serialize for Bucket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_objects_and_no_others() {
        let cases = [
            ("s3://pictures", "s3://pictures/a/b.jpg", true),
            ("s3://pictures/feed", "s3://pictures/feed/b.jpg", true),
            ("gs://pictures", "gs://pictures/a", true),
            ("s3://pictures/feed", "s3://pictures/feeds/b.jpg", false),
            ("s3://pictures/feed", "s3://pictures/feed/../b.jpg", false),
            ("s3://pictures/feed", "s3://pictures/feed/%2e%2e/b.jpg", false),
            ("s3://pictures/feed", "s3://pictures/feed", false),
            ("s3://pictures", "s3://pictures/", false),
            ("s3://pictures", "gs://pictures/a", false),
            ("s3://pictures", "s3://secrets/a", false),
        ];
        for (bucket, object, expected) in cases {
            let (bucket, object): (Bucket, Bucket) = (bucket.parse().unwrap(), object.parse().unwrap());
            assert_eq!(bucket.holds(&object), expected, "{bucket} {object}");
        }
    }

    #[test]
    fn what_is_no_bucket_is_refused() {
        for text in [
            "pictures",
            "https://pictures",
            "s3://",
            "s3:///a",
            "s3://me:secret@pictures",
            "s3://pictures:80",
            "s3://pictures/a?b",
            "s3://pictures/a#b",
            "s3://pictures/a%2f..%2fb",
        ] {
            assert!(text.parse::<Bucket>().is_err(), "{text}");
        }
        assert_eq!("s3://pictures/a%20b".parse::<Bucket>().unwrap().to_string(), "s3://pictures/a b");
    }
}
