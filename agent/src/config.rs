//! The configuration: one commented file over embedded defaults; wrong keys and values are named with file, line and key.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::num::NonZeroU32;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use dialogue::spec::Role;
use jid::BareJid;
use jiff::SignedDuration;
use serde::Deserialize;

use crate::channels::xmpp::rooms::trust::Domains;
use crate::host::names::shown;

mod check;
mod source;
#[cfg(test)]
mod tests;

use source::Source;

/// More of a file is not read.
const MOST_BYTES: u64 = 4 << 20;

/// The defaults, which are also the documentation.
pub const DEFAULTS: &str = include_str!("../default.toml");

/// All of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Config {
    /// Language until a person speaks another.
    pub language: String,
    /// Time zone of people whose client doesn't tell.
    pub time_zone: String,
    /// The component link.
    pub xmpp: Xmpp,
    /// Hypervisors.
    #[serde(default)]
    pub hypervisor: Vec<Hypervisor>,
    /// Who may do what.
    #[serde(default)]
    pub access: Vec<Grant>,
    /// Rooms to join.
    #[serde(default)]
    pub room: Vec<Room>,
    /// Room services.
    pub rooms: Rooms,
    /// Caution.
    pub policy: Policy,
    /// Calls to libvirt.
    pub libvirt: Libvirt,
    /// Journal and conversations.
    pub store: Store,
    /// What was not understood.
    pub misses: Misses,
    /// Sentence encoder.
    pub model: Model,
    /// Web chat.
    pub http: Http,
}

/// The component link.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Xmpp {
    /// `host:port`, tried in turn.
    pub servers: Vec<String>,
    /// The component's domain.
    pub domain: String,
    /// File whose first line is the secret.
    pub secret_file: String,
    /// The secret itself.
    pub secret: Secret,
    /// `""`, `"ca"` or a certificate's SHA-256.
    pub tls: String,
    /// Whether a server elsewhere may be spoken to without TLS.
    pub allow_cleartext: bool,
}

/// A string that is never printed.
#[derive(Clone, Default, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// For the one place that needs it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(secret)" })
    }
}

/// A hypervisor.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hypervisor {
    /// Its name and localpart.
    pub name: String,
    /// Its libvirt URI.
    pub uri: String,
}

/// An entry of the allow-list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// A bare address, or `@domain`.
    pub who: String,
    /// What they may do.
    pub role: Role,
}

/// A room to join.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Room {
    /// Its bare address.
    pub address: String,
    /// As which hypervisor; the front desk when absent.
    #[serde(rename = "as", default)]
    pub entity: Option<String>,
    /// Whether its service is believed about who is who.
    #[serde(default = "yes")]
    pub trusted: bool,
}

fn yes() -> bool {
    true
}

/// Room services.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rooms {
    /// Domains of those that are believed about who is who, besides those of the rooms to join.
    pub trusted: Vec<String>,
}

/// Caution.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Ask before plain disruptive commands too.
    pub ask_disruptive: bool,
    /// Machines one sentence may disturb.
    pub most_at_once: usize,
    /// Seconds an asker is kept waiting for a change.
    pub answer_within: u64,
}

/// Calls to libvirt, in seconds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Libvirt {
    /// Until a reading call is given up.
    pub read_timeout: u64,
    /// Until a changing call is given up.
    pub write_timeout: u64,
    /// Between full readings.
    pub resync_every: u64,
    /// Most that the copy of a disk may take in a second, in MiB; 0: all it can.
    pub copy_bandwidth: u64,
}

/// Journal and conversations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Their folder.
    pub path: PathBuf,
    /// Days that entries are kept; 0 for ever.
    pub keep_days: u32,
}

/// What was not understood.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Misses {
    /// Whether it is kept.
    pub keep: bool,
    /// Days until it is forgotten.
    pub keep_days: NonZeroU32,
}

impl Store {
    /// How long entries are kept; `None` is for ever.
    pub fn keep(&self) -> Option<SignedDuration> {
        (self.keep_days > 0).then(|| SignedDuration::from_hours(24 * i64::from(self.keep_days)))
    }
}

impl Misses {
    /// How long it is kept.
    pub fn days(&self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.keep_days.get()))
    }
}

/// Sentence encoder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Folder of its weights.
    pub path: PathBuf,
    /// Folder of what was trained from the corpus; empty: `trained` in the store.
    pub trained: PathBuf,
}

/// Web chat.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address and port; empty: not served.
    pub listen: String,
    /// The server's WebSocket.
    pub websocket: String,
    /// Domain of people's accounts.
    pub accounts: String,
    /// Names by which the page may be asked for, besides localhost and the address that is listened on.
    pub names: Vec<String>,
    /// Whether a proxy in front does TLS.
    pub behind_proxy: bool,
}

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file can't be read.
    #[error("{file}: can't be read; `atoll init {file}` writes one, --config names another")]
    Unreadable {
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML, or has an unknown key or a wrong value: all that was found, by line.
    #[error("{}", .0.iter().map(Fault::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Fault>),
}

/// One thing that is wrong: where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// Its line; of what is missing, that of the table where it belongs.
    pub line: usize,
    /// The key.
    pub key: String,
    /// What is wrong, and what would be right.
    pub why: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, key, why } = self;
        write!(f, "{}, line {line}: `{}`: {}", file.display(), shown(key), shown(why))
    }
}

/// What a configuration is read for: what may be missing depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look something up.
    Look,
    /// To talk without XMPP: there have to be hypervisors.
    Talk,
    /// To run: there has to be a secret too.
    Run,
}

impl Config {
    /// The folder of what was trained from the corpus.
    pub fn trained(&self) -> PathBuf {
        if self.model.trained.as_os_str().is_empty() {
            self.store.path.join("trained")
        } else {
            self.model.trained.clone()
        }
    }

    /// Which domains run rooms that are believed, and at which people live. A room to join that is not trusted takes its
    /// whole service out, unless that is named by itself.
    pub fn domains(&self) -> Domains {
        let domain = |address: &str| BareJid::new(address).ok().map(|jid| jid.domain().to_string());
        let of = |trusted: bool| {
            let rooms = self.room.iter().filter(move |room| room.trusted == trusted);
            rooms.filter_map(|room| domain(&room.address))
        };
        let doubted: BTreeSet<String> = of(false).collect();
        let named = self.rooms.trusted.iter().filter_map(|service| domain(service));
        Domains {
            services: of(true).filter(|service| !doubted.contains(service)).chain(named).collect(),
            homes: self.access.iter().filter_map(|grant| domain(grant.who.trim_start_matches('@'))).collect(),
        }
    }

    /// Reads a file over the defaults, as far as it is needed to look something up.
    ///
    /// # Errors
    /// [`ConfigError`], with file, line and key.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        Self::read_to(file, Purpose::Look)
    }

    /// Reads a file over the defaults, for a purpose.
    ///
    /// # Errors
    /// [`ConfigError`], with file, line and key.
    pub fn read_to(file: &Path, purpose: Purpose) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: file.to_owned(), source };
        let mut bytes = Vec::new();
        // A device would be read for ever.
        File::open(file).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes)).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let begun = String::from_utf8_lossy(valid);
            let why = "there are bytes that are no UTF-8; write the file as UTF-8 text".to_owned();
            ConfigError::Wrong(vec![source::fault_in_text(file, &begun, begun.len(), why)])
        })?;
        let config = Self::parse_to(file, &text, purpose)?;
        if config.shows_secret(file) {
            tracing::warn!(file = %file.display(), "everybody on this machine can read the secret in the configuration; chmod 600 it, or use secret_file");
        }
        Ok(config)
    }

    /// Whether the secret stands in the configuration's own file, and others may read that.
    pub fn shows_secret(&self, file: &Path) -> bool {
        let open = || std::fs::metadata(file).is_ok_and(|about| about.permissions().mode() & 0o004 != 0);
        self.xmpp.secret_file.is_empty() && !self.xmpp.secret.reveal().is_empty() && open()
    }

    /// Reads a text over the defaults; `file` is for messages.
    ///
    /// # Errors
    /// [`ConfigError`], with file, line and key.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        Self::parse_to(file, text, Purpose::Look)
    }

    /// Reads a text over the defaults, for a purpose.
    ///
    /// # Errors
    /// [`ConfigError`], with file, line and key.
    pub fn parse_to(file: &Path, text: &str, purpose: Purpose) -> Result<Self, ConfigError> {
        let source = Source::parse(file, text).map_err(|fault| ConfigError::Wrong(vec![fault]))?;
        let mut config: Self = source.over(DEFAULTS).map_err(|fault| ConfigError::Wrong(vec![fault]))?;
        let mut faults = check::check(&mut config, &source, purpose);
        if faults.is_empty() {
            return Ok(config);
        }
        faults.sort_by_key(|fault| fault.line);
        Err(ConfigError::Wrong(faults))
    }
}
