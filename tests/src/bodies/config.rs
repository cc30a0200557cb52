//! The configuration: any text is read or refused in words that say where.

use std::path::Path;

use agent::config::{Config, DEFAULTS};

use super::Bytes;

/// What may stand behind a key, sound and unsound. No paths: what is named is read.
const VALUES: [&str; 30] = [
    "\"\"",
    "\"en\"",
    "\"UTC\"",
    "\"Mars/Olympus\"",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "5",
    "99999999999999999999",
    "18446744073709551615",
    "1.5",
    "nan",
    "[]",
    "[\"\"]",
    "[\"127.0.0.1:5347\"]",
    "[\"127.0.0.1\"]",
    "[1]",
    "{}",
    "{ a = 1 }",
    "2026-01-01T00:00:00Z",
    "\"vms.example.org\"",
    "\"@\"",
    "\"sha256:00\"",
    "\"sha256:é\"",
    "\"0.0.0.0:80\"",
    "\"[::1]:80\"",
    "\"hunter2\"",
    "\"a\\u0000b\\u202e\"",
];

/// What must never be seen.
const SECRET: &str = "top-hunter-seven";

/// Tables that may be given several times.
const TABLES: [&str; 8] = [
    "[[hypervisor]]\nname = \"hv1\"\nuri = \"test:///default\"\n",
    "[[hypervisor]]\nname = \"HV1\"\nuri = \"\"\n",
    "[[hypervisor]]\nname = \"a b\"\nuri = \"test:///default\"\n",
    "[[access]]\nwho = \"ann@example.org\"\nrole = \"admin\"\n",
    "[[access]]\nwho = \"@example.org\"\nrole = \"king\"\n",
    "[[access]]\nwho = \"@@\"\nrole = \"viewer\"\n",
    "[[room]]\naddress = \"ops@rooms.example.org\"\n",
    "[[room]]\naddress = \"rooms.example.org\"\nas = \"hv9\"\n",
];

/// Any text, and the defaults with some of their values replaced.
///
/// # Panics
/// When reading does, when a refusal does not say in which line, when an unknown key is let through, or a secret is shown.
pub fn config(data: &[u8]) {
    let mut bytes = Bytes(data);
    if bytes.chance(3) {
        let text = String::from_utf8_lossy(bytes.0);
        // Whatever it names would be read: devices, pipes.
        if !text.contains("_file") {
            read(&text);
        }
        return;
    }
    let mut text = String::new();
    let lines: Vec<&str> = DEFAULTS.lines().filter(|line| !line.starts_with('#')).collect();
    let unknown = bytes.chance(4).then(|| bytes.below(lines.len()));
    let most = 1 + bytes.below(12);
    let mut replaced = 0;
    for (number, line) in lines.iter().enumerate() {
        match line.split_once(" = ") {
            Some((key, _)) if key.ends_with("_file") => {}
            Some((key @ "secret", _)) => text += &format!("{key} = \"{SECRET}\"\n"),
            Some((key, _)) if replaced < most && bytes.chance(4) => {
                replaced += 1;
                text += &format!("{key} = {}\n", VALUES[bytes.below(VALUES.len())]);
            }
            Some(_) if bytes.chance(2) => {}
            _ => text += &format!("{line}\n"),
        }
        if unknown == Some(number) {
            text += "zyzzyva = 1\n";
        }
    }
    for _ in 0..bytes.below(4) {
        text += TABLES[bytes.below(TABLES.len())];
    }
    let refused = read(&text);
    assert!(unknown.is_none() || refused.is_some(), "an unknown key is let through:\n{text}");
}

/// Reads it; the words of a refusal.
fn read(text: &str) -> Option<String> {
    let file = Path::new("atoll.toml");
    match Config::parse(file, text) {
        Ok(config) => {
            assert!(!format!("{config:?}").contains(SECRET), "a secret is shown");
            None
        }
        Err(error) => {
            let words = error.to_string();
            for fault in words.lines() {
                let line = fault
                    .strip_prefix("atoll.toml, line ")
                    .and_then(|rest| rest.split([':', ',', ' ']).next())
                    .and_then(|line| line.parse::<usize>().ok())
                    .unwrap_or_else(|| panic!("in which line? {fault}\n{text}"));
                assert!((1..=text.lines().count() + 1).contains(&line), "line {line}? {words}\n{text}");
            }
            assert!(!words.contains(SECRET), "a secret is shown: {words}");
            Some(words)
        }
    }
}
