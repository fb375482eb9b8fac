//! Rebalance errors: requests that brokers refuse only because a rebalance is in progress. The owner of the partitions
//! repeats them after the rebalance.

use rdkafka::error::RDKafkaErrorCode;

use RDKafkaErrorCode as Code;

const HARMLESS: [Code; 3] = [Code::IllegalGeneration, Code::UnknownMemberId, Code::RebalanceInProgress];

/// Whether a broker refused a request because of a rebalance.
#[must_use]
pub fn is_rebalance_error(code: RDKafkaErrorCode) -> bool {
    HARMLESS.contains(&code)
}

/// Whether a line of the client's log mentions such an error.
#[must_use]
pub fn mentions_rebalance(line: &str) -> bool {
    HARMLESS.iter().any(|code| {
        // Formatted as `NAME (message)`.
        let shown = code.to_string();
        let words = shown.split_once(" (").and_then(|(_, words)| words.strip_suffix(')'));
        words.is_some_and(|words| line.contains(words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_because_of_a_rebalance_is_harmless() {
        let harmless = |words: &str| {
            let line =
                format!("Offset commit (manual) failed for 1/1 partition(s): Broker: {words}: posts[0]@5");
            mentions_rebalance(&line)
        };
        assert!(harmless("Specified group generation id is not valid"));
        assert!(harmless("Unknown member") && harmless("Group rebalance in progress"));
        assert!(!harmless("Group authorization failed") && !harmless("Offset metadata string too large"));
        assert!(is_rebalance_error(Code::IllegalGeneration) && !is_rebalance_error(Code::FencedInstanceId));
    }
}
