//! Content: what a request's body is and which answer it asks for, by its headers and its query.

use axum::extract::Query;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use serde::Deserialize;
use utoipa::IntoParams;

use super::order::Order;
use super::problem::Problem;
use crate::kafka::publish::{BoxUnit, MaskForm, Shape};

/// How the posts stand in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyForm {
    /// One record, or an array of records.
    Json,
    /// A record a line.
    Lines,
}

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
}

/// How the answers stand in a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AnswerForm {
    /// One answer, or an array of answers.
    Json,
    /// An answer a line, as soon as it may be written.
    Lines,
}

/// What a request asks for beside its posts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The format of the posts: `auto`, `riveg`, `x`, `jetstream`, `mastodon`, `activitypub`, or the name of a mapping of
    /// the settings. Without it `ingest.format` holds.
    pub(super) format: Option<String>,
    /// The order of a batch's answers. With `completion` each is an object of `index`, the place of its post in the
    /// request from 0 on, and `answer`.
    #[serde(default)]
    #[param(inline, required = false)]
    pub(super) order: Order,
    /// Whether an answer is one object for the post or a list of its triples. Without it `publish.shape` holds.
    #[param(inline)]
    pub(super) shape: Option<Shape>,
    /// The form of masks. Without it `publish.masks` holds.
    #[param(inline)]
    pub(super) masks: Option<MaskForm>,
    /// The unit of boxes. Without it `publish.boxes` holds.
    #[param(inline)]
    pub(super) boxes: Option<BoxUnit>,
}

/// The media type of an answer a line.
pub(super) const NDJSON: &str = "application/x-ndjson";

const TAKEN: &str = "application/json, application/x-ndjson, application/cloudevents+json and \
                     application/cloudevents-batch+json";

impl Parameters {
    /// The parameters of an address. `formats` are the names that `format` may have.
    ///
    /// # Errors
    /// 400: an unknown parameter or value.
    pub(super) fn of(uri: &Uri, formats: &[String]) -> Result<Self, Problem> {
        let Query(parameters) = Query::<Self>::try_from_uri(uri)
            .map_err(|fault| Problem::new(StatusCode::BAD_REQUEST, fault.body_text()))?;
        match &parameters.format {
            Some(name) if !formats.contains(name) => {
                let detail = format!("the parameter `format` must be one of {}", formats.join(", "));
                Err(Problem::new(StatusCode::BAD_REQUEST, detail))
            }
            _ => Ok(parameters),
        }
    }
}

impl BodyForm {
    /// The form that a header `Content-Type` names.
    ///
    /// # Errors
    /// 415: another form, or none.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let said =
            headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        match media_type(said).as_str() {
            "application/json" | "application/cloudevents+json" | "application/cloudevents-batch+json" => {
                Ok(Self::Json)
            }
            NDJSON | "application/ndjson" | "application/jsonl" | "application/jsonlines" => Ok(Self::Lines),
            _ => {
                let detail =
                    format!("the header `content-type` must name what the body is: {TAKEN} are taken");
                Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
            }
        }
    }
}

impl Encoding {
    /// The compression that a header `Content-Encoding` names.
    ///
    /// # Errors
    /// 415: another one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let said = all_of(headers, header::CONTENT_ENCODING);
        match said.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            _ => {
                let detail = "the header `content-encoding` may be gzip or identity";
                let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail);
                Err(problem.with(header::ACCEPT_ENCODING, "gzip, identity"))
            }
        }
    }
}

impl AnswerForm {
    /// The form that a header `Accept` asks for: JSON unless lines are named and weigh more.
    ///
    /// # Errors
    /// 406: it takes neither.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let accept = all_of(headers, header::ACCEPT);
        let weight = |names: &[&str]| {
            let items = accept.split(',').filter(|item| names.contains(&media_type(item).as_str()));
            items
                .map(quality)
                .fold(None, |best: Option<f32>, weight| Some(best.map_or(weight, |best| best.max(weight))))
        };
        let lines = weight(&[NDJSON, "application/ndjson", "application/jsonl"]).unwrap_or(0.0);
        let any = if accept.trim().is_empty() { Some(1.0) } else { weight(&["application/*", "*/*"]) };
        let json = weight(&["application/json"]).or(any).unwrap_or(0.0);
        match (lines > 0.0, json > 0.0) {
            (true, false) => Ok(Self::Lines),
            // What is named wins over what a wildcard takes.
            (true, true) if weight(&["application/json"]).is_none_or(|json| lines > json) => Ok(Self::Lines),
            (_, true) => Ok(Self::Json),
            (false, false) => {
                let detail = format!("the header `accept` takes neither application/json nor {NDJSON}");
                Err(Problem::new(StatusCode::NOT_ACCEPTABLE, detail))
            }
        }
    }
}

/// A media type without its parameters.
fn media_type(said: &str) -> String {
    said.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The weight of an item of `Accept`; one that is no number takes nothing.
fn quality(item: &str) -> f32 {
    let weight = item.split(';').skip(1).find_map(|parameter| parameter.trim().strip_prefix("q="));
    weight.map_or(1.0, |weight| weight.parse().unwrap_or(0.0))
}

/// A header that may be sent in several lines.
fn all_of(headers: &HeaderMap, name: HeaderName) -> String {
    let lines: Vec<&str> = headers.get_all(name).iter().filter_map(|line| line.to_str().ok()).collect();
    lines.join(",")
}

#[cfg(test)]
mod tests;
