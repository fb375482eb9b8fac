//! HTTP of a local hub, written by hand: a server of a library would not send what is wrong.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    /// `hub` or `storage`.
    pub(crate) server: &'static str,
    pub(crate) method: String,
    /// The path, with its query.
    pub(crate) path: String,
    /// The first byte that is asked for.
    pub(crate) from: Option<u64>,
    /// What came as `Authorization`.
    pub(crate) authorization: Option<String>,
}

impl Asked {
    /// Reads a request; none where the connection ends.
    pub(super) fn read(stream: &TcpStream, server: &'static str) -> Option<Self> {
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next()?.ok()?;
        let (method, rest) = first.split_once(' ')?;
        let path = rest.split(' ').next()?;
        // A proxy is asked for whole addresses.
        let path =
            path.strip_prefix("http://").map_or(path, |address| &address[address.find('/').unwrap_or(0)..]);
        let mut asked = Self {
            server,
            method: method.to_owned(),
            path: path.to_owned(),
            from: None,
            authorization: None,
        };
        for line in lines {
            let line = line.ok()?;
            let Some((name, value)) = line.split_once(": ") else { break };
            match name.to_lowercase().as_str() {
                "range" => asked.from = value.strip_prefix("bytes=")?.trim_end_matches('-').parse().ok(),
                "authorization" => asked.authorization = Some(value.to_owned()),
                _ => {}
            }
        }
        Some(asked)
    }
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
    /// The length that is announced, where it is another than the body's; 0: none is.
    pub(super) announced: Option<usize>,
}

impl Answer {
    pub(super) fn of(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Sends it; whether the other side takes all of it is its own affair.
    pub(super) fn send(&self, mut stream: &TcpStream, is_head: bool) {
        let mut head = format!("HTTP/1.1 {} Answer\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match self.announced {
            Some(0) => {}
            length => {
                let length = length.unwrap_or(self.body.len());
                head.push_str(&format!("Content-Length: {length}\r\n"));
            }
        }
        head.push_str("\r\n");
        let sent = stream.write_all(head.as_bytes());
        if sent.is_ok() && !is_head {
            let _ = stream.write_all(&self.body);
        }
    }
}
