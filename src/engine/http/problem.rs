//! Problems: why a request or a post has no answer, as problem details (RFC 9457).

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{Rejection, RejectionClass};

/// Why a request, or a post of a batch, has no answer.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(super) struct Problem {
    /// `urn:riveg:problem:CLASS` for a refused post, and otherwise `about:blank`: the status says it.
    #[serde(rename = "type")]
    kind: String,
    /// What happened, the same for all problems of a type.
    title: &'static str,
    /// The status code, also of a post within a batch.
    status: u16,
    /// What is wrong with this request or post, and where.
    detail: String,
    /// The class of a refused post, as its dead letter would have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'static str>,
    /// The stage that refused the post, as its dead letter would have it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<&'static str>,
    #[serde(skip)]
    #[schema(ignore)]
    headers: Box<[(HeaderName, HeaderValue)]>,
}

impl Problem {
    /// A problem of the request.
    pub(super) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            class: None,
            stage: None,
            headers: Box::default(),
        }
    }

    /// A refused post. The engine's own faults are 500, all others the post's.
    pub(super) fn of_rejection(rejection: &Rejection) -> Self {
        let Rejection { stage, class, message } = rejection;
        let status = match class {
            RejectionClass::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self {
            kind: format!("urn:riveg:problem:{class}"),
            title: "The post is refused",
            class: Some(class.as_str()),
            stage: Some(stage),
            ..Self::new(status, message)
        }
    }

    /// The same with a header, whose value is plain ASCII.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        let added = HeaderValue::from_str(value).ok().map(|value| (name, value));
        self.headers = self.headers.into_iter().chain(added).collect();
        self
    }

    /// The same with the seconds after which the request may be sent again.
    pub(super) fn retry_after(self, seconds: u64) -> Self {
        self.with(header::RETRY_AFTER, &seconds.to_string())
    }

    /// The same, as the last response of its connection.
    pub(super) fn closing(self) -> Self {
        self.with(header::CONNECTION, "close")
    }

    pub(super) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    pub(super) fn json(&self) -> Vec<u8> {
        match serde_json::to_vec(self) {
            Ok(json) => json,
            Err(error) => unreachable!("numbers and strings always become JSON: {error}"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.json()));
        *response.status_mut() = self.status();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response.headers_mut().extend(self.headers);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_post_is_told_as_its_dead_letter_would_tell_it() {
        let rejection =
            |class| Rejection { stage: "decode", class, message: "missing field `id`".to_owned() };
        let problem = Problem::of_rejection(&rejection(RejectionClass::Malformed));
        let told: serde_json::Value = serde_json::from_slice(&problem.json()).unwrap();
        let expected = serde_json::json!({
            "type": "urn:riveg:problem:malformed", "title": "The post is refused", "status": 422,
            "detail": "missing field `id`", "class": "malformed", "stage": "decode",
        });
        assert_eq!(told, expected);
        assert_eq!(Problem::of_rejection(&rejection(RejectionClass::Internal)).status, 500);
    }

    #[test]
    fn a_problem_of_the_request_has_its_headers_and_no_class() {
        let response = Problem::new(StatusCode::TOO_MANY_REQUESTS, "all places are taken")
            .retry_after(7)
            .into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        let told = Problem::new(StatusCode::NOT_FOUND, "no").json();
        assert_eq!(told, br#"{"type":"about:blank","title":"Not Found","status":404,"detail":"no"}"#);
    }
}
