//! `corpus check [FILE…]`: reads the folder `corpus` as it lies on disk and says what an author wants to know of the files named
//! (without `.txt`; all when none is): the first thing wrong, how many phrasings each skill has, near-duplicates, what other
//! skills' commands claim, and what a language lacks that English has. A language under way borrows from English what it has not yet.
//!
//! `corpus keep`: writes `intents/weights/kept.bin`, the vectors of the sentences of the corpus that this was built with.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use dialogue::book::{Book, COMMON, NONE, Words};
use tests::alike;
use tests::spoken::{Spoken, commanded};

/// A skill with fewer phrasings is named.
const FEW: usize = 60;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("check") => {}
        Some("keep") => return keep(),
        _ => bail!("usage: corpus check [FILE…] | keep, beside the folder `corpus`"),
    }
    let wanted: BTreeSet<String> = arguments.collect();
    let mut files = read(Path::new("corpus"))?;
    // A file that is wrong is named and left out, so that the others can be looked at.
    let book = loop {
        match Book::load(agent::skills::specs(), &sources(&complete(&files))) {
            Ok(book) => break book,
            Err(error) => {
                let error = error.to_string();
                let wrong =
                    files.iter().position(|(language, name, _)| error.contains(&format!("corpus/{language}/{name}")));
                let Some(wrong) = wrong else { bail!("{error}") };
                println!("WRONG {error}");
                files.remove(wrong);
            }
        }
    };
    let languages: BTreeSet<&str> = files.iter().map(|file| file.0.as_str()).collect();
    for language in &languages {
        let sections: BTreeSet<&str> = files
            .iter()
            .filter(|(of, name, _)| {
                of == language && (wanted.is_empty() || wanted.contains(name.trim_end_matches(".txt")))
            })
            .flat_map(|file| ids(&file.2))
            .collect();
        report(&book, language, &sections);
    }
    Ok(())
}

/// Vectors of all that the classifier learns from, in the file that the encoder takes them from.
fn keep() -> Result<()> {
    let book = Book::load(agent::skills::specs(), &agent::nlu::corpus())?;
    let (examples, misses) = agent::nlu::lessons(&book);
    let texts = examples.iter().map(|example| example.text.trim()).chain(misses.iter().map(|(text, _)| text.trim()));
    let file = Path::new("intents/weights/kept.bin");
    fs::write(file, intents::encoder::keep(intents::encoder::bundled(), &texts.collect::<Vec<_>>())?)
        .with_context(|| format!("can't write {}", file.display()))
}

/// What a language has not yet is borrowed: from the corpus this was built with, and that from English.
fn complete(files: &[File]) -> Vec<File> {
    let mut complete = files.to_vec();
    let languages: BTreeSet<&str> = files.iter().map(|file| file.0.as_str()).collect();
    for language in languages {
        for lender in [language, "en"] {
            let own: Vec<File> = complete.iter().filter(|file| file.0 == language).cloned().collect();
            let has: BTreeSet<&str> = own.iter().flat_map(|file| ids(&file.2)).collect();
            let lexicon = own.iter().any(|file| file.1 == "lexicon.txt");
            for (_, name, text) in agent::nlu::corpus().into_iter().filter(|file| file.0 == lender) {
                if name == "lexicon.txt" && !lexicon {
                    complete.push((language.to_owned(), name.to_owned(), text.to_owned()));
                } else if ids(text).any(|id| !has.contains(id)) {
                    complete.push((language.to_owned(), format!("{name} (borrowed)"), without(text, &has)));
                }
            }
        }
    }
    complete
}

fn sources(files: &[File]) -> Vec<(&str, &str, &str)> {
    files.iter().map(|(language, name, text)| (language.as_str(), name.as_str(), text.as_str())).collect()
}

/// Language, file name, text.
type File = (String, String, String);

/// Every file on disk.
fn read(root: &Path) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for folder in fs::read_dir(root).context("there is no folder `corpus` here")?.flatten() {
        for file in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            let name = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
            if file.path().extension().is_some_and(|ending| ending == "txt") {
                files.push((name(&folder), name(&file), fs::read_to_string(file.path())?));
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The sections of a file.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| line.strip_prefix("# ")).filter_map(|head| head.split_whitespace().next())
}

/// A file without these sections.
fn without(text: &str, sections: &BTreeSet<&str>) -> String {
    let mut keep = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.starts_with("# ") {
            keep = ids(line).any(|id| !sections.contains(id));
        }
        if keep {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

fn report(book: &Book, language: &str, sections: &BTreeSet<&str>) {
    let words = book.words(language);
    let mut counts: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    let mut shapes = Vec::new();
    let mut texts = Vec::new();
    for (id, section) in &words.skills {
        for example in &section.examples {
            shapes.push((id.clone(), alike::shape(example)));
            texts.push(&example.text);
        }
        if sections.contains(id.as_str()) && id != NONE && id != COMMON {
            counts.entry(section.examples.len()).or_default().push(id);
        }
    }
    let ours = |place: usize| sections.contains(shapes[place].0.as_str());
    println!("\n== {language}: phrasings of each skill (wanted: {FEW} and more)");
    for (count, ids) in &counts {
        println!("{}{count:4}  {}", if *count < FEW { "few " } else { "    " }, ids.join(", "));
    }
    println!("== {language}: near-duplicates");
    for (one, other) in alike::pairs(&shapes).into_iter().filter(|(one, _)| ours(*one)) {
        println!("  {}: \"{}\" ~ \"{}\"", shapes[one].0, texts[one], texts[other]);
    }
    println!("== {language}: the same said for two skills");
    let mut owners: BTreeMap<&alike::Shape, BTreeSet<usize>> = BTreeMap::new();
    for (place, (_, shape)) in shapes.iter().enumerate() {
        owners.entry(shape).or_default().insert(place);
    }
    for places in owners.values() {
        let ids: BTreeSet<&str> = places.iter().map(|place| shapes[*place].0.as_str()).collect();
        if ids.len() > 1 && places.iter().any(|place| ours(*place)) {
            let said: Vec<&str> = places.iter().map(|place| texts[*place].as_str()).collect();
            println!("  {}: \"{}\"", ids.into_iter().collect::<Vec<_>>().join(", "), said.join("\" = \""));
        }
    }
    claims(book, words, language, sections);
    lacks(book, words, language, sections);
}

/// Phrasings that the commands of another skill take.
fn claims(book: &Book, words: &Words, language: &str, sections: &BTreeSet<&str>) {
    println!("== {language}: phrasings that another skill's commands take");
    let spoken = Spoken::of(words);
    let apart = |one: &str, other: &str| {
        let (Some(one), Some(other)) = (book.spec(one), book.spec(other)) else { return false };
        !one.scopes.iter().any(|scope| other.fits(*scope))
    };
    for (id, section) in &words.skills {
        for example in section.examples.iter().filter(|_| id != NONE) {
            let others: Vec<&str> = commanded(book, words, &spoken, &example.text)
                .into_iter()
                .filter(|other| other != id && !apart(other, id))
                .filter(|other| sections.contains(id.as_str()) || sections.contains(other))
                .collect();
            if !others.is_empty() {
                println!("  \"{}\" of {id} is a command of {}", example.text, others.join(", "));
            }
        }
    }
}

/// Questions and replies that English has, and other values than there.
fn lacks(book: &Book, words: &Words, language: &str, sections: &BTreeSet<&str>) {
    println!("== {language}: what English has besides, or has with other values");
    let english = book.words("en");
    for (id, section) in english.skills.iter().filter(|(id, _)| sections.contains(id.as_str())) {
        let Some(own) = words.skills.get(id) else { continue };
        for slot in section.questions.keys().filter(|slot| !own.questions.contains_key(*slot)) {
            println!("  {id}: no `? {slot}`");
        }
        if !section.patterns.is_empty() && own.patterns.is_empty() {
            println!("  {id}: no command `=`");
        }
        for reply in section.replies.keys() {
            let key = format!("{id}/{reply}");
            match (words.phrases.wants(&key), english.phrases.wants(&key)) {
                (None, _) => println!("  {id}: no `> {reply}`"),
                (Some(own), Some(wanted)) if own != wanted => {
                    println!("  {id}: `> {reply}` has {own:?} instead of {wanted:?}");
                }
                _ => {}
            }
        }
        for reply in own.replies.keys().filter(|reply| !section.replies.contains_key(*reply)) {
            println!("  {id}: `> {reply}` is not there in English");
        }
    }
}
