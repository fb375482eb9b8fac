//! Position: where a run begins, from the headers of the topic's last records or from a file.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::UNIX_EPOCH;

use rdkafka::message::Message as _;

use super::{Failure, TopicReader, moment};
use crate::common::plain_file;
use crate::kafka::client::RecordHeaders;

/// The header of each record: the time up to which the topic had everything when the record was sent, in Jetstream's
/// microseconds.
pub(super) const CURSOR: &str = "riveg.jetstream.cursor";

/// Records at the end of each partition that are searched for the header, should other programs write there too.
const LOOKED_AT: i64 = 64;

/// The least number that is a time in microseconds and no duration: of the year 2001.
const MICROSECONDS: u64 = 1_000_000_000_000_000;

/// Parses microseconds since 1970, a time, or an age.
pub(super) fn parse(text: &str) -> Result<u64, String> {
    if let Ok(micros) = text.parse::<u64>() {
        let is_time = micros >= MICROSECONDS;
        return is_time
            .then_some(micros)
            .ok_or_else(|| "a number must be microseconds since 1970".to_owned());
    }
    let since = moment::parse(text)?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// The latest time that the topic's records name. Each of them was true when its record was sent, so the latest is true.
///
/// # Errors
/// The topic cannot be read.
pub(super) fn of_topic(topic: &TopicReader) -> Result<Option<u64>, Failure> {
    let mut ranges = topic.ranges(None, None)?;
    for (begin, end) in ranges.values_mut() {
        *begin = (*end - LOOKED_AT).max(*begin);
    }
    let mut latest = None;
    topic.read(&ranges, |message| {
        let headers = message.headers().map(RecordHeaders::read).unwrap_or_default();
        let text = headers.last(CURSOR).and_then(|value| std::str::from_utf8(value).ok());
        latest = latest.max(text.and_then(|text| text.parse().ok()));
        Ok(true)
    })?;
    Ok(latest)
}

/// A file with a time cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the cursor file `{path}` cannot be {done}")]
pub(super) struct FileError {
    path: String,
    done: &'static str,
    source: io::Error,
}

/// The time of a file; none if there is no file.
///
/// # Errors
/// It cannot be read, or does not hold microseconds.
pub(super) fn read_file(path: &Path) -> Result<Option<u64>, FileError> {
    let failed = |source| FileError { path: path.display().to_string(), done: "read", source };
    let text = match plain_file::read_text(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(failed)?,
    };
    let parsed =
        text.trim().parse().map_err(|_| io::Error::other("it does not hold microseconds since 1970"));
    parsed.map(Some).map_err(failed)
}

/// Writes the time to a file, which is whole at any time.
///
/// # Errors
/// It cannot be written.
pub(super) fn write_file(path: &Path, cursor: u64) -> Result<(), FileError> {
    let failed = |source| FileError { path: path.display().to_string(), done: "written", source };
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let mut new = fs::File::create(&name).map_err(failed)?;
    writeln!(new, "{cursor}").and_then(|()| new.sync_all()).map_err(failed)?;
    fs::rename(&name, path).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_microseconds_moments_or_ages() {
        assert_eq!(parse("1725911162329308"), Ok(1_725_911_162_329_308));
        assert_eq!(parse("2001-09-09T01:46:40Z"), Ok(MICROSECONDS));
        assert!(parse("2h").unwrap() > MICROSECONDS);
        assert!(parse("1725911162").unwrap_err().contains("microseconds"));
        assert!(parse("soon").is_err());
    }

    #[test]
    fn a_file_keeps_the_time_and_a_damaged_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        assert_eq!(read_file(&path).unwrap(), None);
        write_file(&path, 7).unwrap();
        write_file(&path, 8).unwrap();
        assert_eq!(read_file(&path).unwrap(), Some(8));
        fs::write(&path, "yesterday").unwrap();
        let error = read_file(&path).unwrap_err();
        assert!(error.to_string().contains("cannot be read"), "{error}");
        assert!(write_file(&folder.path().join("no/cursor"), 1).is_err());
    }
}
