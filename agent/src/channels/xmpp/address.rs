//! Addresses of entities, and the small rules of text on the wire.

use jid::{BareJid, Jid, NodePart, ResourcePart};

/// The resource from which all entities speak.
pub const RESOURCE: &str = "atoll";

/// The bare address of an entity; the domain itself for the front desk.
///
/// A local part that is no valid one (see [`escape`]) gives the front desk.
pub fn bare(domain: &BareJid, entity: Option<&str>) -> BareJid {
    let node = entity.and_then(|entity| NodePart::new(entity).ok());
    BareJid::from_parts(node.as_deref(), domain.domain())
}

/// The full address from which an entity speaks and shows itself.
pub fn speaking(domain: &BareJid, entity: Option<&str>) -> Jid {
    let resource = ResourcePart::new(RESOURCE).expect("five letters are a valid resource");
    bare(domain, entity).with_resource(&resource).into()
}

/// A name as a local part (XEP-0106), prepared as servers do: `Web 1` is
/// `web\201`. `None` if nothing valid can be made of it (empty, over 1,023 bytes,
/// forbidden characters).
pub fn escape(name: &str) -> Option<String> {
    let name = name.trim();
    let mut escaped = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let special = match c {
            ' ' | '"' | '&' | '\'' | '/' | ':' | '<' | '>' | '@' => true,
            // Only a backslash that would look like an escape needs one itself.
            '\\' => is_escape(&name[at..]),
            _ => false,
        };
        if special {
            escaped.push_str(&format!("\\{:02x}", u32::from(c)));
        } else {
            escaped.push(c);
        }
    }
    Some(NodePart::new(&escaped).ok()?.as_str().to_owned())
}

/// The name behind a local part (XEP-0106).
pub fn unescape(local: &str) -> String {
    let mut name = String::with_capacity(local.len());
    let mut rest = local;
    while let Some(c) = rest.chars().next() {
        if is_escape(rest)
            && let Ok(code) = u8::from_str_radix(&rest[1..3], 16)
        {
            name.push(char::from(code));
            rest = &rest[3..];
        } else {
            name.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    name
}

fn is_escape(text: &str) -> bool {
    const CODES: [&str; 10] = ["20", "22", "26", "27", "2f", "3a", "3c", "3e", "40", "5c"];
    text.strip_prefix('\\')
        .and_then(|code| code.get(..2))
        .is_some_and(|code| CODES.contains(&code.to_ascii_lowercase().as_str()))
}

/// Text fit for XML: characters that may not stand in it become U+FFFD.
///
/// The one place where a control character in a name or in a program's output
/// would otherwise lose the whole stanza.
pub fn xml_text(text: &str) -> String {
    let valid = |c: char| match c {
        '\t' | '\n' => true,
        '\u{FFFE}' | '\u{FFFF}' | '\u{7F}'..='\u{9F}' => false,
        c => c >= ' ',
    };
    text.replace("\r\n", "\n").chars().map(|c| if valid(c) { c } else { '\u{FFFD}' }).collect()
}

/// An id nobody can guess.
pub fn fresh_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_local_parts_and_come_back() {
        for (name, local) in [
            ("web1", "web1"),
            ("Web 1", "web\\201"),
            ("a@b/c:d", "a\\40b\\2fc\\3ad"),
            ("d'Artagnan & <co>", "d\\27artagnan\\20\\26\\20\\3cco\\3e"),
            ("c:\\5cool", "c\\3a\\5c5cool"),
            ("back\\slash", "back\\slash"),
        ] {
            let escaped = escape(name).unwrap();
            assert_eq!(escaped, local);
            assert_eq!(unescape(&escaped), name.to_lowercase());
        }
        assert_eq!(escape(""), None);
        assert_eq!(escape(&"x".repeat(2000)), None);
        assert_eq!(escape("Ｗeb1").as_deref(), Some("web1"));
    }

    #[test]
    fn an_entity_speaks_from_its_own_address() {
        let domain = BareJid::new("vms.example.org").unwrap();
        assert_eq!(speaking(&domain, Some("web1")).as_str(), "web1@vms.example.org/atoll");
        assert_eq!(bare(&domain, None), domain);
    }

    #[test]
    fn control_characters_never_reach_the_wire() {
        assert_eq!(xml_text("a\u{0}b\u{1b}[31m\r\nc\td"), "a\u{FFFD}b\u{FFFD}[31m\nc\td");
    }
}
