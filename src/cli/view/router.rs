//! Router: the addresses of the page, who may ask for them, and the headers that keep what posts say from being run.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use serde::Deserialize;
use url::form_urlencoded;

use super::access::Refusal;
use super::assets::{INDEX, SIGN_IN, asset};
use super::events::{self, Reader};
use super::service::Service;

/// Scripts, styles and connections of this server alone, nothing inline, no frames, no markup made by scripts. `blob:` is
/// for pictures that the page saves.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'; \
                      trusted-types 'none'";

/// A picture is nothing but a picture, also where it is opened by itself.
const PICTURE_POLICY: &str = "default-src 'none'; sandbox";

/// The most bytes of a body: a token, or a place of a dead letter.
const MAX_BODY: usize = 4096;

type Shared = State<Arc<Service>>;

/// The addresses of a page.
pub(super) fn router(service: &Arc<Service>) -> Router {
    let guarded = Router::new()
        .route("/api/feed", get(feed))
        .route("/api/post", get(one_post))
        .route("/api/replay", post(replay))
        .route("/picture/{process}/{number}/{place}", get(picture))
        .route_layer(from_fn_with_state(Arc::clone(service), guard));
    Router::new()
        .route("/", get(page))
        .route("/session", post(sign_in))
        .route("/assets/{name}", get(async |Path(name): Path<String>| asset(&name)))
        .merge(guarded)
        .fallback(async || (StatusCode::NOT_FOUND, "there is no such page"))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
        .layer(axum::middleware::map_response(harmless))
        .with_state(Arc::clone(service))
}

async fn guard(State(service): Shared, request: Request, next: Next) -> Response {
    match service.access.check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status(), self.message()).into_response()
    }
}

/// Adds the headers that every response has.
async fn harmless(mut response: Response) -> Response {
    let is_picture = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"image/") && kind != "image/svg+xml");
    let policy = if is_picture { PICTURE_POLICY } else { POLICY };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, policy),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn page(State(service): Shared, request: Request) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/html; charset=utf-8")];
    match service.access.check(request.method(), request.headers()) {
        Ok(()) => (kind, INDEX).into_response(),
        Err(refusal @ Refusal::NoSession) => (refusal.status(), kind, SIGN_IN).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

async fn sign_in(State(service): Shared, form: Bytes) -> Response {
    let mut fields = form_urlencoded::parse(&form);
    let token = fields.find(|(name, _)| name == "token").map(|(_, value)| value).unwrap_or_default();
    match service.access.sign_in(&token) {
        Ok(cookie) => {
            (StatusCode::SEE_OTHER, [(header::LOCATION, "/".to_owned()), (header::SET_COOKIE, cookie)])
                .into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn feed(State(service): Shared, headers: HeaderMap) -> Response {
    let Ok(place) = Arc::clone(&service.pages).try_acquire_owned() else {
        let why = "too many pages follow the feed: view.max_connections";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], why).into_response();
    };
    let last_event = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let reader = Reader {
        feed: Arc::clone(&service.feed),
        hello: service.hello.clone(),
        process: service.process.clone(),
        last_event,
        closed: service.closed.clone(),
        place,
    };
    let kind = [(header::CONTENT_TYPE, "text/event-stream")];
    (kind, Body::from_stream(events::stream(reader))).into_response()
}

#[derive(Deserialize)]
struct OnePost {
    id: String,
}

async fn one_post(State(service): Shared, Query(asked): Query<OnePost>) -> Response {
    match service.feed.read(|window| window.by_id(&asked.id)) {
        Some((number, post)) => {
            ([(header::CONTENT_TYPE, "application/json")], post.numbered(number)).into_response()
        }
        None => (StatusCode::NOT_FOUND, "the window does not have this post").into_response(),
    }
}

async fn picture(
    State(service): Shared,
    Path((process, number, place)): Path<(String, u64, usize)>,
) -> Response {
    let found = service.feed.read(|window| window.post(number)).filter(|_| process == service.process);
    match found.as_ref().and_then(|post| post.picture(place)) {
        Some(source) => service.pictures.answer(source).await,
        None => (StatusCode::NOT_FOUND, "the window does not have this picture").into_response(),
    }
}

#[derive(Deserialize)]
struct Replay {
    partition: i32,
    offset: i64,
}

/// The body must be declared as JSON, which no form of another site can do.
async fn replay(State(service): Shared, headers: HeaderMap, body: Bytes) -> Response {
    if headers.get(header::CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body must be JSON").into_response();
    }
    let Ok(asked) = serde_json::from_slice::<Replay>(&body) else {
        return (StatusCode::BAD_REQUEST, "the body must have `partition` and `offset`").into_response();
    };
    match service.replay((asked.partition, asked.offset)).await {
        Ok(said) => said.into_response(),
        Err((status, said)) => (status, said).into_response(),
    }
}
