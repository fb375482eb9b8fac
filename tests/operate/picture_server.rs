//! Picture server: answers every path with one picture, or with an error while it is out of order.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// One server. Its thread lives as long as the test binary.
pub(super) struct PictureServer {
    pub(super) port: u16,
    is_out_of_order: Arc<AtomicBool>,
}

impl PictureServer {
    pub(super) fn start(picture: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, is_out_of_order) = (listener.local_addr().unwrap().port(), Arc::<AtomicBool>::default());
        let fails = Arc::clone(&is_out_of_order);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that has gone needs no answer.
                let _ = answer(stream, &picture, fails.load(Ordering::Relaxed));
            }
        });
        Self { port, is_out_of_order }
    }

    /// From now on there are errors instead of pictures.
    pub(super) fn breaks(&self) {
        self.is_out_of_order.store(true, Ordering::Relaxed);
    }
}

fn answer(mut stream: TcpStream, picture: &[u8], fails: bool) -> std::io::Result<()> {
    let lines = BufReader::new(stream.try_clone()?).lines();
    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
    let (status, body) = if fails { ("404 Not Found", &b""[..]) } else { ("200 OK", picture) };
    let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    stream.write_all(&[head.as_bytes(), body].concat())
}
