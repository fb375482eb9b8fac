//! A request in Kafka's own protocol, for what the clients here cannot write.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Sends a request (header and body) on a connection of its own. What comes back is the response without its length.
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

/// Adds a string as Kafka writes one: its length in two bytes, then its bytes.
pub(super) fn push_string(request: &mut Vec<u8>, text: &str) {
    request.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
    request.extend(text.as_bytes());
}
