//! Record limits: the largest records of topics, producer and decoder, and where they conflict.

use crate::config::Config;
use crate::kafka::publish::{MAX_TRUNCATED_LETTER, MESSAGE_MAX_BYTES};

/// The limits on one record, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecordLimits {
    /// Of the input, output and dead-letter topic, if the brokers tell.
    pub(super) topics: [Option<u64>; 3],
    /// `message.max.bytes` of the producer.
    pub(super) producer: u64,
    /// `decode.max_record`.
    pub(super) decoder: u64,
}

impl RecordLimits {
    pub(super) fn of(config: &Config, topics: [Option<u64>; 3]) -> Self {
        let set = config.kafka.properties.get("message.max.bytes").unwrap_or(MESSAGE_MAX_BYTES);
        // The client itself refuses a value that is not a number.
        let producer = set.parse().unwrap_or(u64::MAX);
        Self { topics, producer, decoder: config.decode.max_record.as_u64() }
    }

    /// All limits in one line.
    pub(super) fn summary(&self) -> String {
        let [input, output, dead] =
            self.topics.map(|limit| limit.map_or("unknown".to_owned(), |limit| limit.to_string()));
        format!("bytes: input {input}, output {output}, dead letters {dead}, producer {}", self.producer)
    }

    /// Limits that conflict, and the consequence of each.
    pub(super) fn conflicts(&self) -> Vec<String> {
        let Some(input) = self.topics[0] else { return Vec::new() };
        let mut conflicts = Vec::new();
        let letter = input.saturating_add(MAX_TRUNCATED_LETTER as u64);
        if let Some(dead) = self.topics[2].filter(|&dead| dead < letter) {
            conflicts.push(format!(
                "the topic of dead letters takes {dead} bytes, and a post of {input} with its reason has up to {letter}: \
                 such letters lose the post's value"
            ));
        }
        if self.producer < letter {
            conflicts.push(format!(
                "kafka.properties has message.max.bytes = {}, and a dead letter has up to {letter}: larger ones lose \
                 the post's value",
                self.producer
            ));
        }
        if let Some(output) = self.topics[1].filter(|&output| output < input) {
            conflicts.push(format!(
                "the topic of annotations takes {output} bytes, fewer than that of posts ({input}), whose keys and \
                 headers annotations keep: what does not fit becomes a dead letter"
            ));
        }
        if self.decoder < input {
            conflicts.push(format!(
                "decode.max_record is {}, fewer bytes than the topic of posts takes ({input}): larger posts become \
                 dead letters",
                self.decoder
            ));
        }
        conflicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(topics: [u64; 3], producer: u64, decoder: u64) -> RecordLimits {
        RecordLimits { topics: topics.map(Some), producer, decoder }
    }

    #[test]
    fn what_would_not_fit_is_named_with_what_becomes_of_it() {
        const M: u64 = 1_000_000;
        let cases: [(RecordLimits, &[&str]); 7] = [
            (limits([M, M, M + 4096], 64 * M, 32 * M), &[]),
            (limits([M, 2 * M, 2 * M], 64 * M, 32 * M), &[]),
            (limits([M, M, M], 64 * M, 32 * M), &["dead letters takes 1000000 bytes"]),
            (limits([M, M, 2 * M], M, 32 * M), &["message.max.bytes = 1000000"]),
            (limits([M, M / 2, 2 * M], 64 * M, 32 * M), &["the topic of annotations takes 500000"]),
            (limits([M, M, 2 * M], 64 * M, M / 2), &["decode.max_record is 500000"]),
            (
                limits([8 * M, M, M], M, M),
                &["dead letters", "message.max.bytes", "annotations", "max_record"],
            ),
        ];
        for (limits, expected) in cases {
            let conflicts = limits.conflicts();
            assert_eq!(conflicts.len(), expected.len(), "{conflicts:?}");
            for (conflict, part) in conflicts.iter().zip(expected) {
                assert!(conflict.contains(part), "{conflict}");
            }
        }
        let unknown = RecordLimits { topics: [None; 3], ..limits([0; 3], 1, 1) };
        assert_eq!(unknown.conflicts(), [""; 0]);
        assert!(
            unknown.summary().starts_with("bytes: input unknown, output unknown"),
            "{}",
            unknown.summary()
        );
    }
}
