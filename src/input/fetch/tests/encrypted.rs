//! TLS: a server must prove its identity.

use std::io::{Read, Write};
use std::net::TcpListener;

use openssl::asn1::Asn1Time;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::ssl::{SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Builder, X509NameBuilder};

use super::*;

/// A self-signed certificate for this name.
fn certificate(name: &str) -> (X509, PKey<Private>) {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let mut subject = X509NameBuilder::new().unwrap();
    subject.append_entry_by_text("CN", name).unwrap();
    let subject = subject.build();
    let mut builder = X509Builder::new().unwrap();
    builder.set_version(2).unwrap();
    builder.set_subject_name(&subject).unwrap();
    builder.set_issuer_name(&subject).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let names = SubjectAlternativeName::new().dns(name).build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build(), key)
}

/// Serves a picture to clients that accept the certificate, on a thread of its own; returns the port.
fn serve(certificate: &X509, key: &PKey<Private>) -> u16 {
    let mut acceptor = SslAcceptor::mozilla_intermediate(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate(certificate).unwrap();
    acceptor.set_private_key(key).unwrap();
    let (acceptor, listener) = (acceptor.build(), TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Clients that do not trust the certificate close the connection before a request.
            let Ok(mut stream) = acceptor.accept(stream.unwrap()) else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                match stream.read(&mut byte) {
                    Ok(1) => request.push(byte[0]),
                    _ => break,
                }
            }
            if request.ends_with(b"\r\n\r\n") {
                stream.write_all(&answer(200, "connection: close\r\n", b"a picture")).unwrap();
            }
        }
    });
    port
}

#[tokio::test]
async fn a_server_without_a_trusted_certificate_for_its_name_is_refused() {
    let (certificate, key) = certificate("pictures.example");
    let port = serve(&certificate, &key);
    let config = Config { schemes: vec![Scheme::Https], ports: vec![port], ..config() };
    let trusted = reqwest::Certificate::from_pem(&certificate.to_pem().unwrap()).unwrap();
    let trusting = reqwest::Client::builder().tls_certs_merge([trusted]);
    let with = |builder| {
        let stores = stores::Stores::new(&config, LIMIT, stores::open).unwrap();
        let web = Web::new(&config, LIMIT, (builder, leading_to(&["127.0.0.1"]))).unwrap();
        Fetcher::of_parts(&config, LIMIT, (web, stores), Metrics::new().fetches())
    };
    let (trusting, others) = (with(trusting), with(reqwest::Client::builder()));
    let good = format!("https://pictures.example:{port}/a");
    assert_eq!(alone(&trusting, &good).await.unwrap(), "a picture");
    let error = alone(&others, &good).await.unwrap_err();
    assert!(is_transient(&error) && error.message.contains("certificate verify failed"), "{error}");
    let error = alone(&trusting, &format!("https://other.example:{port}/a")).await.unwrap_err();
    assert!(is_transient(&error) && error.message.contains("certificate verify failed"), "{error}");
}
