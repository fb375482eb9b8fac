//! Span contexts, and the header `traceparent` that carries one (W3C Trace Context).

use std::fmt;

/// The header's name, on Kafka and over HTTP.
pub const TRACEPARENT: &str = "traceparent";

/// One span among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpanContext {
    /// The trace, not 0.
    pub trace: u128,
    /// The span, not 0.
    pub span: u64,
}

/// The span that a record or a request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The span.
    pub context: SpanContext,
    /// Whether its trace is recorded.
    pub is_sampled: bool,
}

impl SpanContext {
    /// A new trace with its first span.
    pub(super) fn random() -> Self {
        // 0 is no id. It comes once in 2^64.
        Self { trace: rand::random::<u128>().max(1), span: random_span() }
    }

    /// A further span of the same trace.
    pub(super) fn sibling(self) -> Self {
        Self { span: random_span(), ..self }
    }

    /// The trace's id as text.
    #[must_use]
    pub fn trace_id(self) -> String {
        format!("{:032x}", self.trace)
    }
}

fn random_span() -> u64 {
    rand::random::<u64>().max(1)
}

impl TraceParent {
    /// Reads a header. None: it is not valid, and counts as none.
    #[must_use]
    pub fn parse(header: &[u8]) -> Option<Self> {
        // Version, trace, span and flags; later versions may have more behind a hyphen.
        const LENGTH: usize = 55;
        let text = std::str::from_utf8(header).ok()?.trim_matches([' ', '\t']);
        let (known, rest) = text.split_at_checked(LENGTH)?;
        let parts: Vec<&str> = known.split('-').collect();
        let &[version, trace, span, flags] = &parts[..] else { return None };
        let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let is_valid = [(version, 2), (trace, 32), (span, 16), (flags, 2)]
            .iter()
            .all(|(part, length)| part.len() == *length && is_hex(part));
        let ends = rest.is_empty() || (version != "00" && rest.starts_with('-'));
        if !is_valid || !ends || version == "ff" {
            return None;
        }
        let trace = u128::from_str_radix(trace, 16).ok().filter(|trace| *trace != 0)?;
        let span = u64::from_str_radix(span, 16).ok().filter(|span| *span != 0)?;
        let flags = u8::from_str_radix(flags, 16).ok()?;
        Some(Self { context: SpanContext { trace, span }, is_sampled: flags & 1 == 1 })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let SpanContext { trace, span } = self.context;
        write!(formatter, "00-{trace:032x}-{span:016x}-{:02x}", u8::from(self.is_sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_as_its_standard_says() {
        let (trace, span) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
        let sampled = format!("00-{trace}-{span}-01");
        let read = TraceParent::parse(sampled.as_bytes()).unwrap();
        assert_eq!(read.to_string(), sampled);
        assert_eq!((read.context.trace_id().as_str(), read.is_sampled), (trace, true));
        let is_sampled = |header: &str| TraceParent::parse(header.as_bytes()).map(|read| read.is_sampled);
        for (header, expected) in [
            (format!("00-{trace}-{span}-00"), Some(false)),
            (format!("00-{trace}-{span}-03"), Some(true)),
            (format!(" 00-{trace}-{span}-01\t"), Some(true)),
            (format!("cc-{trace}-{span}-01-what-is-new"), Some(true)),
            (format!("00-{trace}-{span}-01-more"), None),
            (format!("cc-{trace}-{span}-01.more"), None),
            (format!("ff-{trace}-{span}-01"), None),
            (format!("00-{}-{span}-01", trace.to_uppercase()), None),
            (format!("00-{}-{span}-01", "0".repeat(32)), None),
            (format!("00-{trace}-{}-01", "0".repeat(16)), None),
            (format!("00-{trace}-{span}"), None),
            (format!("00_{trace}_{span}_01"), None),
            (format!("00-{}é-{span}-01", &trace[..30]), None),
            (String::new(), None),
        ] {
            assert_eq!(is_sampled(&header), expected, "{header}");
        }
        assert_eq!(TraceParent::parse(b"\xff"), None);
    }
}
