//! What is kept between runs: models and sentence vectors.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;

use crate::support::{Counting, corpus};
use intents::{Encoder, Example, Model, TrainError};

fn files(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder was made before");
    let paths = entries.map(|entry| entry.expect("a readable entry").path());
    let named = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(prefix));
    let mut found: Vec<_> = paths.filter(named).collect();
    found.sort();
    found
}

#[test]
fn the_second_time_nothing_is_encoded_or_trained() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("deep/down");
    let encoder = Counting::default();
    let first = Model::cached(&cache, &corpus(), &[], Some(&encoder)).unwrap();
    assert_eq!(encoder.texts.load(SeqCst), corpus().len());
    let second = Model::cached(&cache, &corpus(), &[], Some(&encoder)).unwrap();
    assert_eq!((first, encoder.texts.load(SeqCst)), (second, corpus().len()));
    let known = encoder.name();
    assert_eq!(files(&cache, "").len(), 2, "a model and the vectors of {known}, nothing left over");
}

#[test]
fn a_changed_corpus_costs_only_what_is_new() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = Counting::default();
    Model::cached(folder.path(), &corpus(), &[], Some(&encoder)).unwrap();
    let before = encoder.texts.load(SeqCst);
    let mut more = corpus();
    more.push(Example { text: "fire up the engine", label: "vm.start", language: "en" });
    let model = Model::cached(folder.path(), &more, &[], Some(&encoder)).unwrap();
    assert_eq!(encoder.texts.load(SeqCst), before + 1);
    assert_eq!(model, Model::train(&more, &[], Some(&encoder)).unwrap());
    assert_eq!(files(folder.path(), "model-").len(), 2);
}

#[test]
fn damaged_files_are_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = Counting::default();
    let expected = Model::cached(folder.path(), &corpus(), &[], Some(&encoder)).unwrap();
    let good: Vec<_> = files(folder.path(), "").into_iter().map(|path| (std::fs::read(&path).unwrap(), path)).collect();
    for damage in ["", "nonsense"] {
        for (_, path) in &good {
            std::fs::write(path, damage).unwrap();
        }
        assert_eq!(Model::cached(folder.path(), &corpus(), &[], Some(&encoder)).unwrap(), expected);
    }
    let model = files(folder.path(), "model-").remove(0);
    assert_eq!(std::fs::read(&model).unwrap(), good.iter().find(|(_, path)| *path == model).unwrap().0);
}

#[test]
fn a_folder_that_cannot_be_written_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let error = Model::cached(&file.join("cache"), &corpus(), &[], None).unwrap_err();
    assert!(matches!(error, TrainError::Write { .. }), "{error}");
}

#[test]
fn old_models_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    for count in 0..9 {
        let text = format!("say number {}", "x".repeat(count + 1));
        let mut more = corpus();
        more.truncate(24);
        more.push(Example { text: &text, label: "talk.greet", language: "en" });
        Model::cached(folder.path(), &more, &[], None).unwrap();
    }
    assert_eq!(files(folder.path(), "model-").len(), 6);
}
