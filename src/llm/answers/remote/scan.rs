//! Redis scan: all answers page by page, for the command line.

use super::{Remote, RemoteError};
use crate::llm::answers::codec::MAX_RECORD_BYTES;
use crate::llm::answers::id::{AnswerId, Kind};
use crate::llm::answers::record::Record;

/// Keys that Redis checks in one step: few enough that other clients do not wait noticeably.
const PAGE: usize = 500;

/// An answer in Redis with its size; the record is none if it cannot be decoded.
pub(in super::super) type Scanned = (AnswerId, Option<Record>, usize);

/// The position of a scan.
pub(in super::super) struct Scan {
    kinds: std::vec::IntoIter<Kind>,
    kind: Option<Kind>,
    cursor: u64,
}

impl Scan {
    pub(in super::super) fn new() -> Self {
        let mut kinds = Kind::ALL.to_vec().into_iter();
        let kind = kinds.next();
        Self { kinds, kind, cursor: 0 }
    }
}

impl Remote {
    /// The next page; none after the last. SCAN may return an answer twice.
    pub(in super::super) async fn page(&self, scan: &mut Scan) -> Result<Option<Vec<Scanned>>, RemoteError> {
        let Some(kind) = scan.kind else { return Ok(None) };
        let start = self.keys_of(kind);
        let mut command = redis::cmd("SCAN");
        command.arg(scan.cursor).arg("MATCH").arg(format!("{start}*")).arg("COUNT").arg(PAGE);
        let (cursor, keys): (u64, Vec<String>) =
            self.run("SCAN", async |connection| command.query_async(connection).await).await?;
        scan.cursor = cursor;
        if cursor == 0 {
            scan.kind = scan.kinds.next();
        }
        // Keys of leases are longer, and are skipped here.
        let ids: Vec<AnswerId> =
            keys.iter().filter_map(|key| AnswerId::from_hex(kind, key.strip_prefix(&start)?)).collect();
        if ids.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let mut page = self.0.scripts.page.prepare_invoke();
        page.key(self.keys(&ids)).arg(MAX_RECORD_BYTES);
        let values: Vec<(i64, Vec<u8>)> =
            self.run("page", async |connection| page.invoke_async(connection).await).await?;
        // Keys may have expired since the scan.
        let found = ids.into_iter().zip(values);
        let found =
            found.filter_map(|(id, (length, value))| Some((id, usize::try_from(length).ok()?, value)));
        Ok(Some(
            found.map(|(id, length, value)| (id, self.0.codec.decode(&id, &value).ok(), length)).collect(),
        ))
    }

    fn keys(&self, ids: &[AnswerId]) -> Vec<String> {
        ids.iter().map(|id| self.key(id)).collect()
    }

    /// Removes these answers. Returns how many there were.
    pub(in super::super) async fn remove(&self, ids: &[AnswerId]) -> Result<usize, RemoteError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let mut delete = redis::cmd("UNLINK");
        delete.arg(self.keys(ids));
        self.run("UNLINK", async |connection| delete.query_async(connection).await).await
    }
}
