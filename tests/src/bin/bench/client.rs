//! A person's client as bare as can be: a blocking socket that looks for the end of a message, so that it is never what
//! is measured.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// An account whose contacts are kept: its name, and name and password as SASL PLAIN has them (RFC 4616), in Base64.
pub struct Account {
    /// Its name at [`PEOPLE`].
    pub name: &'static str,
    /// NUL, name, NUL, password.
    pub plain: &'static str,
}

/// Where accounts are.
pub const PEOPLE: &str = "people.localhost";

/// A logged-in account, gone with the connection if the server made it up.
pub struct Client {
    socket: TcpStream,
    seen: String,
}

impl Client {
    /// Logs in with an address that the server makes up (SASL ANONYMOUS), and shows itself.
    ///
    /// # Errors
    /// When the server is not there or does not let it in.
    pub fn new(port: u16) -> Result<Self> {
        let mut client = Self::open(port, "localhost", "mechanism='ANONYMOUS'/>")?;
        client.ask("<presence/>", "<presence")?;
        Ok(client)
    }

    /// Logs in as somebody, who is not shown to anybody yet.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn known(port: u16, account: &Account) -> Result<Self> {
        Self::open(port, PEOPLE, &format!("mechanism='PLAIN'>{}</auth>", account.plain))
    }

    fn open(port: u16, domain: &str, mechanism: &str) -> Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        let mut client = Self { socket, seen: String::new() };
        let open = format!(
            "<stream:stream to='{domain}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        client.ask(&open, "</stream:features>")?;
        client.ask(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' {mechanism}"), "<success")?;
        client.ask(&open, "</stream:features>")?;
        client.ask("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "</iq>")?;
        // Servers tell about contacts only to those who asked for theirs.
        client.ask("<iq type='get' id='list'><query xmlns='jabber:iq:roster'/></iq>", "id='list'")?;
        Ok(client)
    }

    /// Shows itself, and waits until so many contacts have shown themselves; gives how long that took.
    ///
    /// # Errors
    /// When they don't.
    pub fn appear(&mut self, contacts: usize) -> Result<Duration> {
        let begun = Instant::now();
        self.send("<presence/>")?;
        for _ in 0..contacts {
            // It has a text, and so an end; our own comes back without.
            self.until("</presence>")?;
        }
        Ok(begun.elapsed())
    }

    /// Sends, and waits for a text; gives everything up to its end.
    ///
    /// # Errors
    /// When nothing comes in time, or the connection ends.
    pub fn ask(&mut self, stanza: &str, answer: &str) -> Result<String> {
        self.send(stanza)?;
        self.until(answer)
    }

    /// Sends a stanza.
    ///
    /// # Errors
    /// When the connection has ended.
    pub fn send(&mut self, stanza: &str) -> Result<()> {
        Ok(self.socket.write_all(stanza.as_bytes())?)
    }

    /// Says something and waits for the answer's body; gives how long it took, and the answer.
    ///
    /// # Errors
    /// When there is no answer, or the server says that nobody is there.
    pub fn say(&mut self, to: &str, text: &str) -> Result<(Duration, String)> {
        let stanza = format!("<message to='{to}' type='chat'><body>{text}</body></message>");
        let begun = Instant::now();
        self.send(&stanza)?;
        let answer = self.message()?;
        Ok((begun.elapsed(), answer))
    }

    /// Waits for the next message that has a body; gives the body.
    ///
    /// # Errors
    /// When none comes in time, or an error comes.
    pub fn message(&mut self) -> Result<String> {
        loop {
            let stanzas = self.until("</message>")?;
            if stanzas.contains("type='error'") {
                bail!("an error came back: {stanzas}");
            }
            // The server adds a language to it.
            let body = stanzas.split_once("<body").and_then(|(_, rest)| rest.split_once('>'));
            if let Some((_, rest)) = body {
                return Ok(rest.split("</body>").next().unwrap_or_default().to_owned());
            }
        }
    }

    fn until(&mut self, text: &str) -> Result<String> {
        let mut buffer = [0; 64 * 1024];
        let mut searched = 0;
        loop {
            if let Some(at) = self.seen[searched..].find(text) {
                let rest = self.seen.split_off(searched + at + text.len());
                return Ok(std::mem::replace(&mut self.seen, rest));
            }
            searched = self.seen.len().saturating_sub(text.len());
            while !self.seen.is_char_boundary(searched) {
                searched -= 1;
            }
            let read = match self.socket.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => read.with_context(|| format!("waited for {text}, got: {}", self.seen))?,
            };
            if read == 0 {
                bail!("closed while waiting for {text}, got: {}", self.seen);
            }
            self.seen += &String::from_utf8_lossy(&buffer[..read]);
        }
    }
}
