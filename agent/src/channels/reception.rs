//! From what XMPP heard to a message for the bot: who speaks by what right, to whom, in time or late.

use std::num::NonZeroUsize;

use dialogue::machine::Utterance;
use dialogue::session::LATE;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use lru::LruCache;
use parking_lot::Mutex;

use crate::channels::directory::EntityDirectory;
use crate::channels::xmpp::messages::{Heard, Kind, NO_DATE};
use crate::host::HostRead;
use crate::message::{Asker, Message};
use crate::people::addresses::Entity;

/// What becomes of something heard.
#[derive(Debug)]
pub enum Received {
    /// For the bot.
    Message(Box<Message>),
    /// To be answered with that sentence of `phrases.txt`, and no more.
    Say(&'static str),
    /// Not for us.
    Nothing,
}

/// People of whom it is remembered what they were told.
const MOST_TOLD: NonZeroUsize = NonZeroUsize::new(10_000).expect("not zero");

/// Who was told what already.
pub struct Reception {
    told: Mutex<LruCache<(String, &'static str, i64), ()>>,
}

impl Default for Reception {
    fn default() -> Self {
        // It grows as it is filled.
        let mut told = LruCache::unbounded();
        told.resize(MOST_TOLD);
        Self { told: Mutex::new(told) }
    }
}

impl Reception {
    /// Judges what was heard.
    pub fn receive(
        &self,
        heard: &Heard,
        board: &EntityDirectory,
        host: &dyn HostRead,
        role: impl Fn(&str) -> bool,
        ear: &dyn Ear,
        zone: &TimeZone,
    ) -> Received {
        let now = Timestamp::now();
        let Some(entity) = board.at(heard.entity.as_deref()) else { return Received::Nothing };
        // In a room bots talk past each other; alone with us they are only answered more slowly (`xmpp::limits`).
        if heard.from_bot && heard.room.is_some() {
            return Received::Nothing;
        }
        let person = heard.authority().map(|jid| jid.to_string()).filter(|person| role(person));
        let day = now.as_second() / 86_400;
        if heard.encrypted && person.is_some() && heard.kind != Kind::Groupchat {
            return self.once(heard.from.to_bare().as_str(), "encrypted", day);
        }
        if heard.body.trim().is_empty() && !heard.encrypted {
            return Received::Nothing;
        }
        let (entity, text) = match &heard.room {
            Some(room) if !room.muc_pm => {
                let answers_us = heard
                    .reply_to
                    .as_ref()
                    .and_then(|reply| reply.to.as_ref())
                    .and_then(|to| to.resource().map(|nick| nick.as_str() == room.our_nick))
                    .unwrap_or(false);
                match addressed(&heard.body, &room.our_nick, answers_us, &entity, host, ear) {
                    Some(addressed) => addressed,
                    None => return Received::Nothing,
                }
            }
            _ => (entity, heard.body.clone()),
        };
        let Some(person) = person else { return self.stranger(heard) };
        if heard.encrypted {
            return Received::Nothing;
        }
        let late = heard.delayed.map(|sent| now.duration_since(sent)).filter(|span| *span > LATE);
        let late = if heard.delayed == Some(NO_DATE) { Some(SignedDuration::ZERO) } else { late };
        let edits_last = heard.replaces.is_some();
        let name = person.split_once('@').map_or(person.as_str(), |(name, _)| name).to_owned();
        Received::Message(Box::new(Message {
            asker: Asker { jid: Some(person), name },
            entity,
            room: heard.room.as_ref().map(|room| room.room.to_string()),
            utterance: Utterance {
                text,
                late,
                sent: heard.delayed.filter(|sent| *sent != NO_DATE),
                edits_last,
                device: heard.from.to_string(),
                id: heard.origin_id.clone().or_else(|| heard.id.clone()),
            },
            now: now.to_zoned(zone.clone()),
        }))
    }

    /// A stranger is told so once, and then nothing. To a room nothing is said at all, but for one word, once, in one whose
    /// service is believed and yet doesn't show who speaks: that is how it was set up, and nobody could guess it.
    fn stranger(&self, heard: &Heard) -> Received {
        let bare = heard.from.to_bare();
        match &heard.room {
            Some(room) if !room.muc_pm && room.believed && room.real.is_none() => {
                self.once(bare.as_str(), "anonymous", 0)
            }
            Some(room) if !room.muc_pm => Received::Nothing,
            // Through a room a nick is easily changed: the room counts as one stranger.
            _ => self.once(bare.as_str(), "stranger", 0),
        }
    }

    fn once(&self, person: &str, sentence: &'static str, day: i64) -> Received {
        let mut told = self.told.lock();
        if told.put((person.to_owned(), sentence, day), ()).is_none() {
            Received::Say(sentence)
        } else {
            Received::Nothing
        }
    }
}

/// What tells in a room to whom something is said, besides a name with a mark.
pub trait Ear {
    /// Whether what follows a name is a wish or a question to whom it names, and no talk about it.
    fn is_wish(&self, to: &Entity, text: &str) -> bool;
    /// A text without what opens it, "hey", "ok", and whether that greets.
    fn behind_opening<'t>(&self, text: &'t str) -> (&'t str, bool);
}

/// Whether a text in a room is for us, for whom exactly, and what is left of it: `web1: restart`, `@hv1 list`, `hi web1`,
/// `status please @web1`, an answer to us.
///
/// A host answers for its machines; it is silent on names that are not its own. Where only a blank follows the name, what is said has to be
/// a wish: "web1 restart", but not "web1 is slow today".
pub(crate) fn addressed(
    text: &str,
    our_nick: &str,
    answers_us: bool,
    entity: &Entity,
    host: &dyn HostRead,
    ear: &dyn Ear,
) -> Option<(Entity, String)> {
    let text = text.trim();
    let mut all = vec![(our_nick.to_owned(), entity.clone())];
    if !matches!(entity, Entity::Machine(_)) {
        let mut machines = host.machines();
        if let Entity::Hypervisor(own) = entity {
            machines.retain(|machine| machine.id.hypervisor == *own);
        }
        // The longest name first: "web1-old: stop" is not for web1.
        machines.sort_by_key(|machine| std::cmp::Reverse(machine.name.len()));
        all.extend(machines.iter().map(|machine| (machine.name.clone(), Entity::Machine(machine.id.clone()))));
    }
    let machines = &all[1..];
    // "web1, web2: reboot", "@web1 @web2 reboot", "web1: reboot, you too @web2": said to several, it is for who answers for all of them.
    let several = text.split_once(':').is_some_and(|(head, _)| {
        let names: Vec<&str> = head.split([',', '&', '+', ' ', '@']).filter(|word| !word.is_empty()).collect();
        let known = |word: &str| machines.iter().any(|(name, _)| name.eq_ignore_ascii_case(word));
        names.iter().filter(|word| known(word)).count() > 1 && (known(names[0]) || text.starts_with('@'))
    });
    let mentions = machines.iter().filter(|(name, _)| without_mention(name, text).is_some()).count();
    let begins = |name: &str| behind(name, text, false, &|_| false).is_some();
    let first = machines.iter().find(|(name, _)| begins(name));
    let others = |(own, _): &(String, Entity)| {
        machines.iter().any(|(name, _)| name != own && without_mention(name, text).is_some())
    };
    if several || mentions > 1 || first.is_some_and(others) || to_each(text, machines, ear) {
        return Some((entity.clone(), text.replace('@', "")));
    }
    let (opened, greets) = ear.behind_opening(text);
    let opened = Some(opened).filter(|opened| opened.len() < text.len());
    let at_its_beginning = || {
        all.iter().find_map(|(name, to)| {
            let rest = behind(name, text, false, &|rest| ear.is_wish(to, rest));
            let rest = rest.or_else(|| {
                let rest = behind(name, opened?, greets, &|rest| ear.is_wish(to, rest))?;
                // "hi web1" greets, and no more.
                Some(if rest.is_empty() { text.to_owned() } else { rest })
            });
            Some((to.clone(), rest?))
        })
    };
    let mentioned = || all.iter().find_map(|(name, to)| Some((to.clone(), without_mention(name, text)?)));
    // "ok gus. hv1: resume mail"
    let later = || {
        let sentences = text.match_indices(['.', '!', '?', '\n']).map(|(at, _)| text[at + 1..].trim_start());
        sentences.into_iter().find_map(|sentence| {
            all.iter().find_map(|(name, to)| Some((to.clone(), behind(name, sentence, false, &|_| false)?)))
        })
    };
    at_its_beginning()
        .or_else(mentioned)
        .or_else(later)
        .or_else(|| answers_us.then(|| (entity.clone(), text.to_owned())))
}

/// "web1: stop, web2: reboot": whether a wish to one of these machines is followed by something to another.
fn to_each(text: &str, machines: &[(String, Entity)], ear: &dyn Ear) -> bool {
    let named = |before: &str| {
        let word = before.rsplit(char::is_whitespace).next()?;
        machines.iter().find(|(name, _)| name.eq_ignore_ascii_case(word))
    };
    let mut said = text.split(": ");
    let (Some(first), Some(wish), Some(_)) = (said.next(), said.next(), said.next()) else { return false };
    let (Some((_, to)), Some((next, _))) = (named(first), named(wish)) else { return false };
    let wish = wish[..wish.len() - next.len()].trim_end_matches([' ', ',', ';', '.']);
    // "stop and", "stop, then"
    ear.is_wish(to, wish) || wish.rsplit_once(' ').is_some_and(|(wish, _)| ear.is_wish(to, wish.trim_end_matches(',')))
}

/// What follows a name that a text begins with, if it is said to whom it names.
fn behind(name: &str, text: &str, greeted: bool, wish: &dyn Fn(&str) -> bool) -> Option<String> {
    let (at, bare) = text.strip_prefix('@').map_or((false, text), |rest| (true, rest));
    let (head, rest) = (bare.get(..name.len())?, bare.get(name.len()..)?);
    if !head.eq_ignore_ascii_case(name) {
        return None;
    }
    match rest.chars().next() {
        Some(':' | ',') => Some(rest[1..].trim().to_owned()),
        Some(character) if character.is_whitespace() => {
            let rest = rest.trim();
            (at || wish(rest)).then(|| rest.to_owned())
        }
        None if at || greeted => Some(String::new()),
        Some('!') if greeted && rest.trim_matches('!').is_empty() => Some(String::new()),
        _ => None,
    }
}

/// A text without the mention `@name` in it, if there is one.
fn without_mention(name: &str, text: &str) -> Option<String> {
    let mention = format!("@{}", name.to_lowercase());
    // Where the case of a letter changes how long it is nobody is mentioned.
    let folded = Some(text.to_lowercase()).filter(|folded| folded.len() == text.len())?;
    let found = folded.match_indices(&mention).map(|(at, _)| at).find(|at| {
        let apart = |c: Option<char>| c.is_none_or(|c| c.is_whitespace() || ",;:!?.()".contains(c));
        apart(text[..*at].chars().next_back()) && apart(text[at + mention.len()..].chars().next())
    })?;
    let (before, after) = (&text[..found], &text[found + mention.len()..]);
    let rest = format!("{} {}", before.trim().trim_end_matches(','), after.trim());
    Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::fake::Fake;

    /// Knows one wish and one greeting.
    struct Restart;

    impl Ear for Restart {
        fn is_wish(&self, _: &Entity, text: &str) -> bool {
            text == "restart"
        }

        fn behind_opening<'t>(&self, text: &'t str) -> (&'t str, bool) {
            match text.strip_prefix("hi ") {
                Some(rest) => (rest, true),
                None => (text.strip_prefix("ok ").unwrap_or(text), false),
            }
        }
    }

    #[test]
    fn in_a_room_only_what_is_addressed_is_heard() {
        let (fake, _events) = Fake::new("fleet", Timestamp::UNIX_EPOCH).expect("a fixture");
        let host = Entity::Hypervisor("hv1".to_owned());
        let hear = |text: &str, answers_us: bool| {
            addressed(text, "hv1", answers_us, &host, &*fake, &Restart).map(|(entity, rest)| {
                let name = match entity {
                    Entity::Machine(id) => fake.machine(&id).map(|machine| machine.name.clone()).unwrap_or_default(),
                    Entity::Hypervisor(name) => name,
                    Entity::Desk => "desk".to_owned(),
                };
                (name, rest)
            })
        };
        let heard = |name: &str, rest: &str| Some((name.to_owned(), rest.to_owned()));
        assert_eq!(hear("web1: restart", false), heard("web1", "restart"));
        assert_eq!(hear("@hv1 list", false), heard("hv1", "list"));
        assert_eq!(hear("vm 42: status", false), heard("vm 42", "status"));
        assert_eq!(hear("yes", true), heard("hv1", "yes"));
        assert_eq!(hear("web1 restart", false), heard("web1", "restart"));
        assert_eq!(hear("hi web1 restart", false), heard("web1", "restart"));
        assert_eq!(hear("hi web1!", false), heard("web1", "hi web1!"));
        assert_eq!(hear("ok web1: restart", false), heard("web1", "restart"));
        assert_eq!(hear("thanks. web1: restart", false), heard("web1", "restart"));
        assert_eq!(hear("status please, @web1", false), heard("web1", "status please"));
        assert_eq!(hear("web1, web2: restart", false), heard("hv1", "web1, web2: restart"));
        assert_eq!(hear("@web1 @web2 restart", false), heard("hv1", "web1 web2 restart"));
        assert_eq!(hear("web1: restart, you too @web2", false), heard("hv1", "web1: restart, you too web2"));
        assert_eq!(hear("web1: restart, web2: stop", false), heard("hv1", "web1: restart, web2: stop"));
        assert_eq!(hear("web1: restart, then web2: stop", false), heard("hv1", "web1: restart, then web2: stop"));
        assert_eq!(hear("web1: yes, web2: no", false), heard("web1", "yes, web2: no"));
        assert_eq!(hear("can @HV1 list?", false), heard("hv1", "can list?"));
        // Not ours: another host's machine, an unknown name, plain talk, a name inside a sentence.
        for text in [
            "cache1: status",
            "carol: lunch?",
            "yes",
            "restart web1",
            "web1 is slow today",
            "hv1 is slow today",
            "hi web1 is slow today",
            "hi all",
            "ok web1",
            "it is slow. web1 that is",
            "mail alice@web1.example",
            "ask @web10",
            "web1",
            "hv1",
        ] {
            assert_eq!(hear(text, false), None, "{text}");
        }
    }
}
