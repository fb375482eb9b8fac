//! Content negotiation: the format and compression that a client of `/metrics` accepts.

/// How metrics are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Form {
    /// What a response in this form is called.
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// The form that a header `Accept` prefers: OpenMetrics only where it is asked for by name, and not less than text.
    pub(super) fn preferred(accept: &str) -> Self {
        let weight = |wanted: fn(&Item<'_>) -> bool| {
            items(accept).filter(wanted).map(|item| item.weight).fold(0.0, f32::max)
        };
        let open = weight(|item| {
            item.name.eq_ignore_ascii_case("application/openmetrics-text")
                && matches!(item.parameter("version"), None | Some("1.0.0"))
        });
        let text = weight(|item| {
            item.name.eq_ignore_ascii_case("text/plain")
                && matches!(item.parameter("version"), None | Some("0.0.4"))
        });
        if open > 0.0 && open >= text { Self::OpenMetrics } else { Self::Text }
    }
}

/// Whether a header `Accept-Encoding` allows gzip. What is named counts more than `*`.
pub(super) fn takes_gzip(accept_encoding: &str) -> bool {
    let weight = |name: &str| {
        items(accept_encoding).find(|item| item.name.eq_ignore_ascii_case(name)).map(|item| item.weight)
    };
    let named = weight("gzip").or_else(|| weight("x-gzip"));
    named.or_else(|| weight("*")).is_some_and(|weight| weight > 0.0)
}

/// One of the things that a header lists.
struct Item<'a> {
    name: &'a str,
    parameters: &'a str,
    /// 0: not acceptable; 1: best.
    weight: f32,
}

impl<'a> Item<'a> {
    fn new(item: &'a str) -> Self {
        let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
        let mut item = Self { name: name.trim(), parameters, weight: 1.0 };
        // A weight that is no number is the client's fault: what has it is not given to that client.
        item.weight = item.parameter("q").map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        item
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }
}

fn items(header: &str) -> impl Iterator<Item = Item<'_>> {
    header.split(',').map(Item::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_for_those_who_ask_for_it_and_text_for_all_others() {
        // As Prometheus 2.42 and 3.0 ask.
        let second = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                      text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        let third = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                     text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for accept in
            [second, third, "application/openmetrics-text", "Application/OpenMetrics-Text; version=\"1.0.0\""]
        {
            assert_eq!(Form::preferred(accept), Form::OpenMetrics, "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/plain;version=0.0.4;q=1,*/*;q=0.1",
            "application/openmetrics-text;version=0.0.1",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=often",
            "application/openmetrics-text;q=0.3,text/plain;q=0.5",
        ] {
            assert_eq!(Form::preferred(accept), Form::Text, "{accept}");
        }
    }

    #[test]
    fn gzip_is_for_those_who_take_it() {
        for header in ["gzip", "deflate, gzip;q=0.5", "GZIP", "x-gzip", "*", "br;q=1.0, *;q=0.1"] {
            assert!(takes_gzip(header), "{header}");
        }
        for header in ["", "identity", "gzip;q=0", "gzip; q=0.0, *", "*;q=0", "br"] {
            assert!(!takes_gzip(header), "{header}");
        }
    }
}
