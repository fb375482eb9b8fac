//! Headers and queries of clients.

use super::*;

fn headers(name: HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, value.parse().unwrap())])
}

#[test]
fn a_body_is_what_its_header_names() {
    let form =
        |value: &str| BodyForm::of(&headers(header::CONTENT_TYPE, value)).map_err(|problem| problem.status());
    for json in ["application/json", "Application/JSON; charset=utf-8", "application/cloudevents-batch+json"]
    {
        assert_eq!(form(json), Ok(BodyForm::Json), "{json}");
    }
    assert_eq!(form("application/x-ndjson"), Ok(BodyForm::Lines));
    for other in ["", "text/plain", "application/x-www-form-urlencoded", "json"] {
        assert_eq!(form(other), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{other}");
    }
    assert!(BodyForm::of(&HeaderMap::new()).is_err());
}

#[test]
fn answers_are_json_unless_lines_are_asked_for() {
    let form =
        |value: &str| AnswerForm::of(&headers(header::ACCEPT, value)).map_err(|problem| problem.status());
    assert_eq!(AnswerForm::of(&HeaderMap::new()), Ok(AnswerForm::Json));
    for json in [
        "*/*",
        "application/json",
        "text/html, application/*;q=0.5",
        "application/json, application/x-ndjson;q=0.9",
    ] {
        assert_eq!(form(json), Ok(AnswerForm::Json), "{json}");
    }
    for lines in [
        "application/x-ndjson",
        "application/x-ndjson, */*;q=0.1",
        "application/json;q=0.5, application/x-ndjson",
        "*/*, application/x-ndjson",
    ] {
        assert_eq!(form(lines), Ok(AnswerForm::Lines), "{lines}");
    }
    for neither in ["text/html", "application/json;q=0", "application/x-ndjson;q=0"] {
        assert_eq!(form(neither), Err(StatusCode::NOT_ACCEPTABLE), "{neither}");
    }
}

#[test]
fn bodies_may_be_compressed_by_gzip_and_by_nothing_else() {
    let encoding = |value: &str| {
        Encoding::of(&headers(header::CONTENT_ENCODING, value)).map_err(|problem| problem.status())
    };
    assert_eq!(encoding("GZIP"), Ok(Encoding::Gzip));
    assert_eq!(encoding("identity"), Ok(Encoding::Identity));
    for other in ["br", "gzip, gzip", "zstd"] {
        assert_eq!(encoding(other), Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{other}");
    }
}

#[test]
fn parameters_that_are_not_known_are_refused_by_name() {
    let formats = ["auto", "riveg", "x"].map(str::to_owned);
    let read = |query: &str| Parameters::of(&format!("/v1/annotate?{query}").parse().unwrap(), &formats);
    let asked = read("format=x&order=completion&shape=triple&masks=none&boxes=relative").unwrap();
    let expected = Parameters {
        format: Some("x".to_owned()),
        order: Order::Completion,
        shape: Some(Shape::Triple),
        masks: Some(MaskForm::None),
        boxes: Some(BoxUnit::Relative),
    };
    assert_eq!(asked, expected);
    assert_eq!(read("").unwrap(), Parameters::default());
    for (query, part) in [
        ("format=y", "must be one of auto, riveg, x"),
        ("order=random", "unknown variant `random`, expected `input` or `completion`"),
        ("forms=x", "unknown field `forms`"),
    ] {
        let problem = read(query).unwrap_err();
        let told = String::from_utf8(problem.json()).unwrap();
        assert!(problem.status() == StatusCode::BAD_REQUEST && told.contains(part), "{told}");
    }
}
