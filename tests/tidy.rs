//! Order in the tree: names that belong together, what may depend on what, and where words may stand.
//!
//! What is missing is named with the path to create.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use agent::skills;
use regex::Regex;
use tests::transcript;

#[path = "tidy/claims.rs"]
mod claims;
#[path = "tidy/words.rs"]
mod words;

/// Lines above which a file is too long to be read in one go.
const MOST_LINES: usize = 600;

/// Longer ones, with the reason.
const LONG: [(&str, &str); 1] = [("grammar/tests/all/stances.rs", "one table of sentences and how each is meant")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the workspace is there")
}

/// All files of that ending below a folder, relative to the root, sorted; build output and packages left out.
fn files(folder: &str, ending: &str) -> Vec<String> {
    let root = root();
    let mut list = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "target" && name != "node_modules" && name != ".git" {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == ending) {
                list.push(path.strip_prefix(&root).expect("below the root").display().to_string());
            }
        }
    }
    list.sort();
    list
}

fn sources() -> Vec<String> {
    ["grammar", "intents", "dialogue", "agent", "tests"].iter().flat_map(|folder| files(folder, "rs")).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a file of the tree can be read")
}

fn stem(path: &str) -> String {
    Path::new(path).file_stem().expect("a file has a name").display().to_string()
}

/// Everything before the unit tests at the end of a file, comments taken out.
fn code(path: &str) -> Vec<(usize, String)> {
    let text = read(path);
    let lines = text.lines().take_while(|line| !line.trim_start().starts_with("#[cfg(test)]"));
    lines
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
        .map(|(at, line)| (at + 1, line.to_owned()))
        .collect()
}

/// Whether a file holds nothing but tests.
fn is_test(path: &str) -> bool {
    path.starts_with("tests/")
        || path.contains("/tests/")
        || path.ends_with("/tests.rs")
        || path.contains("/benches/")
        || path.contains("/examples/")
}

fn none(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_skill_has_its_words_and_its_transcript_under_its_own_name() {
    let modules: BTreeSet<String> = fs::read_dir(root().join("agent/src/skills"))
        .expect("the skills are there")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_file())
        .map(|path| stem(&path.display().to_string()))
        .filter(|name| !["planned", "tests"].contains(&name.as_str()))
        .collect();
    let mut wrong = Vec::new();
    for name in &modules {
        for path in [format!("corpus/en/{name}.txt"), format!("tests/dialogues/{name}.txt")] {
            if !root().join(&path).is_file() {
                wrong.push(format!("create {path}: agent/src/skills/{name}.rs has none"));
            }
        }
        if !read("agent/src/skills.rs").contains(&format!("pub mod {name};")) {
            wrong.push(format!("agent/src/skills.rs: add `pub mod {name};`"));
        }
    }
    for path in files("tests/dialogues", "txt").iter().filter(|path| !path.contains("/journeys/")) {
        let name = stem(path);
        if name != "never" && !modules.contains(&name) {
            wrong.push(format!("create agent/src/skills/{name}.rs, or rename {path}: it belongs to no skill"));
        }
    }
    none(&wrong);
}

#[test]
fn the_words_of_a_built_skill_stand_in_the_file_of_its_module() {
    let mut homes: BTreeMap<String, String> = BTreeMap::new();
    for path in files("corpus/en", "txt").iter().filter(|path| !path.ends_with("lexicon.txt")) {
        for line in read(path).lines().filter_map(|line| line.strip_prefix("# ")) {
            homes.insert(line.split_whitespace().next().unwrap_or_default().to_owned(), stem(path));
        }
    }
    let mut wrong = Vec::new();
    for skill in skills::ALL {
        let id = skill.spec().id;
        let Some(home) = homes.get(id) else {
            wrong.push(format!("create corpus/en/{}.txt with a section `# {id}`", id.replace('.', "_")));
            continue;
        };
        let module = format!("agent/src/skills/{home}.rs");
        if !root().join(&module).is_file() || !read(&module).contains(&format!("\"{id}\"")) {
            wrong.push(format!("`# {id}` stands in corpus/en/{home}.txt, but {module} does not declare it"));
        }
    }
    none(&wrong);
}

#[test]
fn every_module_says_first_what_it_gives() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .filter(|path| !read(path).starts_with("//!"))
        .map(|path| format!("{path}: begin with `//!`"))
        .collect();
    none(&wrong);
}

#[test]
fn files_can_be_read_in_one_go() {
    let wrong: Vec<_> = sources()
        .into_iter()
        .map(|path| (read(&path).lines().count(), path))
        .filter(|(lines, path)| *lines > MOST_LINES && !LONG.iter().any(|(long, _)| long == path))
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    none(&wrong);
}

#[test]
fn below_the_agent_there_is_no_runtime_no_network_and_no_clock() {
    let banned = Regex::new(r"^(tokio|async-.*|futures.*|smol|mio|hyper|reqwest|ureq|axum|socket2|rustls|chrono|time|tracing-subscriber|virt|virt-sys|sled|xmpp-parsers|tokio-.*|agent|rand)$").expect("a pattern");
    let clock = Regex::new(r"Zoned::now|Timestamp::now|Instant::now|std::net::(Tcp|Udp|ToSocket)|thread::sleep")
        .expect("a pattern");
    // Files and what comes with them: intents reads its model from one and keeps what it learnt in another.
    let outside = Regex::new(r"std::fs|File::open|SystemTime|std::process|std::env").expect("a pattern");
    let mut wrong = Vec::new();
    for package in ["grammar", "intents", "dialogue"] {
        let manifest = read(&format!("{package}/Cargo.toml"));
        let mut section = "";
        for line in manifest.lines() {
            if line.starts_with('[') {
                section = line;
            }
            let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
            if section.ends_with("dependencies]") && !section.contains("dev-") && banned.is_match(name) {
                wrong.push(format!("{package}/Cargo.toml: {name} has no place there"));
            }
            // Neither knows the other.
            if section == "[dependencies]"
                && ((package == "intents" && name == "dialogue")
                    || (package == "dialogue" && name == "intents")
                    || (package == "grammar" && ["intents", "dialogue"].contains(&name)))
            {
                wrong.push(format!("{package}/Cargo.toml: {name} is beside or above it"));
            }
        }
        for path in files(&format!("{package}/src"), "rs") {
            for (line, text) in code(&path) {
                if clock.is_match(&text) || outside.is_match(&text) && package != "intents" {
                    wrong.push(format!("{path}:{line}: {}", text.trim()));
                }
            }
        }
    }
    none(&wrong);
}

#[test]
fn only_the_named_files_name_libvirt_the_store_and_xmpp() {
    let rules: [(&str, &[&str]); 3] = [
        (r"\bvirt(_sys)?::", &["agent/src/host/libvirt", "agent/src/host/events"]),
        (r"\bsled::", &["agent/src/state/store.rs"]),
        (r"\b(tokio_xmpp|xso|minidom)::", &["agent/src/channels/xmpp/"]),
    ];
    let mut wrong = Vec::new();
    for (names, places) in rules {
        let names = Regex::new(names).expect("a pattern");
        for path in
            sources().into_iter().filter(|path| !is_test(path) && !places.iter().any(|place| path.starts_with(place)))
        {
            wrong.extend(
                code(&path)
                    .into_iter()
                    .filter(|(_, text)| names.is_match(text))
                    .map(|(line, text)| format!("{path}:{line}: {}", text.trim())),
            );
        }
    }
    none(&wrong);
}

#[test]
fn nothing_is_unwrapped_allowed_ignored_or_slept_through() {
    let unwrap = Regex::new(r"\.unwrap\(\)|\btodo!|\bunimplemented!|\bdbg!").expect("a pattern");
    // Put together here, so that this file does not name them itself.
    let never = Regex::new(&["#!?\\[", "allow\\(|#\\[", "ignore"].concat()).expect("a pattern");
    let sleep = Regex::new(&["thread::", "sleep\\(|time::", "sleep\\("].concat()).expect("a pattern");
    let mut wrong = Vec::new();
    for path in sources() {
        if !is_test(&path) {
            wrong.extend(
                code(&path)
                    .into_iter()
                    .filter(|(_, text)| unwrap.is_match(text))
                    .map(|(line, text)| format!("{path}:{line}: {}", text.trim())),
            );
        }
        // A back-off in the agent is no test that sleeps.
        let slept = |text: &str| never.is_match(text) || is_test(&path) && sleep.is_match(text);
        wrong.extend(
            read(&path)
                .lines()
                .enumerate()
                .filter(|(_, text)| !text.trim_start().starts_with("//") && slept(text))
                .map(|(at, text)| format!("{path}:{}: {}", at + 1, text.trim())),
        );
    }
    none(&wrong);
}

/// For each kind of refusal, the sentences that may come of it; of those whose whole text is another phrase, some of these.
fn sentences_of(refusal: &str) -> &'static [&'static str] {
    match refusal {
        "NotFound" => &["phrases/not_found", "phrases/not_found_close"],
        "Ambiguous" => &["phrases/ambiguous"],
        "BadValue" => &["disk.create/bad_name", "disk.create/exists", "disk.create/too_small", "disk.create/too_big"],
        "WrongState" => &["phrases/wrong_state"],
        "Denied" => &["phrases/denied", "phrases/denied_nobody"],
        "Busy" => &["phrases/busy"],
        "NoRoom" => &["phrases/no_room"],
        "Unsupported" => &["phrases/not_me", "phrases/nobody_matches", "phrases/undo_unsupported"],
        "Unreachable" => &["phrases/unreachable", "phrases/unreachable_yet"],
        "Protected" => &["phrases/protected"],
        "WhichMachine" => &["phrases/which_machine"],
        _ => &[],
    }
}

#[test]
fn every_refusal_that_can_happen_happens_in_a_transcript() {
    let declared = read("agent/src/skill.rs");
    let (_, body) = declared.split_once("pub enum Refusal {").expect("refusals are declared in skill.rs");
    let variant = Regex::new(r"(?m)^    ([A-Z][A-Za-z]+)").expect("a pattern");
    let variants: Vec<&str> = variant
        .captures_iter(body.split("\n}").next().unwrap_or_default())
        .map(|found| found.get(1).expect("one group").as_str())
        .collect();
    assert!(variants.len() > 8, "{variants:?}");
    let said: String = files("tests/dialogues", "txt").iter().map(|path| read(path)).collect();
    let made: String = files("agent/src", "rs")
        .iter()
        .filter(|path| !is_test(path) && !path.ends_with("refusal.rs"))
        .map(|path| code(path).into_iter().map(|(_, text)| text + "\n").collect::<String>())
        .collect();
    let words = transcript::nlu().book().words("en");
    let mut wrong = Vec::new();
    for refusal in variants {
        // Known to the type, made by no skill yet.
        if !made.contains(&format!("Refusal::{refusal}")) {
            continue;
        }
        let texts: Vec<_> = sentences_of(refusal).iter().filter_map(|key| fixed(words, key)).collect();
        assert!(!texts.is_empty(), "tests/tidy.rs: name the sentences of Refusal::{refusal}");
        if !texts.iter().any(|text| text.is_match(&said)) {
            wrong.push(format!("no transcript under tests/dialogues shows Refusal::{refusal}"));
        }
    }
    none(&wrong);
}

/// A pattern of what never changes in a text: "I know no … called …".
fn fixed(words: &dialogue::book::Words, key: &str) -> Option<Regex> {
    let (skill, id) = key.split_once('/')?;
    let text = &words.skills.get(skill)?.replies.get(id)?.value;
    let holes = Regex::new(r"\{[^}]*\}").expect("a pattern");
    let parts: Vec<String> = holes.split(text).map(regex::escape).collect();
    Regex::new(&parts.join(".+")).ok()
}

/// Changes go one way. A call needs its trait in sight, so naming it is the only way to it.
#[test]
fn only_the_engine_changes_anything() {
    let traits = Regex::new(r"\b(HostWrite|dyn (Host|Own|Contacts)\b)").expect("a pattern");
    // Who declares them, who carries them out, who is given them to hand on, and what ops are done with.
    let places = [
        "agent/src/host.rs",
        "agent/src/host/libvirt.rs",
        "agent/src/host/fake.rs",
        "agent/src/people/contacts.rs",
        "agent/src/conversation.rs",
        "agent/src/engine.rs",
        "agent/src/ops.rs",
    ];
    let calls =
        Regex::new(r"\b(host|bridge|fake)\.(apply|apply_late)\(|\.on_(agent|libvirt|fake)\(").expect("a pattern");
    let applies = "agent/src/engine/commit.rs";
    let doers = [applies, "agent/src/host/libvirt/ops.rs", "agent/src/host/fake/ops.rs"];
    let mut wrong = Vec::new();
    for path in sources().into_iter().filter(|path| path.starts_with("agent/src/")) {
        for (line, text) in code(&path) {
            let named = traits.is_match(&text) && !places.contains(&path.as_str());
            let called = calls.is_match(&text) && !doers.contains(&path.as_str());
            if path != applies && (named || called) {
                wrong.push(format!("{path}:{line}: only {applies} changes a host; take a HostRead: {}", text.trim()));
            }
        }
    }
    none(&wrong);
    assert!(code(applies).iter().any(|(_, text)| calls.is_match(text)), "{applies} applies");
}
