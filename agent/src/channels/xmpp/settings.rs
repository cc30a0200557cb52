//! Where and how to connect.

use std::fmt;
use std::path::PathBuf;

use tokio::time::Duration;
use xmpp_parsers::jid::BareJid;

/// A password that can't be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Where and how to connect.
#[derive(Debug, Clone)]
pub struct LinkConfig {
    /// `host:port` of component ports, tried in turn.
    pub servers: Vec<String>,
    /// The component's domain.
    pub domain: BareJid,
    /// The secret shared with the server.
    pub secret: Secret,
    /// TLS in front of the component port.
    pub tls: Option<Tls>,
    /// Whether a server that is not on this machine may be spoken to without TLS.
    pub allow_cleartext: bool,
    /// Silence after which the server is pinged.
    pub ping_every: Duration,
    /// Silence after a ping after which the connection is given up.
    pub dead_after: Duration,
    /// Time for one attempt to connect.
    pub connect_within: Duration,
    /// The pause after the first failed round; doubles up to `pause_max`.
    pub pause_min: Duration,
    /// The longest pause between rounds.
    pub pause_max: Duration,
    /// The pause after the server refused us: nobody is helped by hurry.
    pub pause_refused: Duration,
    /// Presences and the like sent per second.
    pub paced_per_second: f64,
}

impl LinkConfig {
    /// The usual timing (a dead connection is noticed within 25 s), cleartext
    /// to this machine only.
    pub fn new(servers: Vec<String>, domain: BareJid, secret: Secret) -> Self {
        Self {
            servers,
            domain,
            secret,
            tls: None,
            allow_cleartext: false,
            ping_every: Duration::from_secs(15),
            dead_after: Duration::from_secs(10),
            connect_within: Duration::from_secs(10),
            pause_min: Duration::from_secs(1),
            pause_max: Duration::from_secs(60),
            pause_refused: Duration::from_secs(60),
            paced_per_second: 500.0,
        }
    }
}

/// Whom to trust at the other end of a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The name in the certificate; the host's name if absent.
    pub name: Option<String>,
    /// What makes the certificate good.
    pub trust: Trust,
}

/// What makes a certificate good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// It was issued by one of the authorities in this PEM file.
    Ca(PathBuf),
    /// Its SHA-256 fingerprint is this one; name and dates don't matter.
    Pinned([u8; 32]),
}
