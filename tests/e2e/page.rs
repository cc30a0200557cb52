//! The web chat's HTTP beside everything else: who is slow or hostile there takes nothing from anybody.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use tests::servers::prosody::free_port;

use crate::world::{WEB1, World};

/// More than an agent may hold open at all, in these tests.
const MANY: usize = 500;
/// Open files that the agent may have, before it asks for more and after.
const FILES: (u64, u64) = (64, 200);

/// An agent that serves the page at this port and may open few files.
fn serving(port: u16) -> World {
    let mut world = World::prepare(&[("web1", true), ("db1", false)], "");
    world.atoll.reconfigure("listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""));
    world.atoll.limit_files(FILES.0, FILES.1);
    world.atoll.start();
    world
}

fn ask(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it is listened");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn hundreds_of_half_requests_take_neither_the_page_nor_the_link() {
    let port = free_port();
    let mut world = serving(port);
    assert_eq!(world.atoll.files(), Some(FILES.1), "what the system allows is used");
    let half: Vec<TcpStream> = (0..MANY)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it is listened");
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ").expect("it is read");
            stream
        })
        .collect();
    world.server.crash();
    world.atoll.wait_log("not connected", 1);
    world.server.rise();
    world.atoll.wait_log("connected server", 2);
    let mut alice = world.person("alice");
    alice.ask(WEB1, "status", "web1 is running.");
    let answer = ask(port, "GET /config.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("vms.localhost"), "{answer}");
    drop(half);
}

#[test]
fn a_page_that_had_its_name_point_at_us_learns_nothing() {
    let port = free_port();
    let _world = serving(port);
    let answer = ask(port, "GET /config.json HTTP/1.1\r\nHost: evil.example.org\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 421 ") && !answer.contains("vms.localhost"), "{answer}");
    assert!(answer.contains("frame-ancestors 'none'"), "{answer}");
}
