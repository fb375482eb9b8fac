//! What is in Redis? All answers, a page at a time, as people look at them and purge them.

use super::{Remote, RemoteError};
use crate::llm::answers::asked::{Id, Kind};
use crate::llm::answers::codec::LONGEST;
use crate::llm::answers::record::Record;

/// Keys that Redis looks at in one step: few enough that nobody else waits noticeably.
const PAGE: usize = 500;

/// An answer in Redis; none if its bytes are not an answer.
pub(in super::super) type Scanned = (Id, Option<Record>, usize);

/// How far it was looked through.
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
    /// The next page; none after the last. An answer may come twice, as Redis says.
    pub(in super::super) async fn page(&self, scan: &mut Scan) -> Result<Option<Vec<Scanned>>, RemoteError> {
        let Some(kind) = scan.kind else { return Ok(None) };
        let start = self.keys_of(kind);
        let mut command = redis::cmd("SCAN");
        command.arg(scan.cursor).arg("MATCH").arg(format!("{start}*")).arg("COUNT").arg(PAGE);
        let (cursor, keys): (u64, Vec<String>) =
            self.ask("SCAN", async |connection| command.query_async(connection).await).await?;
        scan.cursor = cursor;
        if cursor == 0 {
            scan.kind = scan.kinds.next();
        }
        // A lease is no answer, and its key is too long.
        let ids: Vec<Id> = keys.iter().filter_map(|key| Id::of(kind, key.strip_prefix(&start)?)).collect();
        if ids.is_empty() {
            return Ok(Some(Vec::new()));
        }
        let mut page = self.0.scripts.page.prepare_invoke();
        page.key(self.keys(&ids)).arg(LONGEST);
        let values: Vec<(i64, Vec<u8>)> =
            self.ask("page", async |connection| page.invoke_async(connection).await).await?;
        // What has ended in between is not there.
        let found = ids.into_iter().zip(values);
        let found =
            found.filter_map(|(id, (length, value))| Some((id, usize::try_from(length).ok()?, value)));
        Ok(Some(
            found.map(|(id, length, value)| (id, self.0.codec.decode(&id, &value).ok(), length)).collect(),
        ))
    }

    fn keys(&self, ids: &[Id]) -> Vec<String> {
        ids.iter().map(|id| self.key(id)).collect()
    }

    /// Removes those answers; how many were there.
    pub(in super::super) async fn remove(&self, ids: &[Id]) -> Result<usize, RemoteError> {
        if ids.is_empty() {
            return Ok(0);
        }
        let mut delete = redis::cmd("UNLINK");
        delete.arg(self.keys(ids));
        self.ask("UNLINK", async |connection| delete.query_async(connection).await).await
    }
}
