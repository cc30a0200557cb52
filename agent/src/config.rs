//! The configuration: one commented file over embedded defaults; wrong keys and values are named with file, line and key.

use std::fmt;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use dialogue::spec::Role;
use jiff::SignedDuration;
use serde::Deserialize;

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
}

/// Caution.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Ask before plain disruptive commands too.
    pub ask_disruptive: bool,
    /// Machines one sentence may disturb.
    pub most_at_once: usize,
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
    #[error("{file}: can't be read")]
    Unreadable {
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// It is not TOML, or has an unknown key or a wrong value.
    #[error("{file}, line {line}: {key}{why}")]
    Wrong { file: PathBuf, line: usize, key: String, why: String },
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

    /// Reads a file over the defaults.
    ///
    /// # Errors
    /// [`ConfigError`], with file, line and key.
    pub fn read(file: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(file)
            .map_err(|source| ConfigError::Unreadable { file: file.to_owned(), source })?;
        Self::parse(file, &text)
    }

    /// Reads a text over the defaults; `file` is for messages.
    ///
    /// # Errors
    /// [`ConfigError`], with file, line and key.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let wrong = |span: Option<std::ops::Range<usize>>, why: String| {
            let start = span.map_or(0, |span| span.start).min(text.len());
            let line = text[..start].matches('\n').count() + 1;
            let key = text
                .lines()
                .nth(line - 1)
                .and_then(|line| line.split_once('='))
                .map(|(key, _)| format!("`{}`: ", key.trim()))
                .unwrap_or_default();
            ConfigError::Wrong { file: file.to_owned(), line, key, why }
        };
        // A first pass over the person's own text: unknown keys and wrong types are found at their own line.
        let given: toml::Table =
            toml::from_str(text).map_err(|error| wrong(error.span(), error.message().to_owned()))?;
        toml::from_str::<Partial>(text).map_err(|error| wrong(error.span(), error.message().to_owned()))?;
        let mut whole: toml::Table =
            toml::from_str(DEFAULTS).expect("the embedded defaults are valid (a test reads them)");
        overlay(&mut whole, given);
        let mut config: Self =
            whole.try_into().map_err(|error: toml::de::Error| wrong(None, error.message().to_owned()))?;
        let line_of = |needle: &str| text.find(needle).map(|at| at..at);
        if !config.xmpp.secret_file.is_empty() {
            let secret = std::fs::read_to_string(&config.xmpp.secret_file).map_err(|error| {
                wrong(line_of("secret_file"), format!("can't read {}: {error}", config.xmpp.secret_file))
            })?;
            config.xmpp.secret = Secret(secret.lines().next().unwrap_or_default().trim().to_owned());
        }
        config.check().map_err(|(needle, why)| wrong(line_of(&needle), why))?;
        Ok(config)
    }

    /// What types can't say. The error names the text at whose line it stands.
    fn check(&self) -> Result<(), (String, String)> {
        jiff::tz::TimeZone::get(&self.time_zone)
            .map_err(|_| ("time_zone".to_owned(), format!("no such time zone: {}", self.time_zone)))?;
        for (index, hypervisor) in self.hypervisor.iter().enumerate() {
            if hypervisor.name.is_empty()
                || hypervisor.name.chars().any(|character| character.is_whitespace() || character.is_control())
            {
                return Err((format!("\"{}\"", hypervisor.name), "a hypervisor's name is one word".to_owned()));
            }
            if self.hypervisor[..index].iter().any(|other| other.name.eq_ignore_ascii_case(&hypervisor.name)) {
                return Err((
                    format!("\"{}\"", hypervisor.name),
                    format!("two hypervisors are called {}", hypervisor.name),
                ));
            }
        }
        for grant in &self.access {
            let address = grant.who.strip_prefix('@').unwrap_or(&grant.who);
            if jid::BareJid::new(address).is_err() {
                return Err((format!("\"{}\"", grant.who), format!("{} is neither an address nor @domain", grant.who)));
            }
        }
        for room in &self.room {
            if jid::BareJid::new(&room.address).ok().and_then(|jid| jid.node().map(|_| ())).is_none() {
                return Err((format!("\"{}\"", room.address), format!("{} is no room address", room.address)));
            }
        }
        if !self.http.listen.is_empty() {
            let address: std::net::SocketAddr = self
                .http
                .listen
                .parse()
                .map_err(|_| ("listen".to_owned(), format!("{} is no address and port", self.http.listen)))?;
            if !address.ip().is_loopback() && !self.http.behind_proxy {
                return Err((
                    "listen".to_owned(),
                    "without TLS only loopback is listened on; put a proxy in front and set behind_proxy".to_owned(),
                ));
            }
        }
        Ok(())
    }
}

/// The same keys, all optional: refuses what is unknown where it stands.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(dead_code, reason = "only its shape is checked")]
struct Partial {
    language: Option<String>,
    time_zone: Option<String>,
    xmpp: Option<PartialXmpp>,
    hypervisor: Option<Vec<Hypervisor>>,
    access: Option<Vec<Grant>>,
    room: Option<Vec<Room>>,
    policy: Option<PartialPolicy>,
    libvirt: Option<PartialLibvirt>,
    store: Option<PartialStore>,
    misses: Option<PartialMisses>,
    model: Option<PartialModel>,
    http: Option<PartialHttp>,
}

macro_rules! partial {
    ($name:ident { $($field:ident: $kind:ty),* $(,)? }) => {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "only its shape is checked")]
        struct $name { $($field: Option<$kind>),* }
    };
}

partial!(PartialXmpp { servers: Vec<String>, domain: String, secret_file: String, secret: Secret, tls: String, allow_cleartext: bool });
partial!(PartialPolicy { ask_disruptive: bool, most_at_once: usize });
partial!(PartialLibvirt { read_timeout: u64, write_timeout: u64, resync_every: u64 });
partial!(PartialModel { path: PathBuf, trained: PathBuf });
partial!(PartialStore { path: PathBuf, keep_days: u32 });
partial!(PartialMisses { keep: bool, keep_days: NonZeroU32 });
partial!(PartialHttp { listen: String, websocket: String, accounts: String, names: Vec<String>, behind_proxy: bool });

fn overlay(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => overlay(below, above),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Config::parse(Path::new("atoll.toml"), text).expect_err("this is wrong").to_string()
    }

    #[test]
    fn the_defaults_are_a_configuration_and_are_overlaid_key_by_key() {
        let config = Config::parse(Path::new("atoll.toml"), "[xmpp]\ndomain = \"vms.example.org\"\n").expect("valid");
        assert_eq!((config.xmpp.domain.as_str(), config.xmpp.servers.len()), ("vms.example.org", 1));
    }

    #[test]
    fn what_is_wrong_is_named_with_file_line_and_key() {
        let unknown = error("language = \"en\"\n\n[xmpp]\ndomian = \"x\"\n");
        assert!(unknown.starts_with("atoll.toml, line 4: `domian`: unknown field"), "{unknown}");
        let kind = error("[policy]\nask_disruptive = 7\n");
        assert!(kind.starts_with("atoll.toml, line 2: `ask_disruptive`: "), "{kind}");
        let role = error("[[access]]\nwho = \"a@b\"\nrole = \"king\"\n");
        assert!(role.starts_with("atoll.toml, line 3: `role`: "), "{role}");
        let twice = error(
            "[[hypervisor]]\nname = \"hv1\"\nuri = \"test:///default\"\n[[hypervisor]]\nname = \"HV1\"\nuri = \"x\"\n",
        );
        assert!(twice.contains("line 5") && twice.contains("two hypervisors are called HV1"), "{twice}");
        let never = error("[misses]\nkeep_days = 0\n");
        assert!(never.starts_with("atoll.toml, line 2: `keep_days`: "), "{never}");
        let open = error("[http]\nlisten = \"0.0.0.0:80\"\n");
        assert!(open.starts_with("atoll.toml, line 2: `listen`: without TLS"), "{open}");
    }

    #[test]
    fn a_secret_never_prints() {
        let config = Config::parse(Path::new("atoll.toml"), "[xmpp]\nsecret = \"hunter2\"\n").expect("valid");
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
