//! Record limits: the largest records of topics, producer and decoder, and where they conflict.

use crate::config::Config;
use crate::kafka::publish::{MAIN_OUTPUT, MAX_TRUNCATED_LETTER, MESSAGE_MAX_BYTES};

/// The limits on one record, in bytes.
#[derive(Debug, Clone)]
pub(super) struct RecordLimits {
    /// Of the input and of the dead-letter topic, if the brokers tell.
    pub(super) input: Option<u64>,
    pub(super) dead_letters: Option<u64>,
    /// Of the topic of each output, with its name.
    pub(super) outputs: Vec<(String, Option<u64>)>,
    /// `message.max.bytes` of the producer.
    pub(super) producer: u64,
    /// `decode.max_record`.
    pub(super) decoder: u64,
}

impl RecordLimits {
    /// `inputs`: the limits of the topics that are read, of which the largest counts. `limits`: those of the dead letters,
    /// and of each output in their order.
    pub(super) fn of(config: &Config, inputs: &[Option<u64>], limits: &[Option<u64>]) -> Self {
        let set = config.kafka.properties.get("message.max.bytes").unwrap_or(MESSAGE_MAX_BYTES);
        // The client itself refuses a value that is not a number.
        let producer = set.parse().unwrap_or(u64::MAX);
        let mut limits = limits.iter().copied();
        let (input, dead_letters) = (inputs.iter().flatten().max().copied(), limits.next().flatten());
        let outputs = config.publish.all_outputs().zip(limits);
        let outputs = outputs.map(|((name, _), limit)| (name.to_owned(), limit)).collect();
        Self { input, dead_letters, outputs, producer, decoder: config.decode.max_record.as_u64() }
    }

    /// All limits in one line.
    pub(super) fn summary(&self) -> String {
        let shown = |limit: Option<u64>| limit.map_or("unknown".to_owned(), |limit| limit.to_string());
        let outputs: Vec<String> = self
            .outputs
            .iter()
            .map(|(name, limit)| match name.as_str() {
                MAIN_OUTPUT => format!("output {}", shown(*limit)),
                name => format!("output `{name}` {}", shown(*limit)),
            })
            .collect();
        let (input, outputs, dead) = (shown(self.input), outputs.join(", "), shown(self.dead_letters));
        format!("bytes: input {input}, {outputs}, dead letters {dead}, producer {}", self.producer)
    }

    /// Limits that conflict, and the consequence of each.
    pub(super) fn conflicts(&self) -> Vec<String> {
        let Some(input) = self.input else { return Vec::new() };
        let mut conflicts = Vec::new();
        let letter = input.saturating_add(MAX_TRUNCATED_LETTER as u64);
        if let Some(dead) = self.dead_letters.filter(|&dead| dead < letter) {
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
        for (name, limit) in &self.outputs {
            let Some(output) = limit.filter(|&output| output < input) else { continue };
            let of = if name == MAIN_OUTPUT { String::new() } else { format!(" of the output `{name}`") };
            conflicts.push(format!(
                "the topic of annotations{of} takes {output} bytes, fewer than that of posts ({input}), whose keys and \
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

    fn limits([input, output, dead]: [u64; 3], producer: u64, decoder: u64) -> RecordLimits {
        let outputs = vec![("main".to_owned(), Some(output))];
        RecordLimits { input: Some(input), dead_letters: Some(dead), outputs, producer, decoder }
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
        let further = RecordLimits {
            outputs: vec![("main".to_owned(), Some(M)), ("triples".to_owned(), Some(M / 4))],
            ..limits([M, M, 2 * M], 64 * M, 32 * M)
        };
        let conflicts = further.conflicts();
        assert_eq!(conflicts.len(), 1, "{conflicts:?}");
        assert!(conflicts[0].contains("annotations of the output `triples` takes 250000"), "{conflicts:?}");
        assert!(
            further.summary().contains("output 1000000, output `triples` 250000"),
            "{}",
            further.summary()
        );
        let outputs = vec![("main".to_owned(), None)];
        let unknown = RecordLimits { input: None, dead_letters: None, outputs, ..limits([0; 3], 1, 1) };
        assert_eq!(unknown.conflicts(), [""; 0]);
        assert!(
            unknown.summary().starts_with("bytes: input unknown, output unknown"),
            "{}",
            unknown.summary()
        );
    }
}
