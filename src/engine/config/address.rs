//! Addresses to listen at: their form, and whether only programs of the same machine reach them.

use std::net::IpAddr;

/// The port of `host:port`.
pub(super) fn port(address: &str) -> Option<u16> {
    let (host, port) = address.rsplit_once(':')?;
    if host.is_empty() { None } else { port.parse().ok() }
}

/// Whether only programs of the same machine reach an address. What a name other than `localhost` resolves to is not
/// known here.
pub(super) fn is_loopback(address: &str) -> bool {
    let Some((host, _)) = address.rsplit_once(':') else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|host| host.is_loopback())
}
