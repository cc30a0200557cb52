//! `atoll evaluate` as it is typed: what it is asked to measure, by which encoder, and what it prints first.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Enough for two labels, and sentences of none.
const SENTENCES: &str = r#"{
  "train": [["start the machine", "start"], ["start it now", "start"], ["please start", "start"], ["boot it", "start"],
            ["stop the machine", "stop"], ["stop it now", "stop"], ["please stop", "stop"], ["halt it", "stop"]],
  "oos_train": [["what is the weather", "oos"], ["sing a song", "oos"], ["tell me a joke", "oos"]],
  "val": [], "oos_val": [],
  "test": [["start it please", "start"], ["stop it please", "stop"]],
  "oos_test": [["what a joke", "oos"]]
}"#;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut atoll = Command::new(env!("CARGO_BIN_EXE_atoll"));
    atoll.args(["evaluate", "--clinc"]).arg(folder.join("sentences.json"));
    atoll.arg("--trained").arg(folder.join("trained")).args(arguments);
    atoll
}

fn evaluate(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("atoll is built")
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("room for a folder");
    std::fs::write(folder.path().join("sentences.json"), SENTENCES).expect("room for a file");
    folder
}

#[test]
fn accuracy_and_recall_at_one_threshold_come_first() {
    let folder = folder();
    let done = evaluate(folder.path(), &["--model", "none"]);
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(done.status.success(), "{said}");
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("2 sentences in scope, 1 of none"));
    let second = lines.next().unwrap();
    assert!(second.starts_with("as it ships: in-scope accuracy "), "{second}");
    assert!(second.contains(" %, out-of-scope recall "), "{second}");
    assert!(said.contains("in scope at least 85 %"), "{said}");
}

#[test]
fn none_is_no_encoder_and_leaves_no_vectors_behind() {
    let folder = folder();
    let json = |arguments: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&evaluate(folder.path(), arguments).stdout).unwrap()
    };
    let alone = json(&["--json", "--model", "none"]);
    let vectors = || {
        let files = std::fs::read_dir(folder.path().join("trained")).unwrap();
        files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("vectors-")).count()
    };
    assert_eq!(vectors(), 0);
    let shipped = json(&["--json"]);
    assert_eq!(vectors(), 1);
    let confidence = |report: &serde_json::Value| report["predictions"][0]["ranked"][0][1].clone();
    assert_ne!(confidence(&alone), confidence(&shipped), "two encoders, two confidences");
    assert_eq!(alone["at_accuracy"].as_array().unwrap().len(), 4);
}

#[test]
fn an_encoder_that_is_not_there_is_said_and_nothing_else_is_measured() {
    let folder = folder();
    let failed = evaluate(folder.path(), &["--model", "/nowhere"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(failed.stdout.is_empty());
    assert!(String::from_utf8(failed.stderr).unwrap().starts_with("atoll: can't use the weights in /nowhere: "));
}

#[test]
fn whoever_reads_only_the_beginning_hears_of_no_failure() {
    let folder = folder();
    let mut atoll = command(folder.path(), &["--model", "none"]);
    let mut child = atoll.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
}

#[test]
fn a_curve_is_of_the_corpus() {
    let folder = folder();
    let refused = evaluate(folder.path(), &["--curve"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("--curve"));
}
