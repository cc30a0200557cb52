//! A component server that does exactly what a test tells it, byte by byte.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longest wait for anything.
const DEADLINE: Duration = Duration::from_secs(20);

/// A listening port that answers only when told.
pub struct Fake {
    listener: TcpListener,
}

/// One accepted connection.
pub struct Session {
    socket: TcpStream,
    seen: String,
}

impl Fake {
    /// Listens on a free port.
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a socket");
        Self { listener }
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        self.listener.local_addr().expect("it is bound").to_string()
    }

    /// Accepts a connection, up to and with the handshake.
    pub async fn accept(&self) -> Session {
        let (socket, _) = within(self.listener.accept()).await.expect("a socket");
        let mut session = Session { socket, seen: String::new() };
        session.expect("<stream:stream").await;
        session
            .send(
                "<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams' \
                 xmlns='jabber:component:accept' id='s1' from='vms.localhost'>",
            )
            .await;
        session.expect("</handshake>").await;
        session
    }

    /// Accepts and says yes.
    pub async fn welcome(&self) -> Session {
        let mut session = self.accept().await;
        session.send("<handshake/>").await;
        session
    }
}

impl Session {
    /// Connects to a port on this machine.
    pub async fn connect(port: u16) -> Self {
        let socket = within(TcpStream::connect(("127.0.0.1", port)))
            .await
            .expect("it works on loopback and in a temporary folder");
        Self { socket, seen: String::new() }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, text: &str) {
        within(self.socket.write_all(text.as_bytes())).await.expect("it works on loopback and in a temporary folder");
    }

    /// Sends one byte at a time, each in a packet of its own.
    pub async fn drip(&mut self, text: &str) {
        self.socket.set_nodelay(true).expect("it works on loopback and in a temporary folder");
        for byte in text.as_bytes() {
            within(self.socket.write_all(&[*byte])).await.expect("a socket");
            tokio::task::yield_now().await;
        }
    }

    /// Waits until `text` was received; gives all up to its end and forgets it.
    pub async fn expect(&mut self, text: &str) -> String {
        let mut buf = [0; 4096];
        loop {
            if let Some(at) = self.seen.find(text) {
                let rest = self.seen.split_off(at + text.len());
                return std::mem::replace(&mut self.seen, rest);
            }
            let read = tokio::time::timeout(DEADLINE, self.socket.read(&mut buf)).await;
            let Ok(read) = read else {
                panic!("waited in vain for {text}, got: {}", self.seen);
            };
            let read = read.expect("the connection holds");
            assert!(read > 0, "closed while waiting for {text}, got: {}", self.seen);
            self.seen += &String::from_utf8_lossy(&buf[..read]);
        }
    }

    /// Ends the connection with a TCP reset.
    pub fn reset(self) {
        #[expect(deprecated, reason = "a zero linger never blocks, and it is what makes a reset")]
        self.socket.set_linger(Some(Duration::ZERO)).expect("it works on loopback and in a temporary folder");
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}
