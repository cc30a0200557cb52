//! Addresses: XMPP addresses, MAC, IPv4 and IPv6 addresses, networks in CIDR notation.

use std::net::IpAddr;

use pest::Parser;

use crate::{
    number::{Rule, Shape},
    read::Cursor,
    token::Token,
    value::Value,
};

/// MAC, IP address or network at that token.
pub(crate) fn at(cursor: &Cursor, at: usize) -> Vec<(usize, Value)> {
    cursor
        .token(at)
        .and_then(|token| normal(&token.folded))
        .map(|address| (1, Value::Address(address)))
        .into_iter()
        .collect()
}

/// The usual spelling of an address, lower-case; `None` if it isn't one.
///
/// ```
/// use grammar::address::normal;
/// assert_eq!(normal("52-54-00-AA-BB-CC").as_deref(), Some("52:54:00:aa:bb:cc"));
/// assert_eq!(normal("10.1.0.0/24").as_deref(), Some("10.1.0.0/24"));
/// assert_eq!(normal("10.1.0.0/33"), None);
/// ```
pub fn normal(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_string());
    }
    if let Some((network, prefix)) = text.split_once('/') {
        let network: IpAddr = network.parse().ok()?;
        let most = if network.is_ipv4() { 32 } else { 128 };
        let digits = !prefix.is_empty() && prefix.len() <= 3 && prefix.bytes().all(|byte| byte.is_ascii_digit());
        let prefix: u8 = prefix.parse().ok().filter(|prefix| digits && *prefix <= most)?;
        return Some(format!("{network}/{prefix}"));
    }
    Shape::parse(Rule::mac, &text).ok().map(|_| text.replace('-', ":"))
}

/// XMPP address at that token: `local@domain/resource`, a bare domain with a dot, or the name of exactly one known person. Where
/// no slot is `open`, a word that may mean something else is no person.
pub(crate) fn jid_at(cursor: &Cursor, at: usize, open: bool) -> Vec<(usize, Value)> {
    let Some(token) = cursor.token(at) else {
        return Vec::new();
    };
    let person = || (open || !cursor.cx.lexicon.contains(&token.folded)).then(|| person(cursor, token)).flatten();
    jid(token.text).or_else(person).map(|jid| (1, Value::Jid(jid))).into_iter().collect()
}

/// The address of the only known person called so.
fn person(cursor: &Cursor, token: &Token) -> Option<String> {
    let called =
        |person: &&String| person.split_once('@').is_some_and(|(name, _)| name.eq_ignore_ascii_case(token.text));
    let mut people = cursor.cx.known.people().iter().filter(called);
    people.next().filter(|_| people.next().is_none()).cloned()
}

/// The address with its localpart and domain in lower case; `None` if it isn't one.
fn jid(text: &str) -> Option<String> {
    let text = text.strip_prefix("xmpp:").unwrap_or(text);
    let pair = Shape::parse(Rule::jid, text).ok()?.next()?;
    let (mut bare, mut has_local, mut resource) = (String::new(), false, String::new());
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::local => {
                has_local = true;
                bare = part.as_str().to_lowercase() + "@";
            }
            Rule::domain => bare.push_str(&part.as_str().to_lowercase()),
            Rule::resource => resource = format!("/{}", part.as_str()),
            _ => {}
        }
    }
    let named = bare.contains('.') && bare.contains(|c: char| c.is_alphabetic());
    (has_local || named && resource.is_empty()).then(|| bare + &resource)
}
