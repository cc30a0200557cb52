//! The command line as scripts and newcomers use it.

use serde_json::Value;
use tests::servers::atoll::command;

use crate::world::{PEOPLE, TestDriver, prosody};

#[test]
fn a_machine_is_asked_in_the_terminal_without_any_server() {
    let host = TestDriver::new(&[("web1", true)]);
    assert_eq!(
        command(&["chat", "--uri", &host.uri(), "web1", "--say", "status"], ""),
        (0, "web1: web1 is running.\n".to_owned())
    );
    // By the encoder that ships: no other one need be there.
    let (code, said) = command(&["chat", "--uri", &host.uri(), "web1", "--say", "tu es figée, redémarre"], "");
    assert_eq!((code, said.as_str()), (0, "web1: Redémarrer web1. J'y vais ?\n"));
    let (code, said) = command(&["chat", "--uri", &host.uri(), "web9", "--say", "status"], "");
    assert!(code == 1 && said.contains("web9") && said.contains("web1"), "{code}: {said}");
}

#[test]
fn explain_keeps_its_contract_line_by_line() {
    let texts = [
        "reboot",
        "please shut down",
        "create a 20 GB qcow2 disk called data",
        "pull the plug",
        "what a nice day",
        "rename yourself to web4",
        "hello",
        "don't stop",
    ];
    let questions: Vec<String> =
        (0..200).map(|index| serde_json::json!({ "text": texts[index % texts.len()] }).to_string()).collect();
    let (code, said) = command(&["explain", "--jsonl"], &questions.join("\n"));
    assert_eq!(code, 0, "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 200);
    for (index, line) in lines.iter().enumerate() {
        let explained: Value = serde_json::from_str(line).expect("one JSON object a line");
        assert_eq!(explained["text"], texts[index % texts.len()], "the same order");
        let fields: Vec<&String> = explained.as_object().expect("an object").keys().collect();
        let mut contract =
            ["text", "path", "skill", "confidence", "alternatives", "slots", "danger", "decision", "why"];
        contract.sort_unstable();
        assert_eq!(fields, contract);
        let among = |field: &str, words: &[&str]| {
            assert!(explained[field].as_str().is_some_and(|word| words.contains(&word)), "{field} in {line}")
        };
        among("path", &["command", "understood", "guess", "none"]);
        among("danger", &["read", "reversible", "disruptive", "destructive", "authority"]);
        among("decision", &["act", "ask_slot", "confirm", "choose", "decline", "smalltalk"]);
    }
    let first: Value = serde_json::from_str(lines[2]).expect("an object");
    assert_eq!(
        (&first["skill"], &first["path"], &first["slots"]["name"]),
        (&"disk.create".into(), &"command".into(), &"data".into())
    );
    // A planned skill stays named although it is declined.
    let planned: Value = serde_json::from_str(lines[5]).expect("an object");
    assert_eq!((&planned["skill"], &planned["decision"]), (&"vm.rename".into(), &"decline".into()));

    let (code, said) = command(
        &["explain", "--jsonl"],
        "{\"text\": \"status\"}\n{\"text\": \"start web1\", \"to\": \"host\", \"machines\": [\"web1\"]}\nno json\n",
    );
    assert_eq!(code, 1);
    assert!(said.contains("line 3"), "the bad line is named: {said}");
}

#[test]
fn a_newcomer_writes_a_configuration_fills_it_in_and_the_doctor_is_content() {
    let (host, server) = (TestDriver::new(&[("web1", true)]), prosody());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("etc/atoll.toml");
    let path = file.display().to_string();
    let (code, said) = command(&["init", &path], "");
    assert_eq!(code, 0, "{said}");
    let (code, said) = command(&["init", &path], "");
    assert!(code == 1 && said.contains("not written"), "never over a file that is there: {said}");
    let trained = tests::servers::atoll::trained();
    let text = std::fs::read_to_string(&file).expect("it was written");
    let filled = text
        .replace("127.0.0.1:5347", &server.component())
        .replace("secret = \"\"", "secret = \"secret\"")
        .replace("path = \"/var/lib/atoll\"", &format!("path = \"{}\"", folder.path().join("store").display()))
        .replace("trained = \"\"", &format!("trained = \"{}\"", trained.display()))
        + &format!(
            "\n[[hypervisor]]\nname = \"hv1\"\nuri = \"{}\"\n[[access]]\nwho = \"{}\"\nrole = \"admin\"\n",
            host.uri(),
            PEOPLE[0].0
        );
    std::fs::write(&file, filled).expect("filled in");
    let (code, said) = command(&["doctor", "--config", &path], "");
    assert_eq!(code, 0, "{said}");
    for leg in ["config", "store", "model", "clock", "libvirt", "events", "xmpp", "delivery"] {
        assert!(said.lines().any(|line| line.trim_start().starts_with("ok") && line.contains(leg)), "{leg} in {said}");
    }
}
