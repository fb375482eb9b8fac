//! Requests in Kafka's wire protocol, for what the client library cannot write.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends a request (header and body) on a new connection; returns the response without its length.
pub(super) fn answer(bootstrap: &str, request: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(bootstrap).unwrap();
    stream.write_all(&u32::try_from(request.len()).unwrap().to_be_bytes()).unwrap();
    stream.write_all(request).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut response = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut response).unwrap();
    response
}

/// Appends a string in Kafka's encoding: two bytes of length, then its bytes.
pub(super) fn push_string(request: &mut Vec<u8>, text: &str) {
    request.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    request.extend(text.as_bytes());
}
