//! Is an error only that the group is handing out partitions anew? Then nothing is wrong: what was refused is asked for
//! again when that is over, by whoever has the partitions then.

use rdkafka::error::RDKafkaErrorCode;

use RDKafkaErrorCode as Code;

const HARMLESS: [Code; 3] = [Code::IllegalGeneration, Code::UnknownMemberId, Code::RebalanceInProgress];

/// Whether a broker refused something for that reason.
#[must_use]
pub fn is_rebalance_error(code: RDKafkaErrorCode) -> bool {
    HARMLESS.contains(&code)
}

/// The same by a line of the client's log.
#[must_use]
pub fn mentions_rebalance(line: &str) -> bool {
    HARMLESS.iter().any(|code| {
        // Shown as `NAME (the client's words)`.
        let shown = code.to_string();
        let words = shown.split_once(" (").and_then(|(_, words)| words.strip_suffix(')'));
        words.is_some_and(|words| line.contains(words))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_harmless_where_the_group_has_moved_on() {
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
