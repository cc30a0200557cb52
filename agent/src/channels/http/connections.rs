//! Connections of browsers, so bounded that whoever is slow or silent takes nothing from others: neither the page from
//! people, nor descriptors from the XMPP link.
//!
//! A request's head has a few seconds, also while a kept connection waits for the next one; a connection as a whole has a
//! minute; and there are so many at a time. One more ends the oldest: the page is answered at once, so what is old is
//! somebody who does not finish asking, or who reads no more.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From the first byte, or from the last answer, to the end of a request's head.
    pub head: Duration,
    /// From its beginning to its end.
    pub whole: Duration,
    /// Connections at a time.
    pub most: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head: Duration::from_secs(5), whole: Duration::from_secs(60), most: 64 }
    }
}

/// Longest wait after the system would give no connection.
const BREATH: Duration = Duration::from_millis(200);

/// Where connections come from.
pub(super) trait Accept: Send {
    /// The next one.
    fn accept(&mut self) -> impl Future<Output = io::Result<TcpStream>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&mut self) -> io::Result<TcpStream> {
        TcpListener::accept(self).await.map(|(stream, _)| stream)
    }
}

/// Answers connections for ever. One that can't be accepted (`EMFILE`, `ECONNABORTED`) is no reason to end.
pub(super) async fn answer(mut listener: impl Accept + 'static, app: Router, limits: Limits) {
    let mut open: VecDeque<AbortHandle> = VecDeque::new();
    let mut refused = false;
    loop {
        match listener.accept().await {
            Ok(stream) => {
                refused = false;
                open.retain(|connection| !connection.is_finished());
                while open.len() >= limits.most.max(1) {
                    if let Some(oldest) = open.pop_front() {
                        oldest.abort();
                    }
                }
                open.push_back(tokio::spawn(connection(stream, app.clone(), limits)).abort_handle());
            }
            Err(error) => {
                if !std::mem::replace(&mut refused, true) {
                    tracing::warn!(%error, "a browser's connection can't be accepted; trying on");
                }
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// One connection to its end. Most errors are the browser's leaving.
async fn connection(stream: TcpStream, app: Router, limits: Limits) {
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    match tokio::time::timeout(limits.whole, served).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a browser's connection ended"),
        Err(_) => tracing::debug!("a browser's connection took too long"),
    }
}
