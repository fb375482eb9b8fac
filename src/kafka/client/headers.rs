//! Record headers: copied from the client's message, so that they can be counted, filtered and renamed.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use rdkafka::message::{Header, Headers, OwnedHeaders};

/// Memory for one header besides its name and value: the entries in this list and in the client's.
const OVERHEAD: usize = 64;

/// The headers of a record in order. Names may repeat, and a value may be absent or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecordHeaders {
    list: Vec<(Box<str>, Option<Bytes>)>,
    unreadable: usize,
}

impl RecordHeaders {
    /// Copies the client's list.
    ///
    /// Kafka names are bytes, and the client panics on a name that is not UTF-8. The list is therefore read from its
    /// start and from its end, each as far as possible. The headers between are counted and omitted.
    #[must_use]
    pub fn read(headers: &impl Headers) -> Self {
        let count = headers.count();
        let read = |index| {
            let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(index))).ok().flatten()?;
            Some((header.key.into(), header.value.map(Bytes::copy_from_slice)))
        };
        let mut list: Vec<_> = (0..count).map_while(read).collect();
        let mut tail: Vec<_> = (list.len()..count).rev().map_while(read).collect();
        tail.reverse();
        let unreadable = count - list.len() - tail.len();
        list.append(&mut tail);
        Self { list, unreadable }
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&[u8]>)> {
        self.list.iter().map(|(name, value)| (&**name, value.as_deref()))
    }

    /// The value of the last header with that name, if it has one.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&[u8]> {
        self.list.iter().rev().find(|(other, _)| &**other == name).and_then(|(_, value)| value.as_deref())
    }

    /// The number of headers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The number of headers that were omitted because of names that are not UTF-8.
    #[must_use]
    pub fn unreadable(&self) -> usize {
        self.unreadable
    }

    /// An estimate of their size in memory, in bytes. It exceeds their size on the wire.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.list
            .iter()
            .map(|(name, value)| name.len() + value.as_ref().map_or(0, Bytes::len) + OVERHEAD)
            .sum()
    }

    /// Adds a header.
    pub fn push(&mut self, name: &str, value: Option<&[u8]>) {
        self.list.push((name.into(), value.map(Bytes::copy_from_slice)));
    }

    /// The headers in the type of the client.
    #[must_use]
    pub fn to_owned_headers(&self) -> OwnedHeaders {
        let empty = OwnedHeaders::new_with_capacity(self.list.len());
        self.iter().fold(empty, |headers, (key, value)| headers.insert(Header { key, value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Named = (&'static str, Option<&'static [u8]>);

    /// A list as the client gives it: `None` is a name that is not UTF-8.
    struct Given(Vec<Option<Named>>);

    impl Headers for Given {
        fn count(&self) -> usize {
            self.0.len()
        }

        fn try_get(&self, index: usize) -> Option<Header<'_, &[u8]>> {
            let (key, value) = self.0[index].expect("a name is not UTF-8");
            Some(Header { key, value })
        }
    }

    #[test]
    fn order_repeated_names_and_absent_values_are_kept() {
        let given = Given(vec![
            Some(("a", Some(b"1"))),
            Some(("a", Some(b""))),
            Some(("a", None)),
            Some(("", Some(b"2"))),
        ]);
        let read = RecordHeaders::read(&given);
        let expected: [(&str, Option<&[u8]>); 4] =
            [("a", Some(b"1")), ("a", Some(b"")), ("a", None), ("", Some(b"2"))];
        assert_eq!(read.iter().collect::<Vec<_>>(), expected);
        assert_eq!((read.last("a"), read.last(""), read.unreadable()), (None, Some(&b"2"[..]), 0));
        assert_eq!(read.bytes(), 3 + 2 + 4 * OVERHEAD);
        assert_eq!(RecordHeaders::read(&read.to_owned_headers()), read);
    }

    #[test]
    fn headers_between_the_first_and_last_unreadable_names_are_omitted_without_a_panic() {
        let given = Given(vec![Some(("a", None)), None, Some(("lost", None)), None, Some(("z", Some(b"1")))]);
        let read = RecordHeaders::read(&given);
        let names: Vec<&str> = read.iter().map(|(name, _)| name).collect();
        assert_eq!((names, read.unreadable()), (vec!["a", "z"], 3));
        let all_bad = RecordHeaders::read(&Given(vec![None; 10_000]));
        assert_eq!((all_bad.len(), all_bad.unreadable()), (0, 10_000));
    }
}
