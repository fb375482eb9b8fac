//! What is wrong with a connection? By the client's own words: errors, and what it only logs.

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::RDKafkaErrorCode;

/// What the client calls how grave a line of its log is.
#[must_use]
pub fn level_name(level: RDKafkaLogLevel) -> &'static str {
    use RDKafkaLogLevel as Level;
    match level {
        Level::Emerg => "emergency",
        Level::Alert => "alert",
        Level::Critical => "critical",
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Notice => "notice",
        Level::Info => "info",
        Level::Debug => "debug",
    }
}

/// Why a broker is out of reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFault {
    /// Somebody is there, and one side does not trust or understand the other.
    pub is_access_denied: bool,
    /// The client's words.
    pub words: String,
}

impl ConnectionFault {
    /// What an error of the client says of a connection, if it speaks of one.
    #[must_use]
    pub fn of_error(code: RDKafkaErrorCode, words: &str) -> Option<Self> {
        use RDKafkaErrorCode as Code;
        let is_access_denied = match code {
            Code::Authentication | Code::SSL => true,
            // An alert that comes after the handshake is told as a broken connection.
            Code::BrokerTransportFailure | Code::Resolve => words.contains("SSL"),
            _ => return None,
        };
        Some(Self { is_access_denied, words: words.to_owned() })
    }

    /// What a line of the client's log says of a connection: one that was closed is no error to it, although speaking
    /// plainly to a broker that expects TLS ends so. What is an error comes as one, and what is for debugging is no news.
    #[must_use]
    pub fn of_log(level: RDKafkaLogLevel, facility: &str, line: &str) -> Option<Self> {
        use RDKafkaLogLevel as Level;
        if facility != "FAIL" || !matches!(level, Level::Warning | Level::Notice | Level::Info) {
            return None;
        }
        // The name of the client's thread says nothing to others.
        let words =
            line.split_once("]: ").filter(|_| line.starts_with("[thrd:")).map_or(line, |(_, words)| words);
        let mut complaint = Self::of_error(RDKafkaErrorCode::BrokerTransportFailure, words)?;
        // One that hangs is not taken for one: it says nothing until the time is up.
        let is_silent = words.contains("Timed out") || words.contains("timed out");
        if words.contains("in state APIVERSION_QUERY") && !words.contains("ssl://") && !is_silent {
            complaint.words.push_str("; it may speak TLS only (security.protocol in kafka.properties)");
        }
        Some(complaint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_kept_out_is_told_from_who_finds_nobody() {
        let error =
            |code, words| ConnectionFault::of_error(code, words).map(|complaint| complaint.is_access_denied);
        use RDKafkaErrorCode as Code;
        assert_eq!(error(Code::Authentication, "wrong password"), Some(true));
        assert_eq!(error(Code::SSL, "handshake failed"), Some(true));
        assert_eq!(error(Code::BrokerTransportFailure, "ssl://a:1: Connection refused"), Some(false));
        assert_eq!(error(Code::BrokerTransportFailure, "SSL routines: alert bad certificate"), Some(true));
        assert_eq!(error(Code::UnknownTopic, "SSL"), None);
        let line = "[thrd:a:1/bootstrap]: a:1/bootstrap: Disconnected (after 1ms in state APIVERSION_QUERY)";
        let complaint = ConnectionFault::of_log(RDKafkaLogLevel::Info, "FAIL", line).unwrap();
        assert!(complaint.words.starts_with("a:1/bootstrap: Disc"), "{complaint:?}");
        assert!(complaint.words.contains("security.protocol"), "{complaint:?}");
        let hangs =
            "a:1/1: ApiVersionRequest failed: Local: Timed out (after 5012ms in state APIVERSION_QUERY)";
        let complaint = ConnectionFault::of_log(RDKafkaLogLevel::Info, "FAIL", hangs).unwrap();
        assert_eq!(complaint.words, hangs, "a broker that hangs says nothing of TLS");
        assert_eq!(ConnectionFault::of_log(RDKafkaLogLevel::Info, "CONFWARN", line), None);
        assert_eq!(ConnectionFault::of_log(RDKafkaLogLevel::Debug, "FAIL", line), None);
    }
}
