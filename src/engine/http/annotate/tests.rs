//! Requests to a service whose engine answers by the text of a record.

use axum::body::to_bytes;
use futures_util::FutureExt;
use serde_json::Value;

use super::super::samples;
use super::super::service;
use super::*;
use crate::config::{Config, Sources};
use crate::engine::EventAnswer;
use crate::telemetry::Metrics;

struct Setting {
    service: Arc<Service>,
    metrics: Metrics,
}

impl Setting {
    fn starting() -> Self {
        let sets = ["http.posts_in_flight=4", "http.max_posts=3", "http.max_body=16MiB", "http.memory=32MiB"];
        let sets = sets.map(str::to_owned).into();
        let config = Config::load(&Sources { sets, ..Sources::default() }).unwrap().config;
        let metrics = Metrics::new();
        Self { service: Arc::new(Service::new(&config, &metrics)), metrics }
    }

    /// An engine that never answers the record `"never"`.
    fn started() -> Self {
        let setting = Self::starting();
        let config = Config::load(&Sources::default()).unwrap().config;
        let annotate = |record: InputRecord| {
            async move {
                if record.payload == "\"never\"" {
                    std::future::pending::<()>().await;
                }
                let id = String::from_utf8_lossy(&record.payload).into_owned();
                Ok(vec![EventAnswer::Annotated(Box::new(samples::annotated(&id)))])
            }
            .boxed()
        };
        setting.service.begin(Arc::new(annotate), service::Encoding::new(&config, "hash"));
        setting
    }

    async fn post(&self, query: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> (u16, String) {
        let request =
            Request::post(format!("/v1/annotate{query}")).header("content-type", "application/json");
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        let response = annotate(Arc::clone(&self.service), request.body(body.into()).unwrap()).await;
        let status = response.status().as_u16();
        let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

const LINES: (&str, &str) = ("accept", "application/x-ndjson");

#[tokio::test]
async fn posts_are_refused_until_the_networks_are_warm_and_once_the_end_has_begun() {
    let (status, told) = Setting::starting().post("", &[], "1").await;
    assert!(status == 503 && told.contains("not warm"), "{told}");
    let setting = Setting::started();
    assert_eq!(setting.post("", &[], "1").await.0, 200);
    setting.service.admission.drain().await;
    let (status, told) = setting.post("", &[], "1").await;
    assert!(status == 503 && told.contains("is ending"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn lines_that_are_done_are_sent_and_the_others_are_late() {
    let setting = Setting::started();
    for (query, expected) in [("", [0, 1, 2]), ("?order=completion", [0, 2, 1])] {
        let (status, text) = setting.post(query, &[LINES], r#"[1, "never", 3]"#).await;
        assert_eq!(status, 200);
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3, "{text}");
        for (line, index) in lines.iter().zip(expected) {
            let answer = if query.is_empty() { line } else { &line["answer"] };
            assert!(query.is_empty() || line["index"] == index, "{text}");
            let late = answer["status"] == 504;
            assert!(late == (index == 1) && (late || answer["schema"] == "riveg.annotation"), "{text}");
        }
    }
    assert_eq!(setting.post("", &[], r#"[1, "never"]"#).await.0, 504);
    assert_eq!(setting.post("", &[("x-server-timeout", "1")], r#""never""#).await.0, 504);
    tokio::task::yield_now().await;
    assert!(setting.service.admission.posts(4).is_ok(), "all places are free");
    let text = setting.metrics.render();
    assert!(text.contains("riveg_http_requests_total{status=\"504\"} 2\n"), "{text}");
}

#[tokio::test]
async fn a_response_that_is_dropped_gives_its_work_up() {
    let setting = Setting::started();
    let request =
        Request::post("/v1/annotate").header("content-type", "application/json").header(LINES.0, LINES.1);
    let response =
        annotate(Arc::clone(&setting.service), request.body(r#"["never", "never", 1]"#.into()).unwrap())
            .await;
    assert!(setting.service.admission.posts(2).is_err());
    drop(response);
    while setting.service.admission.posts(4).is_err() {
        tokio::task::yield_now().await;
    }
    setting.service.admission.drain().await;
}

#[tokio::test]
async fn the_form_of_the_body_decides_the_form_of_the_answer() {
    let setting = Setting::started();
    let posts = async |query: &'static str, body: &'static str| {
        let (status, text) = setting.post(query, &[], body).await;
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(posts("", "7").await["post_id"], "7");
    assert_eq!(posts("", "[7]").await[0]["post_id"], "7");
    assert_eq!(posts("", "[]").await, Value::Array(Vec::new()));
    let indexed = posts("?order=completion", "[7]").await;
    assert_eq!((&indexed[0]["index"], &indexed[0]["answer"]["post_id"]), (&0.into(), &"7".into()));
    // A post without entities has one record, which says so.
    assert_eq!(posts("?shape=triple", "7").await[0]["triples"], 0);
    let (status, text) = setting.post("", &[LINES], "7").await;
    assert!(status == 200 && text.ends_with("}\n"), "{text}");
    for (body, expected) in [("[1,2,3,4]", 413), ("[", 400)] {
        assert_eq!(setting.post("", &[], body).await.0, expected, "{body}");
    }
}
