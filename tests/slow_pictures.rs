//! Slow pictures: posts whose downloads never end do not delay other posts. Through the real binary.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Finished, Process, binary, pictures, post, until};

/// Answers `/slow` with the start of a picture of maximum size and holds the connection; any other path with a picture.
struct Pictures {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    held: Arc<Mutex<Vec<TcpStream>>>,
}

impl Pictures {
    /// Listens on all addresses of this machine: each counts as a separate host.
    fn serve(picture: Vec<u8>) -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (asked, held) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<Vec<TcpStream>>>::default());
        let served = Self { port, asked: Arc::clone(&asked), held: Arc::clone(&held) };
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let head: Vec<String> =
                    lines.map(Result::unwrap).take_while(|line| !line.is_empty()).collect();
                if head[0].starts_with("GET /slow") {
                    let begins = b"HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n\xff";
                    stream.write_all(begins).unwrap();
                    held.lock().unwrap().push(stream);
                } else {
                    let length = picture.len();
                    let head =
                        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
                    stream.write_all(&[head.as_bytes(), &picture].concat()).unwrap();
                }
                asked.lock().unwrap().push(head[0].clone());
            }
        });
        served
    }

    fn until_asked(&self, path: &str, times: usize) {
        until(path, || {
            let asked = self.asked.lock().unwrap();
            (asked.iter().filter(|line| line.contains(path)).count() >= times).then_some(())
        });
    }
}

#[test]
fn two_posts_of_slow_pictures_do_not_delay_another_post() {
    let (bundle, folder) = (tempfile::tempdir().unwrap(), pictures());
    crate::support::write_bundle(bundle.path(), 1).unwrap();
    let server = Pictures::serve(std::fs::read(folder.path().join("picture.png")).unwrap());
    // Long timeouts, so that only the byte budget and the host limits matter.
    let settings = ["timeout", "patience"].map(|key| format!("fetch.{key}=10m"));
    let mut command = binary();
    command.args(["annotate", "-", "--set", &format!("bundle.path={}", bundle.path().display())]);
    for setting in settings.into_iter().chain([
        "fetch.schemes=[\"http\"]".to_owned(),
        "fetch.allow_networks=[\"127.0.0.0/8\"]".to_owned(),
        format!("fetch.ports=[{}]", server.port),
        "fetch.retries=0".to_owned(),
    ]) {
        command.args(["--set", &setting]);
    }
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut process = Process(child);
    let mut input = process.0.stdin.take().unwrap();
    let mut send = |id: &str, addresses: Vec<String>| {
        let media = addresses.into_iter().enumerate();
        let media: Value =
            media.map(|(index, url)| json!({ "key": format!("m{index}"), "url": url })).collect();
        writeln!(input, "{}", post(id, "Jordan at the tower", &media)).unwrap();
    };
    let at = |host: usize, path: &str| format!("http://127.0.0.{host}:{}{path}", server.port);
    for hostile in 0..2 {
        let hosts = 10 + 16 * hostile..26 + 16 * hostile;
        send("hostile", hosts.map(|host| at(host, &format!("/slow?{host}"))).collect());
        // The maximum of concurrent downloads of one post.
        server.until_asked("/slow", 4 * (hostile + 1));
    }
    send("innocent", vec![at(1, "/innocent")]);
    server.until_asked("/innocent", 1);

    // The hostile posts end when their connections break.
    drop(input);
    let (mut output, mut log) = (process.0.stdout.take().unwrap(), process.0.stderr.take().unwrap());
    let reading = std::thread::spawn(move || {
        let (mut printed, mut logged) = (String::new(), String::new());
        output
            .read_to_string(&mut printed)
            .and_then(|_| log.read_to_string(&mut logged))
            .map(|_| (printed, logged))
    });
    let status = until("the process ends", || {
        server.held.lock().unwrap().clear();
        process.0.try_wait().unwrap()
    });
    let (stdout, stderr) = reading.join().unwrap().unwrap();
    let finished = Finished { code: status.code(), stdout, stderr };
    assert_eq!(finished.code, Some(3), "{}", finished.stderr);
    let refused = finished.refused();
    assert_eq!(refused.len(), 2, "{refused:?}");
    for line in &refused {
        assert_eq!(line["error"]["class"], json!("fetch-failed"), "{line}");
    }
    let answer: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(answer["post_id"], json!("innocent"));
}
