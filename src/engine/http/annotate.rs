//! `POST /v1/annotate`: posts in, answers out.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use super::admission::{BodyMemory, RequestPlace, unavailable};
use super::body::{Posts, announced, pass_over, posts};
use super::content::{AnswerForm, BodyForm, Encoding, NDJSON, Parameters};
use super::deadline::timeout;
use super::element::Element;
use super::order::{Order, Ordered};
use super::problem::Problem;
use super::service::{Engine, Service};
use super::token::is_allowed;
use super::work::{Work, late};
use crate::input::formats::InputRecord;
use crate::telemetry::HttpRequest;
use crate::telemetry::traces::{Kind, TRACEPARENT};

/// What the head of a request asks for.
struct Asked {
    parameters: Parameters,
    body: (BodyForm, Encoding),
    answer: AnswerForm,
    timeout: Duration,
    /// The bytes that its body may take.
    memory: u64,
    /// The header `traceparent`.
    traceparent: Option<HeaderValue>,
}

/// What is held until the answer is sent.
struct Held {
    counted: HttpRequest,
    _place: RequestPlace,
    _memory: BodyMemory,
}

#[utoipa::path(
    post,
    path = "/v1/annotate",
    operation_id = "annotate",
    summary = "Names the entities of posts and shows them in their pictures",
    description = "One post or a batch, in any of the formats that records of a topic may have. A batch has an answer \
                   for each of its posts, problems included, with the status 200.",
    params(
        Parameters,
        ("X-Server-Timeout" = Option<f64>, Header, description = "Seconds that the client waits for the answer; at most, and without it, http.timeout."),
    ),
    request_body(content(
        (Object = "application/json"),
        (String = "application/x-ndjson"),
        (Object = "application/cloudevents+json"),
        (Vec<Object> = "application/cloudevents-batch+json"),
    ), description = "A record, an array of records, or a record a line; gzip is taken."),
    responses(
        (status = 200, description = "The answers."),
        (status = 400, description = "The body, a parameter or a header cannot be read.", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "The token is missing or wrong.", body = Problem, content_type = "application/problem+json"),
        (status = 406, description = "The client takes neither JSON nor NDJSON.", body = Problem, content_type = "application/problem+json"),
        (status = 408, description = "The body has not arrived in time.", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "The body is too long, or has too many posts.", body = Problem, content_type = "application/problem+json"),
        (status = 415, description = "The body is of another type or compression.", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The only post is refused, with the reason that its dead letter would have.", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many posts are in flight: Retry-After says when to try again.", body = Problem, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds."))),
        (status = 500, description = "The engine failed on the only post.", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The engine starts or ends: Retry-After says when to try again.", body = Problem, content_type = "application/problem+json", headers(("Retry-After" = u64, description = "Seconds."))),
        (status = 504, description = "The time of the request was over.", body = Problem, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn annotate(service: Arc<Service>, request: Request) -> Response {
    let counted = service.metrics.request();
    let begun = Instant::now();
    let (head, body) = request.into_parts();
    let expects = head.headers.contains_key(header::EXPECT);
    match admitted(&service, &head.uri, &head.headers) {
        Ok((engine, asked, place, memory)) => {
            let held = Held { counted, _place: place, _memory: memory };
            answer(&service, engine, (asked, body), begun, held).await
        }
        Err(problem) => {
            // A client that waits for leave to send has sent nothing.
            if !expects {
                pass_over(body).await;
            }
            refuse(problem, counted)
        }
    }
}

/// All that can be refused before the body is read, in the order in which it matters.
fn admitted<'a>(
    service: &'a Service,
    uri: &axum::http::Uri,
    headers: &HeaderMap,
) -> Result<(&'a Engine, Asked, RequestPlace, BodyMemory), Problem> {
    if !is_allowed(headers, &service.config.token) {
        let detail = "the header `authorization` must be `Bearer` and the token of http.token";
        let problem = Problem::new(StatusCode::UNAUTHORIZED, detail);
        return Err(problem.with(header::WWW_AUTHENTICATE, "Bearer realm=\"riveg\""));
    }
    let place = service.admission.request()?;
    let engine = service.engine.get().ok_or_else(|| unavailable("the networks are not warm yet"))?;
    let parameters = Parameters::of(uri, &service.formats)?;
    let body = (BodyForm::of(headers)?, Encoding::of(headers)?);
    let answer = AnswerForm::of(headers)?;
    let timeout = timeout(headers, service.config.timeout)
        .map_err(|detail| Problem::new(StatusCode::BAD_REQUEST, detail))?;
    let memory = announced(headers, body.1, &service.config)?;
    let traceparent = headers.get(TRACEPARENT).cloned();
    let asked = Asked { parameters, body, answer, timeout, memory, traceparent };
    let memory = service.admission.body(asked.memory)?;
    Ok((engine, asked, place, memory))
}

async fn answer(
    service: &Service,
    engine: &Engine,
    (asked, body): (Asked, Body),
    begun: Instant,
    held: Held,
) -> Response {
    let deadline = begun + asked.timeout;
    let read = timeout_at(deadline, posts(body, asked.body, &service.config)).await;
    let records = match read.unwrap_or_else(|_| Err(late().closing())) {
        Ok(records) => records,
        Err(problem) => return refuse(problem, held.counted),
    };
    let (records, is_one) = match records {
        Posts::One(record) => (vec![record], true),
        Posts::Many(records) => (records, false),
    };
    let places = match service.admission.posts(records.len()) {
        Ok(places) => places,
        Err(problem) => return refuse(problem, held.counted),
    };
    let format: Option<Arc<str>> = asked.parameters.format.as_deref().map(Into::into);
    let traceparent = asked.traceparent.as_ref().map(HeaderValue::as_bytes);
    let records = records.into_iter().map(|payload| {
        let trace = service.tracer.begin(traceparent, Kind::Server, || "POST /v1/annotate".to_owned());
        InputRecord { payload, topic: None, format: format.clone(), trace }
    });
    let writing = engine.writing(&asked.parameters, SystemTime::now());
    let work = Work::begin(records.zip(places), &engine.annotate, (&writing, &service.metrics), deadline);
    let order = asked.parameters.order;
    match (asked.answer, is_one) {
        (AnswerForm::Lines, _) => lines(work, order, held),
        (AnswerForm::Json, true) => one(work, held).await,
        (AnswerForm::Json, false) => array(work, order, held).await,
    }
}

/// The answer to the only record is the response.
async fn one(mut work: Work, held: Held) -> Response {
    match work.next().await {
        Some((_, Element { problem: Some(problem), .. })) => refuse(problem, held.counted),
        Some((_, Element { json, problem: None })) => found("application/json", json, held.counted),
        None => refuse(late(), held.counted),
    }
}

/// All answers in one array. Half of them would not be JSON: where the deadline passes there are none.
async fn array(mut work: Work, order: Order, held: Held) -> Response {
    let (mut ordered, mut values) = (Ordered::new(order), Vec::new());
    while let Some((index, element)) = work.next().await {
        if work.is_late() {
            return refuse(late(), held.counted);
        }
        values.extend(
            ordered.push(index, element).iter().map(|(index, element)| value(*index, element, order)),
        );
    }
    let json = [b"[", &values.join(&b',')[..], b"]"].concat();
    found("application/json", json, held.counted)
}

/// An answer a line, as soon as it may be written. The status is sent before any answer is known.
fn lines(work: Work, order: Order, mut held: Held) -> Response {
    held.counted.responds(StatusCode::OK.as_u16());
    let state = (work, Ordered::new(order), held);
    let lines = stream::unfold(state, move |(mut work, mut ordered, held)| async move {
        let mut text = Vec::new();
        while text.is_empty() {
            let (index, element) = work.next().await?;
            for (index, element) in ordered.push(index, element) {
                text.extend(value(index, &element, order));
                text.push(b'\n');
            }
        }
        Some((Ok::<_, std::convert::Infallible>(Bytes::from(text)), (work, ordered, held)))
    });
    let mut response = Response::new(Body::from_stream(lines));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(NDJSON));
    response
}

fn value(index: usize, element: &Element, order: Order) -> Vec<u8> {
    match order {
        Order::Input => element.json.clone(),
        Order::Completion => element.with_index(index),
    }
}

fn found(kind: &'static str, json: Vec<u8>, mut counted: HttpRequest) -> Response {
    counted.responds(StatusCode::OK.as_u16());
    ([(header::CONTENT_TYPE, kind)], json).into_response()
}

fn refuse(problem: Problem, mut counted: HttpRequest) -> Response {
    let status = problem.status().as_u16();
    counted.responds(status);
    debug!(status, "a request is refused");
    problem.into_response()
}

#[cfg(test)]
mod tests;
