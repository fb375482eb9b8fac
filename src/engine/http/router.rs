//! Router: the addresses that are answered, and problems for all others.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::routing::{get, post};

use super::annotate::annotate;
use super::openapi;
use super::problem::Problem;
use super::service::Service;

/// The addresses of a service.
pub(super) fn router(service: &Arc<Service>) -> Router {
    let described = openapi::description(&service.formats);
    let service = Arc::clone(service);
    let annotating = move |request: Request| annotate(Arc::clone(&service), request);
    let describing = move || async move { ([(header::CONTENT_TYPE, "application/json")], described) };
    let not_found =
        || async { Problem::new(StatusCode::NOT_FOUND, "there are /v1/annotate and /v1/openapi.json") };
    let wrong_method = || async {
        Problem::new(StatusCode::METHOD_NOT_ALLOWED, "/v1/annotate takes POST, and /v1/openapi.json GET")
    };
    Router::new()
        .route("/v1/annotate", post(annotating))
        .route("/v1/openapi.json", get(describing))
        .method_not_allowed_fallback(wrong_method)
        .fallback(not_found)
}
