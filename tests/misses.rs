//! What is not understood, through the bot: listed under what it turned out to be, and nowhere when switched off.

use std::sync::Arc;

use agent::channels::terminal;
use agent::config::Grant;
use agent::conversation::{Bot, Parts};
use agent::host::fake::Fake;
use agent::message::{Asker, Message};
use agent::nlu::misses::{self, Misses, Outcome};
use agent::state::journal::Journal;
use agent::state::lock::StoreLock;
use agent::state::store::Store;
use dialogue::machine::{Input, Utterance};
use dialogue::session::{Decision, Trace};
use dialogue::spec::Role;
use jiff::{SignedDuration, Zoned};
use tests::transcript::nlu;

fn now() -> Zoned {
    "2026-11-21T12:00:00+00:00[UTC]".parse().expect("a time")
}

/// A bot over the fake host, with a store.
struct Talk {
    bot: Bot,
    fake: Arc<Fake>,
    folder: tempfile::TempDir,
}

impl Talk {
    fn new(keep: bool) -> Self {
        let (fake, _events) = Fake::new("two_vms", now().timestamp()).expect("a fixture");
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Arc::new(Journal::in_memory());
        let store = Store::open(&StoreLock::take(folder.path(), "test").expect("free")).expect("a store");
        let grants = [Grant { who: "alice@example.org".to_owned(), role: Role::Admin }];
        let bot = Bot::new(Parts::over(nlu(), &fake, &grants, journal, store));
        let month = SignedDuration::from_hours(24 * 30);
        let bot = if keep {
            bot.with_misses(Misses::open(folder.path(), month, now().timestamp(), nlu().book()))
        } else {
            bot
        };
        Self { bot, fake, folder }
    }

    fn say(&self, text: &str) -> Trace {
        let message = Message {
            asker: Asker { jid: Some("alice@example.org".to_owned()), name: "alice".to_owned() },
            entity: terminal::entity(&*self.fake, Some("hv1")).expect("it is there"),
            room: None,
            utterance: Utterance { text: text.to_owned(), ..Utterance::default() },
            now: now(),
        };
        self.bot.turn(&message, Input::Said(message.utterance.clone()), &mut |_| {})
    }
}

/// The first phrasing for which the classifier only has guesses to offer.
fn offered(talk: &Talk) -> (String, Trace) {
    let vague = [
        "lose web1",
        "fix web1",
        "web1 to sleep please",
        "web1 needs some sleep",
        "kick web1",
        "web1 big disk",
        "do something with web1",
        "web1 disk thing",
        "rest web1",
        "web1 off the ram",
    ];
    let tried = vague.iter().map(|text| ((*text).to_owned(), talk.say(text)));
    tried.into_iter().find(|(_, trace)| trace.decision == Decision::Choose).expect("one of them is only guessed at")
}

#[test]
fn a_pick_tells_what_was_meant() {
    let talk = Talk::new(true);
    let (text, _) = offered(&talk);
    let picked = talk.say("1");
    let skill = picked.skill.expect("it was picked");
    let listed = misses::read(talk.folder.path()).expect("a list");
    let miss = listed.iter().find(|miss| miss.outcome == Outcome::GuessOffered).expect("it was written down");
    assert_eq!(
        (miss.text.as_str(), miss.meant.as_deref()),
        (text.replace("web1", "<machine>").as_str(), Some(&*skill))
    );
    assert!(miss.ranked.is_some());
    let report = misses::report(&listed, nlu().book(), &agent::nlu::corpus());
    assert!(report.contains(&format!("# {skill}\n")) && report.contains("\n+ "), "{report}");
}

#[test]
fn a_command_after_a_miss_tells_what_was_meant() {
    let talk = Talk::new(true);
    talk.say("xyzzy plugh frotz web1");
    talk.say("status of web1");
    let listed = misses::read(talk.folder.path()).expect("a list");
    let told: Vec<_> = listed.iter().map(|miss| (miss.text.as_str(), miss.meant.as_deref())).collect();
    assert_eq!(told, [("xyzzy plugh frotz <machine>", Some("vm.status"))]);
    let report = misses::report(&listed, nlu().book(), &agent::nlu::corpus());
    assert!(
        report.contains("# vm.status\n// once, last 2026-11-21\n+ xyzzy plugh frotz [web1](machine)\n"),
        "{report}"
    );
    let kept = std::fs::read_to_string(talk.folder.path().join("misses.jsonl")).expect("the file");
    assert!(!kept.contains("alice") && !kept.contains("web1"), "{kept}");
}

#[test]
fn nothing_is_written_when_it_is_off_or_understood() {
    let off = Talk::new(false);
    off.say("xyzzy plugh frotz web1");
    assert!(!off.folder.path().join("misses.jsonl").exists());
    let on = Talk::new(true);
    for text in ["status of web1", "help", "hello", "how do I reboot web1?"] {
        on.say(text);
    }
    assert!(!on.folder.path().join("misses.jsonl").exists());
}
