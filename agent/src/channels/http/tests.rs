//! With real sockets: who is slow, silent or comes under a strange name takes nothing from people who want the page.

use std::time::Duration;

use include_dir::{DirEntry, File};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::connections::{Accept, Limits, answer};
use super::*;

/// No test waits longer for anything.
const DEADLINE: Duration = Duration::from_secs(20);

static FILES: [DirEntry<'static>; 3] = [
    DirEntry::File(File::new("index.html", b"<!doctype html>")),
    DirEntry::File(File::new("icon.svg", b"<svg/>")),
    DirEntry::File(File::new("app.js", b"1")),
];
static SMALL_PAGE: Dir<'static> = Dir::new("", &FILES);

fn app(names: &[&str]) -> Router {
    let text = format!("[http]\nnames = {names:?}\n");
    let config = Config::parse(std::path::Path::new("atoll.toml"), &text).expect("a configuration");
    site(&SMALL_PAGE, &config.http, "vms.example.org", [192, 0, 2, 7].into())
}

/// Serves the small page on loopback.
async fn serve(names: &[&str], limits: Limits) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(answer(listener, app(names), limits));
    address
}

/// One request on a connection of its own; the whole answer.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.expect("it is listened");
    stream.write_all(request.as_bytes()).await.expect("it is read");
    end_of(&mut stream).await
}

/// Everything until the other side ends the connection.
async fn end_of(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.expect("it ends");
    // A reset is an end, too.
    let _ = read;
    String::from_utf8_lossy(&answer).into_owned()
}

fn get_of(path: &str, host: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
}

/// Everything that the page's answers carry.
fn dressed(answer: &str) -> bool {
    ["content-security-policy: default-src 'none'", "frame-ancestors 'none'", "x-content-type-options: nosniff"]
        .iter()
        .chain(&["x-frame-options: DENY", "referrer-policy: no-referrer", "cache-control: no-cache"])
        .all(|header| answer.contains(header))
}

#[tokio::test]
async fn the_page_is_served_while_hundreds_of_requests_stay_half() {
    let address = serve(&[], Limits::default()).await;
    let mut half = Vec::new();
    for _ in 0..500 {
        let mut stream = TcpStream::connect(address).await.expect("it is listened");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: loc").await.expect("it is read");
        half.push(stream);
    }
    let begun = std::time::Instant::now();
    let answer = ask(address, &get_of("/", "localhost")).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    assert!(begun.elapsed() < Limits::default().head, "not only when the half ones have timed out");
    // All but so many were let go: their descriptors are free.
    for stream in half.iter_mut().take(500 - Limits::default().most) {
        assert_eq!(end_of(stream).await, "");
    }
}

#[tokio::test]
async fn a_request_that_is_never_finished_is_ended() {
    let limits = Limits { head: Duration::from_millis(50), ..Limits::default() };
    let address = serve(&[], limits).await;
    let answer = ask(address, "GET / HTTP/1.1\r\nHost: localhost\r\n").await;
    assert!(!answer.contains("200 OK"), "{answer}");
}

#[tokio::test]
async fn a_kept_connection_that_asks_nothing_more_is_ended() {
    let limits = Limits { head: Duration::from_millis(50), ..Limits::default() };
    let address = serve(&[], limits).await;
    let answer = ask(address, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("<!doctype html>"), "{answer}");
}

#[tokio::test]
async fn a_connection_that_trickles_on_is_ended_as_a_whole() {
    let limits = Limits { whole: Duration::from_millis(100), ..Limits::default() };
    let address = serve(&[], limits).await;
    let mut stream = TcpStream::connect(address).await.expect("it is listened");
    let trickle = async {
        // Each byte in time, all of them for ever.
        while stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.is_ok() {
            let mut some = [0; 4096];
            if !matches!(stream.read(&mut some).await, Ok(read) if read > 0) {
                break;
            }
        }
    };
    tokio::time::timeout(DEADLINE, trickle).await.expect("it is ended");
}

/// Fails some times, as a process without descriptors does, before it goes on.
struct Exhausted(TcpListener, usize);

impl Accept for Exhausted {
    async fn accept(&mut self) -> std::io::Result<TcpStream> {
        if self.1 > 0 {
            self.1 -= 1;
            // EMFILE
            return Err(std::io::Error::from_raw_os_error(24));
        }
        Accept::accept(&mut self.0).await
    }
}

#[tokio::test]
async fn running_out_of_descriptors_does_not_end_the_page() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(answer(Exhausted(listener, 2), app(&[]), Limits::default()));
    let mut stream = TcpStream::connect(address).await.expect("it is listened");
    stream.write_all(get_of("/", "localhost").as_bytes()).await.expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let address = serve(&[], Limits::default()).await;
    for (request, status) in [
        (get_of("/", "localhost"), 200),
        (get_of("/index.html", "localhost"), 200),
        (get_of("/config.json", "localhost"), 200),
        (get_of("/nothing", "localhost"), 404),
        (get_of("/%ff", "localhost"), 400),
        (get_of("/", "localhost").replace("GET", "POST"), 405),
        (get_of("/app.js", "localhost").replace("GET", "DELETE"), 405),
        (get_of("/", "evil.example.org"), 421),
    ] {
        let answer = ask(address, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && dressed(&answer), "{request}{answer}");
    }
}

#[tokio::test]
async fn a_file_has_its_type_and_is_found_under_its_path_alone() {
    let address = serve(&[], Limits::default()).await;
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/index.html", "text/html; charset=utf-8"),
        ("/app.js", "text/javascript; charset=utf-8"),
        ("/icon.svg", "image/svg+xml"),
        ("/config.json", "application/json"),
    ] {
        let answer = ask(address, &get_of(path, "localhost")).await;
        assert!(answer.contains(&format!("content-type: {kind}\r\n")), "{path}: {answer}");
    }
    for path in
        ["/index.html/", "//index.html", "/./index.html", "/index.html/.", "/../Cargo.toml", "/%2e%2e/Cargo.toml"]
    {
        let answer = ask(address, &get_of(path, "localhost")).await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && !answer.contains("octet-stream"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn the_page_is_answered_under_its_own_names_only() {
    let address = serve(&["Chat.example.org"], Limits::default()).await;
    for host in [
        "localhost",
        "localhost:8480",
        "LocalHost.",
        "127.0.0.1:8480",
        "127.8.8.8",
        "[::1]:8480",
        "192.0.2.7:8480",
        "chat.example.org",
        "chat.EXAMPLE.org:443",
    ] {
        let answer = ask(address, &get_of("/config.json", host)).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("vms.example.org"), "{host}: {answer}");
    }
    for host in
        ["evil.example.org", "localhost.evil.example.org", "192.0.2.8", "chat.example.org.evil.example.org", "", "a b"]
    {
        let answer = ask(address, &get_of("/config.json", host)).await;
        assert!(!answer.contains("vms.example.org") && !answer.starts_with("HTTP/1.1 200 "), "{host}: {answer}");
    }
    for request in [
        "GET / HTTP/1.0\r\n\r\n",
        "GET http://evil.example.org/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.org\r\nConnection: close\r\n\r\n",
    ] {
        let answer = ask(address, request).await;
        assert!(!answer.contains(" 200 OK"), "{request}: {answer}");
    }
}
