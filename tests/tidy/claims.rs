//! What README, ARCHITECTURE, CONTRIBUTING, SECURITY and `--help` say is so, as far as a test can tell.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use agent::cli;
use regex::Regex;
use tests::transcript;

use super::{files, none, read, root};

/// Pages that make claims about the tree.
const PAGES: [&str; 5] = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "corpus/README.md"];

/// Named in the pages and made when Atoll runs, or somebody's own.
const NOT_OURS: [&str; 2] = ["journal.jsonl", "store.rs"];

/// The part of a page under a heading.
fn section(page: &str, heading: &str) -> String {
    let text = read(page);
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("{page}: ## {heading}"));
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

/// All files of the tree by their paths.
fn all() -> &'static BTreeSet<String> {
    static ALL: OnceLock<BTreeSet<String>> = OnceLock::new();
    ALL.get_or_init(|| {
        ["rs", "txt", "md", "toml", "sh", "py", "ts", "tsx", "bin", "pest", "xml", "mjs", "svg", "json"]
            .iter()
            .flat_map(|ending| files(".", ending))
            .map(|path| path.trim_start_matches("./").to_owned())
            .collect()
    })
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let name = Regex::new(r"`([A-Za-z0-9_./-]+(?:\.(?:rs|txt|md|toml|sh|py|ts|bin|pest)|/))`").expect("a pattern");
    let mut wrong = Vec::new();
    for page in PAGES {
        for found in name.captures_iter(&read(page)) {
            let path = &found[1];
            let there = root().join(path).exists()
                || all().iter().any(|known| known.ends_with(&format!("/{path}")))
                || all().iter().any(|known| path.ends_with('/') && known.contains(&format!("/{path}")))
                || NOT_OURS.contains(&path);
            if !there {
                wrong.push(format!("{page} names {path}, which is not there"));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_verbs_of_the_readme_are_those_of_the_program() {
    let command = cli::command();
    let verbs: BTreeSet<&str> = command.get_subcommands().map(|verb| verb.get_name()).collect();
    let readme = read("README.md");
    let table: String = readme.lines().filter(|line| line.starts_with("| `atoll ")).collect();
    let named = Regex::new("`atoll ([a-z]+)").expect("a pattern");
    let listed: BTreeSet<&str> =
        named.captures_iter(&table).map(|found| found.get(1).expect("one group").as_str()).collect();
    let hidden = |verb: &&&str| command.find_subcommand(verb).is_some_and(|verb| verb.is_hide_set());
    let missing: Vec<_> = verbs.difference(&listed).filter(|verb| !hidden(verb)).collect();
    assert!(missing.is_empty(), "README.md's table of verbs lacks {missing:?}");
    let mut wrong = Vec::new();
    for page in PAGES {
        for found in named.captures_iter(&read(page)) {
            if !verbs.contains(&found[1]) && &found[1] != "help" {
                wrong.push(format!("{page}: there is no `atoll {}`", &found[1]));
            }
        }
    }
    none(&wrong);
}

#[test]
fn the_options_of_the_readme_are_those_of_the_program() {
    let command = cli::command();
    // `atoll journal show` is a verb of a verb.
    let known: BTreeSet<String> = command
        .get_subcommands()
        .flat_map(|verb| std::iter::once(verb).chain(verb.get_subcommands()))
        .flat_map(|verb| verb.get_arguments())
        .filter_map(|argument| argument.get_long())
        .map(|long| format!("--{long}"))
        .collect();
    // Those of ./demo and ./check are in their own help.
    let own = read("demo") + &read("check") + "--package --quiet --bin --release";
    let option = Regex::new("(--[a-z-]+)").expect("a pattern");
    let readme = read("README.md");
    let wrong: Vec<_> = option
        .captures_iter(&readme)
        .map(|found| found[1].to_owned())
        .filter(|option| !option.ends_with('-') && !known.contains(option) && !own.contains(option.as_str()))
        .map(|option| format!("README.md: nothing has an option {option}"))
        .collect();
    none(&wrong);
}

#[test]
fn the_exit_codes_are_said_in_one_way() {
    assert!(read("README.md").contains(cli::EXIT_CODES), "README.md: {}", cli::EXIT_CODES);
    assert!(cli::command().render_help().to_string().replace('\n', " ").contains("Exit codes: 2 "), "atoll --help");
}

#[test]
fn the_configuration_that_the_readme_speaks_of_is_there() {
    let named = Regex::new(r"`(\[{1,2}[a-z_]+\]{1,2})`|`([a-z_.]+) = [^`]+`").expect("a pattern");
    let readme = read("README.md");
    let wrong: Vec<_> = named
        .captures_iter(&readme)
        .map(|found| found.get(1).or(found.get(2)).expect("one of both").as_str())
        .filter(|name| !agent::config::DEFAULTS.contains(name))
        .map(|name| format!("README.md: agent/default.toml has no {name}"))
        .collect();
    none(&wrong);
    assert!(readme.contains("delayed by more than two minutes"), "README.md says how late is too late");
    assert_eq!(dialogue::session::LATE.as_secs(), 120, "…and how late that is");
}

/// The conversation on the first page: each line of it as in a transcript, which the dialogues play.
#[test]
fn the_conversation_of_the_readme_is_a_transcript() {
    let readme = read("README.md");
    let shown: Vec<(String, String)> = readme
        .lines()
        .skip_while(|line| !line.starts_with("    "))
        .take_while(|line| line.starts_with("    "))
        .map(|line| line.trim().split_once(' ').expect("who says what"))
        .map(|(who, what)| (who.to_owned(), what.trim().to_owned()))
        .collect();
    assert!(shown.len() > 6, "{shown:?}");
    let (_, scenarios) = transcript::scenarios(&read("tests/dialogues/disk_create.txt"));
    let played = transcript::play(&scenarios[0]).expect("it can be played");
    let said: Vec<(String, String)> = played
        .iter()
        .filter_map(|line| line.split_once(':'))
        .filter_map(|(word, what)| {
            let (who, before) = match word {
                "user" => ("alice", ""),
                "bot" => ("web1", ""),
                "told" => ("→", "everybody else in web1's roster: "),
                _ => return None,
            };
            Some((who.to_owned(), format!("{before}{}", what.trim())))
        })
        .collect();
    assert_eq!(shown, said, "README.md and tests/dialogues/disk_create.txt");
}

#[test]
fn the_licences_named_are_those_of_what_ships() {
    let section = section("README.md", "Licence").replace('\n', " ");
    let notice = read("intents/weights/NOTICE.md");
    let mut wrong = Vec::new();
    let encoder = notice.lines().nth(2).and_then(|line| line.split(' ').next()).expect("the notice begins with a name");
    for (named, noticed) in [
        (encoder, encoder),
        ("MIT", "MIT License"),
        ("CLINC150", "CLINC150"),
        ("Larson et al. 2019", "Larson et al. 2019"),
        ("Creative Commons Attribution 3.0", "Creative Commons Attribution 3.0"),
    ] {
        if !section.contains(named) {
            wrong.push(format!("README.md, Licence: {named} is missing"));
        }
        if !notice.contains(noticed) {
            wrong.push(format!("intents/weights/NOTICE.md: {noticed} is missing"));
        }
    }
    let about = read("intents/src/encoder/bundled.rs");
    if !about.lines().take(3).any(|line| line.contains(encoder)) {
        wrong.push(format!("intents/src/encoder/bundled.rs says first that it is {encoder}"));
    }
    // Every licence with conditions that cargo-deny lets through is owned up to.
    let exception = Regex::new(r#"crate = "([^"]+)", allow = \["([^"]+)"\]"#).expect("a pattern");
    let kin = ["jid", "minidom", "sasl", "xso", "xso_proc"]; // "and their kin"
    for found in exception.captures_iter(&read("deny.toml")) {
        if !section.contains(&found[2]) || !section.contains(&found[1]) && !kin.contains(&&found[1]) {
            wrong.push(format!("README.md, Licence: {} is {}", &found[1], &found[2]));
        }
    }
    none(&wrong);
}

/// Names of tests as "file::name"; of a transcript's scenario as "file::its first line".
fn tests_named(text: &str) -> Vec<(String, String)> {
    let named = Regex::new(r"([a-z][A-Za-z0-9_./-]*\.rs)::([a-z0-9_]+)|(tests/dialogues/[a-z_/]+\.txt)::([^`|>\n]+)")
        .expect("a pattern");
    named
        .captures_iter(text)
        .map(|found| {
            let file = found.get(1).or(found.get(3)).expect("a file").as_str().to_owned();
            (file, found.get(2).or(found.get(4)).expect("a name").as_str().trim().to_owned())
        })
        .collect()
}

/// Whether that test is there.
fn is_there(file: &str, name: &str) -> bool {
    if !root().join(file).is_file() {
        return false;
    }
    let text = read(file);
    if file.ends_with(".txt") {
        return text.lines().any(|line| line.strip_prefix("# ") == Some(name));
    }
    let test = Regex::new(&format!(
        r"#\[(?:tokio::)?test(?:\([^)]*\))?\]\s+(?:#\[[^\n]*\]\s+)*(?:async )?fn {}\(",
        regex::escape(name)
    ));
    test.expect("a pattern").is_match(&text)
}

#[test]
fn every_promise_is_held_by_a_test_that_is_there() {
    let mut wrong = Vec::new();
    for page in ["README.md", "SECURITY.md"] {
        for (file, name) in tests_named(&read(page)) {
            if !is_there(&file, &name) {
                wrong.push(format!("{page}: there is no test {file}::{name}"));
            }
        }
    }
    let promises = section("README.md", "What you can rely on");
    for promise in promises.split("\n- ").skip(1) {
        if tests_named(promise).is_empty() {
            wrong.push(format!("README.md: no test is named for: {}", promise.lines().next().unwrap_or_default()));
        }
    }
    let promises = section("SECURITY.md", "What Atoll promises");
    let rows: Vec<&str> = promises.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 20, "SECURITY.md: {} promises", rows.len());
    for row in rows {
        if tests_named(row).is_empty() {
            wrong.push(format!("SECURITY.md: no test is named for: {row}"));
        }
    }
    none(&wrong);
}
