//! Socket: one WebSocket connection to Jetstream, and why it cannot be opened or ends.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};
use url::Url;

use crate::cli::quoted::shown;

/// The limit of a connection with its TLS handshake and its upgrade: ten round trips around the world, twice.
const CONNECT: Duration = Duration::from_secs(10);

/// Servers are asked to leave out events beyond `--max-event`. One that sends some longer ones is borne with; so much is
/// read into memory at most.
const MAX_MESSAGE: usize = 16 << 20;

/// Bytes of a refusal's body that its message repeats.
const SHOWN: usize = 200;

/// An open connection.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// Why a connection cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("the server answers {status} to the upgrade{said}; is the address right?")]
    Refused { status: u16, said: String },
    #[error("the server answers {status} to the upgrade{said}")]
    Busy { status: u16, said: String },
    #[error("no connection within {} s", CONNECT.as_secs())]
    Timeout,
    #[error("no connection")]
    Failed(#[source] Box<Error>),
}

/// What came of waiting for a message.
#[derive(Debug)]
pub(super) enum Received {
    Text(Utf8Bytes),
    /// A frame that no event is in, such as the answer to a ping.
    Sign,
    Binary,
    Ended(End),
}

/// Why a connection is over.
#[derive(Debug, thiserror::Error)]
pub(super) enum End {
    #[error("the server closed the connection{0}")]
    Closed(String),
    #[error("nothing came for {0:?}")]
    Silent(Duration),
    #[error("an event has more than {} MiB", MAX_MESSAGE >> 20)]
    TooLong,
    #[error("the connection broke")]
    Broken(#[source] Box<Error>),
}

impl Socket {
    /// Opens a connection.
    ///
    /// # Errors
    /// Why it could not be opened.
    pub(super) async fn open(address: &Url) -> Result<Self, OpenError> {
        let config =
            WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
        let opening = connect_async_with_config(address.as_str(), Some(config), true);
        match timeout(CONNECT, opening).await {
            Ok(Ok((stream, _))) => Ok(Self(stream)),
            Ok(Err(error)) => Err(OpenError::of(error)),
            Err(_) => Err(OpenError::Timeout),
        }
    }

    /// The next frame, or that none came in time.
    pub(super) async fn next(&mut self, until: Instant, silence: Duration) -> Received {
        match timeout_at(until, self.0.next()).await {
            Err(_) => Received::Ended(End::Silent(silence)),
            Ok(None) => Received::Ended(End::Closed(String::new())),
            Ok(Some(Ok(Message::Text(text)))) => Received::Text(text),
            Ok(Some(Ok(Message::Binary(_)))) => Received::Binary,
            Ok(Some(Ok(Message::Close(frame)))) => {
                let reason = |reason: &str| format!(" ({})", shown(reason, SHOWN));
                let said = frame.map(|frame| reason(&format!("{} {}", u16::from(frame.code), frame.reason)));
                Received::Ended(End::Closed(said.unwrap_or_default()))
            }
            Ok(Some(Ok(_))) => Received::Sign,
            Ok(Some(Err(Error::Capacity(_)))) => Received::Ended(End::TooLong),
            Ok(Some(Err(error))) => Received::Ended(End::Broken(Box::new(error))),
        }
    }

    /// Asks the server for a sign.
    ///
    /// # Errors
    /// The connection takes nothing.
    pub(super) async fn ping(&mut self) -> Result<(), End> {
        match timeout(CONNECT, self.0.send(Message::Ping(Bytes::new()))).await {
            Ok(sent) => sent.map_err(|error| End::Broken(Box::new(error))),
            Err(_) => Err(End::Silent(CONNECT)),
        }
    }

    /// Says goodbye, if the server still listens.
    pub(super) async fn close(mut self) {
        let _ = timeout(Duration::from_secs(1), self.0.close(None)).await;
    }
}

impl OpenError {
    fn of(error: Error) -> Self {
        let Error::Http(answer) = error else { return Self::Failed(Box::new(error)) };
        let status = answer.status().as_u16();
        let body = answer.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        let body = shown(body.trim(), SHOWN);
        let said = if body.is_empty() { body } else { format!(" ({body})") };
        // 408 and 429 pass, as all beyond 499 do.
        if (400..500).contains(&status) && status != 408 && status != 429 {
            Self::Refused { status, said }
        } else {
            Self::Busy { status, said }
        }
    }
}
