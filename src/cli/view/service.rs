//! Service: what all requests of a page share, and the replay of a dead letter.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::json;
use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::feed::Feed;
use super::pictures::Pictures;
use crate::cli::{dlq, with_causes};
use crate::config::Config;
use crate::input::fetch::FetcherError;

/// What is told of a feed to each page first.
#[derive(Debug, Clone)]
pub(super) struct About {
    /// Where the answers come from, in words.
    pub(super) source: String,
    /// Whether dead letters are read.
    pub(super) has_letters: bool,
    /// Whether an engine is asked for figures.
    pub(super) has_metrics: bool,
}

/// What all requests share.
pub(super) struct Service {
    pub(super) access: Access,
    pub(super) feed: Arc<Feed>,
    pub(super) pictures: Pictures,
    /// Places of pages that follow the feed.
    pub(super) pages: Arc<Semaphore>,
    pub(super) hello: String,
    /// A name of this process, which numbers its posts from 0 on.
    pub(super) process: String,
    pub(super) closed: CancellationToken,
    config: Config,
    can_replay: bool,
    /// One replay at a time: two of one letter would both send it.
    replaying: Mutex<()>,
}

impl Service {
    pub(super) fn new(
        config: &Config,
        about: &About,
        port: u16,
        closed: CancellationToken,
    ) -> Result<Self, FetcherError> {
        let can_replay = config.view.replay && about.has_letters;
        let process = format!("{:08x}", rand::random::<u32>());
        let hello = json!({
            "process": process,
            "source": about.source,
            "replay": can_replay,
            "letters": about.has_letters,
            "metrics": about.has_metrics,
        });
        Ok(Self {
            access: Access::new(config.view.token.clone(), port),
            feed: Arc::new(Feed::new(&config.view)),
            pictures: Pictures::new(config)?,
            pages: Arc::new(Semaphore::new(config.view.max_connections / 2)),
            hello: hello.to_string(),
            process,
            closed,
            config: config.clone(),
            can_replay,
            replaying: Mutex::default(),
        })
    }

    /// Sends the post of a dead letter again. Returns what to tell the reader.
    pub(super) async fn replay(&self, position: (i32, i64)) -> Result<String, (StatusCode, String)> {
        if !self.can_replay {
            let why = "replays are not allowed: view.replay, or --allow-replay";
            return Err((StatusCode::FORBIDDEN, why.to_owned()));
        }
        let _alone = self.replaying.lock().await;
        let config = self.config.clone();
        let replayed = tokio::task::spawn_blocking(move || dlq::replay_one(&config, position)).await;
        match replayed {
            Ok(Ok(topic)) => Ok(format!("Sent again to {topic}.")),
            Ok(Err(failure)) => Err((StatusCode::CONFLICT, with_causes(&*failure))),
            // A panic has been logged.
            Err(_) => Err((StatusCode::INTERNAL_SERVER_ERROR, "the replay failed".to_owned())),
        }
    }
}
