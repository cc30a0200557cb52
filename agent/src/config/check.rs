//! What the types of the configuration can't say: each value is one that can work, and what is named is there.

use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use jid::{BareJid, DomainPart};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::source::{Source, near};
use super::{Config, Fault, Purpose, Secret};
use crate::host::names::{self, Thing};

/// What stands in examples where a secret belongs.
const PLACEHOLDERS: [&str; 8] = ["…", "...", "changeme", "change-me", "change_me", "<secret>", "your-secret", "xxx"];
/// More of a secret's file is not read: its first line is a secret, and none is as long.
const LONGEST_SECRET: u64 = 4_096;
/// An hour, in seconds.
const HOUR: u64 = 3_600;
/// A day, in seconds.
const DAY: u64 = 86_400;

/// All that is wrong; reads the secret from its file.
pub(super) fn check(config: &mut Config, source: &Source<'_>, purpose: Purpose) -> Vec<Fault> {
    let mut check = Check { source, faults: Vec::new() };
    check.people(config);
    check.xmpp(config);
    check.secret(config, purpose);
    check.hypervisors(config, purpose);
    check.access(config);
    check.rooms(config);
    check.homes(config);
    check.numbers(config);
    check.paths(config);
    check.http(config);
    check.faults
}

struct Check<'a> {
    source: &'a Source<'a>,
    faults: Vec<Fault>,
}

impl Check<'_> {
    fn wrong(&mut self, path: &str, why: impl Into<String>) {
        self.faults.push(self.source.at(path, why));
    }

    fn people(&mut self, config: &Config) {
        let languages = crate::nlu::languages();
        if !languages.contains(config.language.as_str()) {
            let known = languages.into_iter().collect::<Vec<_>>().join(", ");
            self.wrong("language", format!("\"{}\" is no language I know; known: {known}", config.language));
        }
        if jiff::tz::TimeZone::get(&config.time_zone).is_err() {
            let zones: Vec<String> = jiff::tz::db().available().map(|zone| zone.to_string()).collect();
            let hint = match near(&config.time_zone, zones.iter().map(String::as_str)) {
                Some(zone) => format!("; did you mean \"{zone}\"?"),
                None => ", like \"Europe/Paris\" or \"UTC\"".to_owned(),
            };
            self.wrong("time_zone", format!("no such time zone: \"{}\"{hint}", config.time_zone));
        }
    }

    fn xmpp(&mut self, config: &Config) {
        let xmpp = &config.xmpp;
        if xmpp.servers.is_empty() {
            self.wrong("xmpp.servers", "there is none; name at least one, like [\"127.0.0.1:5347\"]");
        }
        for (index, server) in xmpp.servers.iter().enumerate() {
            let path = format!("xmpp.servers.{index}");
            match host_and_port(server) {
                None => self.wrong(&path, format!("\"{server}\" is no host and port, like \"127.0.0.1:5347\"")),
                Some(host) if xmpp.tls.is_empty() && !xmpp.allow_cleartext => {
                    // Of a name only the link can say where it leads.
                    if host.parse::<IpAddr>().is_ok_and(|address| !address.is_loopback()) {
                        self.wrong(
                            &path,
                            format!("{server} is not on this machine: set tls, or allow_cleartext = true"),
                        );
                    }
                }
                Some(_) => {}
            }
            if xmpp.servers[..index].contains(server) {
                self.wrong(&path, format!("{server} stands there twice"));
            }
        }
        if let Some(why) = no_domain(&xmpp.domain) {
            self.wrong("xmpp.domain", format!("\"{}\" {why}, like \"vms.example.org\"", xmpp.domain));
        }
        match xmpp.tls.strip_prefix("sha256:") {
            Some(digits) => {
                let digits: Vec<char> = digits.chars().filter(|digit| *digit != ':').collect();
                if digits.len() != 64 || !digits.iter().all(char::is_ascii_hexdigit) {
                    self.wrong("xmpp.tls", "after \"sha256:\" stand the 64 hex digits of one certificate");
                }
            }
            None if !xmpp.tls.is_empty() => {
                if let Some(why) = no_certificates(Path::new(&xmpp.tls)) {
                    self.wrong("xmpp.tls", why);
                }
            }
            None => {}
        }
    }

    fn secret(&mut self, config: &mut Config, purpose: Purpose) {
        let key = if config.xmpp.secret_file.is_empty() { "xmpp.secret" } else { "xmpp.secret_file" };
        if !config.xmpp.secret_file.is_empty() {
            if !config.xmpp.secret.reveal().is_empty() {
                self.wrong("xmpp.secret", "there is a secret_file too: leave one of both out");
            }
            match secret_in(Path::new(&config.xmpp.secret_file)) {
                Ok(secret) => config.xmpp.secret = Secret(secret),
                Err(why) => {
                    self.wrong(key, why);
                    return;
                }
            }
        }
        let secret = config.xmpp.secret.reveal();
        if secret.is_empty() {
            if purpose == Purpose::Run {
                self.wrong(key, "there is no secret; write the one of the server's component (Prosody: component_secret) there or into secret_file");
            }
        } else if PLACEHOLDERS.contains(&secret.to_lowercase().as_str()) {
            self.wrong(key, "that only holds the place of a secret; write the one of the server's component there");
        } else if secret.trim() != secret || secret.chars().any(char::is_control) {
            self.wrong(key, "the secret begins or ends with a space, or has control characters in it");
        }
    }

    fn hypervisors(&mut self, config: &Config, purpose: Purpose) {
        if config.hypervisor.is_empty() && purpose != Purpose::Look {
            self.wrong(
                "hypervisor",
                "there is none, so there is nothing to talk to; add [[hypervisor]] with a name and a uri, like \"qemu:///system\"",
            );
        }
        for (index, hypervisor) in config.hypervisor.iter().enumerate() {
            let (name, uri) = (&hypervisor.name, &hypervisor.uri);
            let at = |key: &str| format!("hypervisor.{index}.{key}");
            if name.is_empty() || name.chars().any(char::is_whitespace) {
                self.wrong(&at("name"), format!("\"{name}\": a hypervisor's name is one word, like \"hv1\""));
            } else if let Err(why) = names::check(Thing::Machine, name) {
                self.wrong(&at("name"), format!("\"{name}\": {why}; a hypervisor is called like \"hv1\""));
            }
            let before = &config.hypervisor[..index];
            if before.iter().any(|other| other.name.to_lowercase() == name.to_lowercase()) {
                self.wrong(&at("name"), format!("two hypervisors are called {name}; each needs a name of its own"));
            }
            if !is_uri(uri) {
                self.wrong(
                    &at("uri"),
                    format!("\"{uri}\" is no libvirt URI, like \"qemu:///system\" or \"qemu+ssh://root@host/system\""),
                );
            } else if let Some(other) = before.iter().find(|other| other.uri == *uri) {
                self.wrong(
                    &at("uri"),
                    format!("{} is the same host already; each machine would be there twice", other.name),
                );
            }
        }
    }

    fn access(&mut self, config: &Config) {
        let mut seen: Vec<String> = Vec::new();
        for (index, grant) in config.access.iter().enumerate() {
            let path = format!("access.{index}.who");
            let who = grant.who.as_str();
            let prepared = match who.strip_prefix('@') {
                Some(domain) => no_domain(domain).is_none().then(|| format!("@{}", domain.to_lowercase())),
                None => BareJid::new(who).ok().filter(|jid| jid.node().is_some()).map(|jid| jid.to_string()),
            };
            match prepared {
                Some(_) if who.contains('*') => {
                    let domain = who.rsplit('@').next().unwrap_or_default();
                    self.wrong(&path, format!("\"{who}\": * stands for nobody here; everybody at a domain is \"@{domain}\""));
                }
                None => self.wrong(&path, format!("\"{who}\" is neither an address, like \"alice@example.org\", nor everybody at a domain, like \"@example.org\"")),
                Some(prepared) if seen.contains(&prepared) => {
                    self.wrong(&path, format!("{who} stands there twice; one entry says what they may do"));
                }
                Some(prepared) => seen.push(prepared),
            }
        }
    }

    fn rooms(&mut self, config: &Config) {
        let mut seen = Vec::new();
        for (index, room) in config.room.iter().enumerate() {
            let at = |key: &str| format!("room.{index}.{key}");
            match BareJid::new(&room.address).ok().filter(|jid| jid.node().is_some()) {
                None => self.wrong(
                    &at("address"),
                    format!("\"{}\" is no room address, like \"ops@rooms.example.org\"", room.address),
                ),
                Some(address) if seen.contains(&(address.clone(), &room.entity)) => {
                    self.wrong(&at("address"), format!("{address} stands there twice"));
                }
                Some(address) => seen.push((address, &room.entity)),
            }
            if let Some(name) = &room.entity
                && !config.hypervisor.iter().any(|hypervisor| hypervisor.name == *name)
            {
                let names: Vec<&str> = config.hypervisor.iter().map(|hypervisor| hypervisor.name.as_str()).collect();
                let known = if names.is_empty() {
                    "there is none".to_owned()
                } else {
                    format!("there are: {}", names.join(", "))
                };
                self.wrong(&at("as"), format!("no [[hypervisor]] is called \"{name}\"; {known}"));
            }
        }
    }

    /// Who runs a service where rooms are believed says who is who: that can't be where people's own addresses are.
    fn homes(&mut self, config: &Config) {
        for (index, service) in config.rooms.trusted.iter().enumerate() {
            if let Some(why) = no_domain(service) {
                self.wrong(
                    &format!("rooms.trusted.{index}"),
                    format!("\"{service}\" {why}, like \"rooms.example.org\""),
                );
            }
        }
        let homes = config.domains().homes;
        let services = config.rooms.trusted.iter().enumerate();
        let services = services.map(|(index, service)| (format!("rooms.trusted.{index}"), service));
        let rooms = config.room.iter().enumerate();
        let rooms = rooms.map(|(index, room)| (format!("room.{index}.address"), &room.address));
        for (path, name) in services.chain(rooms) {
            let domain = BareJid::new(name).map(|jid| jid.domain().to_string()).unwrap_or_default();
            if homes.contains(&domain) {
                self.wrong(&path, format!("people of [[access]] live at {domain}, so no room can be there"));
            }
        }
    }

    fn numbers(&mut self, config: &Config) {
        let most = u64::try_from(config.policy.most_at_once).unwrap_or(u64::MAX);
        for (path, is, least, at_most, unit) in [
            ("policy.most_at_once", most, 1, 10_000, "machines"),
            ("policy.answer_within", config.policy.answer_within, 1, HOUR, "seconds"),
            ("libvirt.read_timeout", config.libvirt.read_timeout, 1, HOUR, "seconds"),
            ("libvirt.write_timeout", config.libvirt.write_timeout, 1, DAY, "seconds"),
            ("libvirt.resync_every", config.libvirt.resync_every, 1, DAY, "seconds"),
            ("libvirt.copy_bandwidth", config.libvirt.copy_bandwidth, 0, 1 << 20, "MiB"),
            ("store.keep_days", u64::from(config.store.keep_days), 0, 36_500, "days"),
            ("misses.keep_days", u64::from(config.misses.keep_days.get()), 1, 36_500, "days"),
        ] {
            if !(least..=at_most).contains(&is) {
                self.wrong(path, format!("{is} is out of range: {least} to {at_most} {unit}"));
            }
        }
    }

    fn paths(&mut self, config: &Config) {
        let store = &config.store.path;
        if store.as_os_str().is_empty() {
            self.wrong("store.path", "there is none, and the journal has to be somewhere, like \"/var/lib/atoll\"");
        } else if store.parent().is_none() {
            self.wrong(
                "store.path",
                "the root folder is no place for a store; give it one of its own, like \"/var/lib/atoll\"",
            );
        }
        if store.is_absolute() && store.exists() && !store.is_dir() {
            self.wrong("store.path", format!("{} is no folder; give the store one of its own", store.display()));
        }
        for (path, value) in [
            ("store.path", store.as_path()),
            ("model.path", config.model.path.as_path()),
            ("model.trained", config.model.trained.as_path()),
        ] {
            if !value.as_os_str().is_empty() && !value.is_absolute() {
                self.wrong(path, relative(value));
            }
        }
    }

    fn http(&mut self, config: &Config) {
        let http = &config.http;
        if http.listen.is_empty() {
            return;
        }
        match http.listen.parse::<SocketAddr>() {
            Err(_) => self
                .wrong("http.listen", format!("\"{}\" is no address and port, like \"127.0.0.1:8480\"", http.listen)),
            Ok(address) if !address.ip().is_loopback() && !http.behind_proxy => self.wrong(
                "http.listen",
                "without TLS only loopback is listened on; put a proxy in front and set behind_proxy = true",
            ),
            Ok(_) => {}
        }
        let host = http.websocket.strip_prefix("ws://").or_else(|| http.websocket.strip_prefix("wss://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with(['/', ':']) || host.contains(char::is_whitespace))
        {
            self.wrong(
                "http.websocket",
                format!("\"{}\" is no WebSocket's URL, like \"wss://example.org/xmpp-websocket\"", http.websocket),
            );
        }
        if let Some(why) = no_domain(&http.accounts) {
            self.wrong("http.accounts", format!("\"{}\" {why}, like \"example.org\"", http.accounts));
        }
        for (index, name) in http.names.iter().enumerate() {
            if let Some(why) = no_domain(name) {
                self.wrong(&format!("http.names.{index}"), format!("\"{name}\" {why}, like \"chat.example.org\""));
            }
        }
    }
}

/// The host of "host:port", if it is that.
fn host_and_port(text: &str) -> Option<&str> {
    let (host, port) = text.rsplit_once(':')?;
    let bare = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').filter(|address| address.parse::<std::net::Ipv6Addr>().is_ok())?,
        None => Some(host).filter(|host| !host.contains(':'))?,
    };
    let named = !bare.is_empty() && !bare.contains(|one: char| one.is_whitespace() || matches!(one, '/' | '@'));
    (named && port.parse::<u16>().is_ok_and(|port| port > 0)).then_some(bare)
}

/// Why a text is no domain.
fn no_domain(text: &str) -> Option<&'static str> {
    match text {
        "" => Some("is no domain"),
        text if text.contains('/') || text.contains(char::is_whitespace) || text.contains(':') => Some("is no domain"),
        text if text.contains('@') => Some("is an address, no domain"),
        text if DomainPart::new(text).is_err() => Some("is no domain"),
        _ => None,
    }
}

/// Whether something has the form of a libvirt URI: "driver[+transport]://[host]/path".
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    scheme.starts_with(|one: char| one.is_ascii_alphabetic())
        && scheme.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '+' | '-' | '.'))
        && rest.contains('/')
        && !rest.contains(|one: char| one.is_whitespace() || one.is_control())
}

fn relative(path: &Path) -> String {
    let path = path.display();
    format!("\"{path}\" depends on the folder it is started in; write the whole path, from / on")
}

fn no_certificates(path: &Path) -> Option<String> {
    let say = "no \"sha256:…\", so it is taken for a file of certificate authorities (PEM)";
    if !path.is_absolute() {
        return Some(format!("{say}: {}", relative(path)));
    }
    match CertificateDer::pem_file_iter(path) {
        Err(error) => Some(format!("{say}: {} can't be read: {error}", path.display())),
        Ok(certificates) => match certificates.collect::<Result<Vec<_>, _>>() {
            Ok(certificates) if certificates.is_empty() => {
                Some(format!("{say}: there is no certificate in {}", path.display()))
            }
            Ok(_) => None,
            Err(error) => Some(format!("{say}: {}: {error}", path.display())),
        },
    }
}

/// The first line of a secret's file.
fn secret_in(path: &Path) -> Result<String, String> {
    if !path.is_absolute() {
        return Err(relative(path));
    }
    let shown = path.display();
    let unread = |error: std::io::Error| format!("can't read {shown}: {error}");
    let about = std::fs::metadata(path).map_err(unread)?;
    if !about.is_file() {
        return Err(format!("{shown} is no plain file; the secret is the first line of one"));
    }
    if about.permissions().mode() & 0o007 != 0 {
        return Err(format!("everybody on this machine can read {shown}; chmod 600 it"));
    }
    let mut text = String::new();
    File::open(path).and_then(|file| file.take(LONGEST_SECRET).read_to_string(&mut text)).map_err(unread)?;
    match text.lines().next().unwrap_or_default().trim() {
        "" => Err(format!("the first line of {shown} is empty; the secret belongs there")),
        secret => Ok(secret.to_owned()),
    }
}
