//! A person with slixmpp (`tests/src/person.py`): says things, and keeps what is heard until it is asked for.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use serde_json::{Value, json};

use super::prosody::Prosody;
use crate::guest::wait_for;

/// How long anything may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(45);

type Inbox = Arc<(Mutex<VecDeque<Value>>, Condvar)>;

/// A logged-in account. Logs out when dropped.
pub struct Person {
    child: Child,
    orders: ChildStdin,
    inbox: Inbox,
    ids: u32,
    /// Bare address.
    pub jid: String,
}

impl Person {
    /// Makes the account `user@localhost` and logs in; returns when the server shows it to others.
    pub fn log_in(server: &Prosody, user: &str) -> Self {
        server.account(user);
        Self::log_in_as(server, user)
    }

    /// Logs in to an account that there is, writing its name this way.
    pub fn log_in_as(server: &Prosody, user: &str) -> Self {
        Self::log_in_on(server, user, "phone")
    }

    /// Logs in to an account that there is, on this device.
    pub fn log_in_on(server: &Prosody, user: &str, device: &str) -> Self {
        Self::log_in_with(server, &format!("{user}@localhost"), device)
    }

    /// Logs in to the account of that bare address, with a resource.
    pub fn log_in_with(server: &Prosody, jid: &str, resource: &str) -> Self {
        let jid = jid.to_owned();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/person.py");
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "/usr/bin/python3"])
            .arg(script)
            .args([&format!("{jid}/{resource}"), "pw", &server.client_port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("Debian's python3 with python3-slixmpp can be started");
        let orders = child.stdin.take().expect("it is piped");
        let lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let inbox = Inbox::default();
        let to = Arc::clone(&inbox);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Ok(value) = serde_json::from_str(&line) {
                    to.0.lock().push_back(value);
                    to.1.notify_all();
                }
            }
        });
        let person = Self { child, orders, inbox, ids: 0, jid };
        person.wait("being online", |event| event["kind"] == "online");
        person
    }

    /// Says goodbye to the server; it has understood when this returns.
    pub fn log_out(mut self) {
        self.order(&json!({ "end": true }));
        let ended = wait_for("logging out", PATIENCE, || !matches!(self.child.try_wait(), Ok(None)));
        assert!(ended.is_ok(), "{} does not get away", self.jid);
    }

    fn order(&mut self, order: &Value) {
        writeln!(self.orders, "{order}").expect("the client takes orders");
        self.orders.flush().expect("the client takes orders");
    }

    /// Sends a stanza as it is.
    pub fn send(&mut self, xml: &str) {
        self.order(&json!({ "xml": xml }));
    }

    /// Asks to see an entity.
    pub fn subscribe(&mut self, to: &str) {
        self.order(&json!({ "subscribe": to }));
    }

    /// Says something; returns the message's id.
    pub fn say(&mut self, to: &str, text: &str) -> String {
        self.say_with(to, "chat", text, "")
    }

    /// Says something in a room.
    pub fn say_in_room(&mut self, room: &str, text: &str) -> String {
        self.say_with(room, "groupchat", text, "")
    }

    /// Says something, with payloads of a kind; returns the message's id.
    pub fn say_with(&mut self, to: &str, kind: &str, text: &str, payloads: &str) -> String {
        self.ids += 1;
        let id = format!("m{}-{}", self.child.id(), self.ids);
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.send(&format!("<message to='{to}' type='{kind}' id='{id}'><body>{text}</body>{payloads}</message>"));
        id
    }

    /// Says something and waits for an answer with these words; returns all of it.
    pub fn ask(&mut self, to: &str, text: &str, words: &str) -> String {
        self.say(to, text);
        self.hear(to, words)
    }

    /// Waits for a message from an entity with these words in it.
    pub fn hear(&self, from: &str, words: &str) -> String {
        let heard = self.wait(&format!("\"{words}\" from {from}"), |event| is_message(event, from, words));
        heard["body"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an entity shows itself like that (`online`, `away`, `xa`, `dnd`, `unavailable`); returns its status text.
    pub fn see(&self, who: &str, show: &str) -> String {
        let seen = self.wait(&format!("{who} being {show}"), |event| {
            event["kind"] == "presence" && event["bare"] == who && shown(event) == show
        });
        seen["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Waits for something that came in, and takes it out of the inbox. Panics with the inbox when it doesn't come.
    pub fn wait(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let mut inbox = self.inbox.0.lock();
        loop {
            if let Some(index) = inbox.iter().position(&fits) {
                return inbox.remove(index).expect("it was found there");
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} waited in vain for {what}; came in: {}", self.jid, shorten(&inbox));
            self.inbox.1.wait_for(&mut inbox, left);
        }
    }

    /// How many messages lie in the inbox, not yet asked for, from an entity with these words.
    pub fn heard(&self, from: &str, words: &str) -> usize {
        self.count(|event| is_message(event, from, words))
    }

    /// How many things that fit lie in the inbox.
    pub fn count(&self, fits: impl Fn(&Value) -> bool) -> usize {
        self.inbox.0.lock().iter().filter(|event| fits(event)).count()
    }

    /// Forgets what came in.
    pub fn forget(&self) {
        self.inbox.0.lock().clear();
    }

    /// What came in and was not asked for, for messages of failing tests.
    pub fn inbox(&self) -> String {
        shorten(&self.inbox.0.lock())
    }

    /// Joins a room and waits until in it.
    pub fn join(&mut self, room: &str, nick: &str) {
        let to = format!("{room}/{nick}");
        self.send(&format!("<presence to='{to}'><x xmlns='http://jabber.org/protocol/muc'/></presence>"));
        self.wait(&format!("being in {room}"), |event| {
            event["from"] == to.as_str() && event["xml"].as_str().is_some_and(|xml| xml.contains("110"))
        });
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_message(event: &Value, from: &str, words: &str) -> bool {
    let whose = event["bare"] == from || event["from"] == from;
    let body = event["body"].as_str().unwrap_or_default();
    event["kind"] == "message" && event["type"] != "error" && whose && !body.is_empty() && body.contains(words)
}

fn shown(event: &Value) -> &str {
    match (event["type"].as_str(), event["show"].as_str()) {
        (Some("") | None, Some("") | None) => "online",
        (Some("") | None, Some(show)) => show,
        (Some(kind), _) => kind,
    }
}

fn shorten(inbox: &VecDeque<Value>) -> String {
    let line = |event: &Value| {
        format!("\n  {} {} {} {} {}", event["kind"], event["from"], event["type"], event["show"], event["body"])
    };
    inbox.iter().map(line).collect()
}
