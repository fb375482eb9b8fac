//! Site: an engine with everything that it can use (a language model, addresses of pictures, posts over HTTP), and its feed.

use std::net::TcpListener;

use riveg::lab::world::{Split, World};

use super::feed::{Feed, POSTS, Target};
use super::picture_server::PictureServer;
use crate::kafka::{EngineProcess, TestTopics};
use crate::knowledge::{endpoint, knowing};
use crate::support::llm::LlmServer;
use crate::support::pocket_bundle;

/// All of it.
pub(super) struct Site {
    pub(super) engine: EngineProcess,
    /// None where it has gone.
    pub(super) model: Option<LlmServer>,
    pub(super) pictures: PictureServer,
    names: TestTopics,
    http: String,
    _kept: tempfile::TempDir,
}

/// An address that was free a moment ago.
pub(super) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

impl Site {
    pub(super) fn start(more: &[&str]) -> Self {
        let (names, kept) = (TestTopics::with_topics(2), tempfile::tempdir().unwrap());
        let knows = knowing(POSTS);
        let model = LlmServer::start(move |asked| knows.reply(asked));
        let pictures = PictureServer::start(World::new(1, Split::Test).sample(0).picture.jpeg);
        let http = free_address();
        let mut sets = endpoint("pocket", &model.url());
        sets.extend([
            format!("bundle.path={}", pocket_bundle().display()),
            format!("answers.disk_path={}", kept.path().join("answers").display()),
            format!("engine.state={}", kept.path().display()),
            "expand.sources=[\"llm\"]".to_owned(),
            "expand.endpoints=[\"pocket\"]".to_owned(),
            format!("http.address={http}"),
            "fetch.degrade=publish-without".to_owned(),
            "fetch.retries=0".to_owned(),
            "fetch.schemes=[\"http\"]".to_owned(),
            "fetch.allow_networks=[\"127.0.0.0/8\"]".to_owned(),
            format!("fetch.ports=[{}]", pictures.port),
        ]);
        let sets: Vec<&str> = sets.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let engine = EngineProcess::start(&names, &sets);
        Self { engine, model: Some(model), pictures, names, http, _kept: kept }
    }

    pub(super) fn feed(&self) -> Feed {
        Feed::start(Target::of(&self.names, &self.http, self.pictures.port))
    }
}
