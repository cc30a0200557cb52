//! A person's client, as plain as can be: text out, text in.

use super::fake::Session;
use super::prosody::Prosody;

/// A logged-in account.
pub struct Client {
    session: Session,
    /// Its bare address.
    pub jid: String,
}

impl Client {
    /// Makes an account on a test server and logs in, without showing itself.
    pub async fn new(server: &Prosody, user: &str) -> Self {
        let mut session = Session::connect(server.client_port).await;
        let open = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                    xmlns:stream='http://etherx.jabber.org/streams'>";
        session.send(open).await;
        session.expect("</stream:features>").await;
        session
            .send(&format!(
                "<iq type='set' id='reg'><query xmlns='jabber:iq:register'>\
                 <username>{user}</username><password>pw</password></query></iq>"
            ))
            .await;
        // Done, or a conflict: the account is there already.
        session.expect("reg").await;
        let plain = base64(format!("\0{user}\0pw").as_bytes());
        session.send(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>")).await;
        session.expect("<success").await;
        session.send(open).await;
        session.expect("</stream:features>").await;
        session
            .send(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                   <resource>phone</resource></bind></iq>",
            )
            .await;
        session.expect("</iq>").await;
        // Servers tell about contacts only to those who asked for theirs.
        session.send("<iq type='get' id='list'><query xmlns='jabber:iq:roster'/></iq>").await;
        session.expect("list").await;
        let jid = format!("{user}@localhost");
        Self { session, jid }
    }

    /// Sends a stanza.
    pub async fn send(&mut self, stanza: &str) {
        self.session.send(stanza).await;
    }

    /// Waits for a text; gives everything up to it.
    pub async fn expect(&mut self, text: &str) -> String {
        self.session.expect(text).await
    }

    /// Says something to somebody.
    pub async fn say(&mut self, to: &str, text: &str) {
        let stanza = format!("<message to='{to}' type='chat'><body>{text}</body></message>");
        self.send(&stanza).await;
    }
}

fn base64(data: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in data.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            if at <= chunk.len() {
                text.push(char::from(LETTERS[(bits >> (18 - 6 * at) & 63) as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}
