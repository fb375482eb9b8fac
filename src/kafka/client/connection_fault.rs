//! Connection faults: why a broker is unreachable, from errors of the client and from lines of its log.

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::RDKafkaErrorCode;

/// The name of a level of the client's log.
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

/// Why a broker is unreachable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionFault {
    /// A server responded, and one side refuses or does not understand the other.
    pub is_access_denied: bool,
    /// The client's message.
    pub message: String,
}

impl ConnectionFault {
    /// The fault that an error of the client describes, if it concerns a connection.
    #[must_use]
    pub fn of_error(code: RDKafkaErrorCode, message: &str) -> Option<Self> {
        use RDKafkaErrorCode as Code;
        let is_access_denied = match code {
            Code::Authentication | Code::SSL => true,
            // A TLS alert after the handshake is reported as a broken connection.
            Code::BrokerTransportFailure | Code::Resolve => message.contains("SSL"),
            _ => return None,
        };
        Some(Self { is_access_denied, message: message.to_owned() })
    }

    /// The fault that a line of the client's log describes. The client only logs a closed connection, although that is
    /// how plain text to a broker that expects TLS ends. Lines at error level also come as errors; debug lines are
    /// ignored.
    #[must_use]
    pub fn of_log(level: RDKafkaLogLevel, facility: &str, line: &str) -> Option<Self> {
        use RDKafkaLogLevel as Level;
        if facility != "FAIL" || !matches!(level, Level::Warning | Level::Notice | Level::Info) {
            return None;
        }
        // Without the name of the client's thread.
        let message = line
            .split_once("]: ")
            .filter(|_| line.starts_with("[thrd:"))
            .map_or(line, |(_, message)| message);
        let mut fault = Self::of_error(RDKafkaErrorCode::BrokerTransportFailure, message)?;
        // A broker that hangs looks the same until the request times out.
        let has_timed_out = message.contains("Timed out") || message.contains("timed out");
        if message.contains("in state APIVERSION_QUERY") && !message.contains("ssl://") && !has_timed_out {
            fault.message.push_str("; it may speak TLS only (security.protocol in kafka.properties)");
        }
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_refuses_access_is_told_from_one_that_is_unreachable() {
        let error =
            |code, message| ConnectionFault::of_error(code, message).map(|fault| fault.is_access_denied);
        use RDKafkaErrorCode as Code;
        assert_eq!(error(Code::Authentication, "wrong password"), Some(true));
        assert_eq!(error(Code::SSL, "handshake failed"), Some(true));
        assert_eq!(error(Code::BrokerTransportFailure, "ssl://a:1: Connection refused"), Some(false));
        assert_eq!(error(Code::BrokerTransportFailure, "SSL routines: alert bad certificate"), Some(true));
        assert_eq!(error(Code::UnknownTopic, "SSL"), None);
        let line = "[thrd:a:1/bootstrap]: a:1/bootstrap: Disconnected (after 1ms in state APIVERSION_QUERY)";
        let fault = ConnectionFault::of_log(RDKafkaLogLevel::Info, "FAIL", line).unwrap();
        assert!(fault.message.starts_with("a:1/bootstrap: Disc"), "{fault:?}");
        assert!(fault.message.contains("security.protocol"), "{fault:?}");
        let hangs =
            "a:1/1: ApiVersionRequest failed: Local: Timed out (after 5012ms in state APIVERSION_QUERY)";
        let fault = ConnectionFault::of_log(RDKafkaLogLevel::Info, "FAIL", hangs).unwrap();
        assert_eq!(fault.message, hangs, "a broker that hangs does not indicate TLS");
        assert_eq!(ConnectionFault::of_log(RDKafkaLogLevel::Info, "CONFWARN", line), None);
        assert_eq!(ConnectionFault::of_log(RDKafkaLogLevel::Debug, "FAIL", line), None);
    }
}
