//! The corpus as a whole: every phrasing is won by its own skill with all skills loaded, what is none is never acted on, and
//! every sentence the code names is there with all its values.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use agent::measure::explain::{Explained, Question, explain};
use dialogue::book::Words;
use dialogue::reply::{Phrase, Var};
use dialogue::session::Decision;
use dialogue::spec::{Danger, Scope};
use grammar::frame::{Stance, frame};
use grammar::read::Context;
use intents::Encoder;
use jiff::Zoned;
use regex::Regex;
use tests::spoken::{Spoken, commanded};
use tests::transcript::nlu;
use tests::{alike, bodies};

/// Of all phrasings, at least so many are won by their own skill.
const FLOOR: f64 = 0.97;

fn now() -> Zoned {
    "2026-11-21T12:00:00+00:00[UTC]".parse().expect("a time")
}

/// The languages there are, with their words and the names they speak of.
fn languages() -> &'static [(String, &'static Words, Spoken)] {
    static LANGUAGES: OnceLock<Vec<(String, &'static Words, Spoken)>> = OnceLock::new();
    LANGUAGES.get_or_init(|| {
        let book = nlu().book();
        let all = book.languages().map(|language| (language, book.words(language)));
        all.map(|(language, words)| (language.to_owned(), words, Spoken::of(words))).collect()
    })
}

fn ask(text: &str, to: Scope) -> Explained {
    explain(nlu(), &Question { text: text.to_owned(), to, machines: None }, &now())
}

fn danger(id: &str) -> Danger {
    nlu().book().spec(id).map_or(Danger::Read, |spec| spec.danger)
}

#[test]
fn every_phrasing_is_won_by_its_own_skill() {
    for (language, words, spoken) in languages() {
        let examples: Vec<_> = words.examples().into_iter().filter(|(_, id)| !id.is_empty()).collect();
        let mut misses = Vec::new();
        let mut open = Vec::new();
        for (text, id) in &examples {
            let commanded = commanded(nlu().book(), words, spoken, text);
            if commanded.is_empty() {
                open.push((*text, *id));
            } else if !commanded.contains(id) {
                misses.push(format!("{id}: {text}"));
            }
        }
        let texts: Vec<&str> = open.iter().map(|(text, _)| *text).collect();
        for ((text, id), ranking) in open.iter().zip(nlu().rank_all(&texts)) {
            if ranking.ranked.first().is_none_or(|(best, _)| best != id) {
                misses.push(format!("{id}: {text}"));
            }
        }
        let share = 1.0 - misses.len() as f64 / examples.len() as f64;
        println!("{language}: {} phrasings, {:.2} % won; lost:\n{}", examples.len(), share * 100.0, misses.join("\n"));
        assert!(share >= FLOOR, "only {:.2} % are won by their own skill:\n{}", share * 100.0, misses.join("\n"));
    }
}

#[test]
fn nearly_all_sentences_come_with_their_vectors() {
    const KEPT: f32 = 0.95;
    const EVERY: usize = 800;
    let encoder = intents::encoder::bundled();
    let book = Arc::clone(nlu().book());
    let (examples, _) = agent::nlu::lessons(&book);
    let kept: Vec<(&str, Vec<f32>)> =
        examples.iter().filter_map(|example| Some((example.text, encoder.kept(example.text)?))).collect();
    let share = kept.len() as f32 / examples.len() as f32;
    assert!(
        share >= KEPT,
        "{share}: a first start waits for the others; see \"Vectors that come along\" in intents/README.md"
    );
    let some: Vec<&(&str, Vec<f32>)> = kept.iter().step_by(EVERY).collect();
    let texts: Vec<&str> = some.iter().map(|(text, _)| *text).collect();
    for ((text, kept), exact) in some.into_iter().zip(encoder.encode(&texts).expect("it encodes")) {
        let cosine: f32 = kept.iter().zip(exact).map(|(one, other)| one * other).sum();
        assert!(cosine > 0.9995, "{text}: {cosine}");
    }
}

/// Padding teaches nothing: hardly any two phrasings of a skill are alike.
#[test]
fn hardly_any_two_phrasings_are_alike() {
    for (language, words, _) in languages() {
        let skills = words.skills.iter().flat_map(|(id, section)| section.examples.iter().map(move |one| (id, one)));
        let shapes: Vec<_> = skills.clone().map(|(id, example)| (id.clone(), alike::shape(example))).collect();
        let texts: Vec<&str> = skills.map(|(_, example)| example.text.as_str()).collect();
        let pairs: Vec<_> = alike::pairs(&shapes)
            .into_iter()
            .map(|(one, other)| format!("{}: \"{}\" ~ \"{}\"", shapes[one].0, texts[one], texts[other]))
            .collect();
        assert!(pairs.len() * 100 <= shapes.len(), "{language}, {}:\n{}", pairs.len(), pairs.join("\n"));
    }
}

/// No other skill's commands take a phrasing, and no command means two things, unless they are asked for at different places.
#[test]
fn no_two_skills_claim_the_same_sentence() {
    let mut wrong = Vec::new();
    let book = nlu().book();
    let apart = |one: &str, other: &str| {
        let (Some(one), Some(other)) = (book.spec(one), book.spec(other)) else { return false };
        !one.scopes.iter().any(|scope| other.fits(*scope))
    };
    for (language, words, spoken) in languages() {
        let mut check = |text: &str, id: &str, what: &str| {
            let taken = commanded(book, words, spoken, text);
            let others: Vec<_> = taken.into_iter().filter(|other| *other != id && !apart(other, id)).collect();
            if !others.is_empty() {
                wrong
                    .push(format!("{language}: {what} of {id}: \"{text}\" is also a command of {}", others.join(", ")));
            }
        };
        for (id, section) in &words.skills {
            for example in section.examples.iter().filter(|_| id != "none") {
                check(&example.text, id, "phrasing");
            }
            for said in bodies::commands(language, id) {
                check(&said, id, "command");
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn near_misses_and_rejections_are_never_acted_on() {
    for (_, words, _) in languages() {
        left_alone(words);
    }
}

fn left_alone(words: &Words) {
    let (mut wrong, mut mistaken, mut asked) = (Vec::new(), Vec::new(), Vec::new());
    let misses: Vec<_> = words.near_misses().collect();
    for (text, not, belongs) in &misses {
        for to in [Scope::Machine, Scope::Host] {
            let explained = ask(text, to);
            // No machine is called like a hypervisor, and the planner says so.
            if explained.slots.get("machine").is_some_and(|name| name.starts_with("hv")) {
                continue;
            }
            let taken = explained.skill.as_deref() == Some(*not)
                && matches!(explained.decision, Decision::Act | Decision::Confirm | Decision::AskSlot);
            let nobodys = belongs.is_none_or(|id| id == "none");
            let acted = explained.decision == Decision::Act && explained.danger > Danger::Read;
            if taken && danger(not) > Danger::Read || nobodys && acted {
                wrong.push(told(&explained, &format!("near miss of {not}")));
            } else if taken {
                mistaken.push(told(&explained, &format!("near miss of {not}")));
            }
        }
    }
    let rejected: Vec<_> = words.examples().into_iter().filter(|(_, id)| id.is_empty()).collect();
    for (text, _) in &rejected {
        let explained = ask(text, Scope::Machine);
        match explained.decision {
            Decision::Act if explained.danger > Danger::Read => wrong.push(told(&explained, "is none")),
            Decision::Confirm => asked.push(told(&explained, "is none")),
            _ => {}
        }
    }
    println!(
        "near misses answered by the wrong reading skill:\n{}\nrejections asked about:\n{}",
        mistaken.join("\n"),
        asked.join("\n")
    );
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(
        mistaken.len() * 50 <= misses.len() * 2,
        "{} of {}:\n{}",
        mistaken.len(),
        misses.len() * 2,
        mistaken.join("\n")
    );
    assert!(asked.len() * 100 <= rejected.len(), "{} of {}:\n{}", asked.len(), rejected.len(), asked.join("\n"));
}

fn told(explained: &Explained, note: &str) -> String {
    format!(
        "\"{}\" ({note}): {:?} {:?} by {:?}, {:.2}",
        explained.text, explained.decision, explained.skill, explained.path, explained.confidence
    )
}

/// What the ancestor of this program, which matched prefixes, misread: text, whom it is said to, what it may be taken for, and how far that may go.
#[test]
fn what_must_never_happen_does_not() {
    use Decision::{Act, AskSlot, Choose, Confirm, Decline};
    type Row =
        (&'static str, Scope, &'static [&'static str], &'static [Decision], &'static [(&'static str, &'static str)]);
    let table: &[Row] = &[
        ("destroy snapshot old", Scope::Machine, &["snapshot.delete"], &[Confirm], &[("name", "old")]),
        ("create a snapshot called x", Scope::Machine, &["snapshot.create"], &[Act], &[("name", "x")]),
        ("boot order", Scope::Machine, &["vm.boot"], &[Decline], &[]),
        ("running?", Scope::Machine, &["vm.status"], &[Act], &[]),
        ("shutdown at 22:00", Scope::Machine, &["schedule.add"], &[Decline], &[]),
        ("stop the vnc", Scope::Machine, &["console.open", "console.close"], &[Decline], &[]),
        ("stopped?", Scope::Machine, &["vm.status"], &[Act], &[]),
        ("pause for 5 minutes", Scope::Machine, &["vm.pause"], &[Confirm], &[("duration", "5min")]),
        (
            "free memory?",
            Scope::Machine,
            &["host.status", "vm.info", "vm.stats", "talk.how_are_you"],
            &[Act, Choose, Decline],
            &[],
        ),
        ("free memory?", Scope::Host, &["host.status", "host.info", "host.stats"], &[Act, Choose, Decline], &[]),
        ("parking?", Scope::Machine, &["vm.park", "vm.unpark", "vm.status"], &[Decline, Choose], &[]),
        ("history", Scope::Machine, &["audit.log"], &[Decline, Act], &[]),
        ("your ip?", Scope::Machine, &["vm.ip"], &[Decline, Act], &[]),
        ("screenshot", Scope::Machine, &["vm.screenshot"], &[Decline, Act], &[]),
        ("status", Scope::Machine, &["vm.status"], &[Act], &[]),
        (
            "clone web01 as web02",
            Scope::Host,
            &["vm.clone"],
            &[Decline, Confirm],
            &[("machine", "web01"), ("name", "web02")],
        ),
        ("alloc a VM called x", Scope::Host, &["vm.create"], &[Decline, AskSlot], &[("name", "x")]),
        ("Hey, please reboot", Scope::Machine, &["vm.reboot"], &[Act], &[]),
    ];
    let mut wrong = Vec::new();
    for (text, to, skills, decisions, slots) in table {
        let explained = ask(text, *to);
        let skill = explained.skill.as_deref().unwrap_or("none");
        let understood = skills.contains(&skill) || (skill == "none" && explained.decision == Decline);
        let filled = slots.iter().all(|(slot, value)| {
            explained.slots.get(*slot).is_some_and(|found| found.replace(' ', "") == value.replace(' ', ""))
        });
        if !understood || !decisions.contains(&explained.decision) || !filled {
            wrong.push(format!("{} {:?}", told(&explained, "must not"), explained.slots));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

fn sources(folder: &Path, list: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, list);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            list.push(path);
        }
    }
}

/// What its own corpus calls a command hardly ever looks like a report or a negation; where it does, it is asked about.
#[test]
fn commands_that_change_something_are_meant_as_requests() {
    for (language, words, spoken) in languages() {
        let cx = Context { lexicon: &words.lexicon, known: spoken, now: now() };
        let (mut odd, mut all) = (Vec::new(), 0);
        for skill in agent::skills::ALL.iter().filter(|skill| skill.spec().danger > Danger::Read) {
            for said in bodies::commands(language, skill.spec().id) {
                all += 1;
                let parts = frame(&said, &cx).parts;
                // A question about the languages spoken may be answered in another one: no machine is changed by it.
                if skill.spec().id == "talk.language" {
                    continue;
                }
                if parts.iter().any(|part| part.stance != Stance::Request) {
                    assert_ne!(ask(&said, Scope::Machine).decision, Decision::Act, "{said}");
                    odd.push(format!("{}: \"{said}\" is taken as {:?}", skill.spec().id, parts[0].stance));
                }
            }
        }
        assert!(odd.len() * 20 <= all, "{language}, {} of {all}:\n{}", odd.len(), odd.join("\n"));
    }
}

/// Names that are given to phrases anywhere in a source: some phrases get a value from a helper.
fn given(text: &str) -> BTreeSet<String> {
    let with = Regex::new(r#"\.with\(\s*"(\w+)"|push\(\("(\w+)""#).expect("a pattern");
    with.captures_iter(text)
        .filter_map(|found| found.get(1).or_else(|| found.get(2)))
        .map(|name| name.as_str().to_owned())
        .collect()
}

/// Whether each is given in the very call is seen by the tests of the skills, which make them.
#[test]
fn every_sentence_that_the_code_names_is_there_with_its_values() {
    let named = Regex::new(r#"(?:Phrase::new\(\s*"([a-z_.]+/[a-z_]+)"|(?:Phrase::common|say_common)\(\s*"([a-z_]+)")"#)
        .expect("a pattern");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["agent/src", "dialogue/src"] {
        sources(&root.join(folder), &mut files);
    }
    let mut wrong = Vec::new();
    let mut seen = 0;
    for path in files {
        let text = fs::read_to_string(&path).expect("a source can be read");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for found in named.captures_iter(text) {
            let key = found.get(1).map_or_else(|| format!("phrases/{}", &found[2]), |key| key.as_str().to_owned());
            let place = path.strip_prefix(&root).unwrap_or(&path).display();
            seen += 1;
            let Some(wanted) = nlu().book().words("en").phrases.wants(&key) else {
                wrong.push(format!("{place}: there is no `> {key}`"));
                continue;
            };
            let given = given(text);
            let by_the_bot = |name: &str| key.ends_with("told") && name == "actor" || name == "reference";
            let lacking: Vec<_> = wanted.iter().filter(|name| !given.contains(*name) && !by_the_bot(name)).collect();
            if !lacking.is_empty() {
                wrong.push(format!("{place}: `{key}` is not given {lacking:?}"));
            }
        }
    }
    assert!(seen > 100, "only {seen} were found: the pattern of this test is out of date");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_sentence_reads_whole_when_its_values_are_given() {
    let mut wrong = Vec::new();
    for language in nlu().book().languages() {
        let phrases = &nlu().book().words(language).phrases;
        for key in phrases.keys() {
            for value in [Var::Text("x".to_owned()), Var::Number(1.0), Var::Number(2.0)] {
                let vars = phrases.wants(key).into_iter().flatten().map(|name| (name.clone(), value.clone())).collect();
                let said = phrases.phrase(&Phrase { key: key.to_owned(), vars }, &now());
                if said.contains("{$") || said.contains('{') || said.starts_with('[') || said.trim().is_empty() {
                    wrong.push(format!("{language}, `> {key}`: {said}"));
                }
            }
        }
        for (id, section) in &nlu().book().words(language).skills {
            let odd = section.questions.iter().filter(|(_, question)| question.value.contains('{'));
            wrong.extend(odd.map(|(slot, question)| format!("{language}, {id} `? {slot}`: {}", question.value)));
            let english = &nlu().book().words("en").skills[id];
            let lacks = english.replies.keys().filter(|reply| !section.replies.contains_key(*reply));
            wrong.extend(lacks.map(|reply| format!("{language}, {id}: no `> {reply}`")));
            let asks = english.questions.keys().filter(|slot| !section.questions.contains_key(*slot));
            wrong.extend(asks.map(|slot| format!("{language}, {id}: no `? {slot}`")));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// Fewer are said of these in as many ways: small words, and what comes last in the catalogue.
const FEW: usize = 45;
/// Phrasings of a skill in a language.
const ENOUGH: usize = 60;

/// A skill that is understood in one language has its words in each.
#[test]
fn every_skill_has_commands_phrasings_and_near_misses() {
    let mut wrong = Vec::new();
    for (language, words, _) in languages() {
        for spec in nlu().book().specs() {
            let section = &words.skills[spec.id];
            let enough = if spec.id.starts_with("talk.") { FEW } else { ENOUGH };
            let counts = (section.patterns.len(), section.examples.len(), section.near_misses.len());
            if counts.0 < 1 || counts.1 < enough || counts.2 < 1 {
                wrong.push(format!("{language}, {}: patterns, phrasings, near misses {counts:?}", spec.id));
            }
        }
        let strange = words.examples().into_iter().filter(|(_, id)| id.is_empty()).count();
        if strange < 1_200 {
            wrong.push(format!("{language}: only {strange} rejections"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
