//! "help", "help snapshots", "how do I clone?": what this person may say here, with examples; never what they may not or the host can't.

use std::collections::BTreeSet;

use dialogue::book::Words;
use dialogue::reply::{Phrase, Reply};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use grammar::kind::Kind;

use super::ANYWHERE;
use crate::skill::{Args, Plan, Scene, Skill, Stop};

static SPEC: Spec = Spec {
    id: "talk.help",
    category: Category::Talk,
    scopes: ANYWHERE,
    danger: Danger::Read,
    role: Role::Viewer,
    slots: &[Slot::optional("topic", Kind::Topic), Slot::optional("deed", Kind::Choice(DEEDS))],
    allocates: false,
    planned: false,
};

/// What "how do I …?" may ask about here: free words would take "how do I cook rice?" for a question to us.
const DEEDS: &[&str] = &[
    "start",
    "stop",
    "force off",
    "reboot",
    "pause",
    "resume",
    "snapshot",
    "revert",
    "disk",
    "clone",
    "migrate",
    "delete",
    "schedule",
    "undo",
    "room",
    "contact",
];

/// The headings, in their order.
const CATEGORIES: [Category; 10] = [
    Category::Power,
    Category::Know,
    Category::Make,
    Category::Storage,
    Category::Network,
    Category::Guest,
    Category::Time,
    Category::Fleet,
    Category::People,
    Category::Talk,
];
/// Most skills shown for one topic.
const MOST_SKILLS: usize = 8;
/// Most commands shown for one topic, shared among its skills; each shows one at least.
const MOST_COMMANDS: usize = 12;

/// Explains what can be said.
pub struct TalkHelp;

impl Skill for TalkHelp {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let words = scene.book.words(scene.language);
        let reply = match args.word("topic").or(args.word("deed")) {
            Some(topic) => about(topic, words, scene),
            None => overview(words, scene),
        };
        Ok(Plan::Answer(reply))
    }
}

/// One row for each heading, with the first command of each skill.
fn overview(words: &Words, scene: &Scene<'_>) -> Reply {
    let rows = CATEGORIES
        .into_iter()
        .filter_map(|category| {
            let examples: Vec<String> = offered(scene)
                .filter(|spec| spec.category == category)
                .filter_map(|spec| words.commands(spec.id).into_iter().next())
                .collect();
            (!examples.is_empty()).then(|| {
                Phrase::new("talk.help/row")
                    .with("category", Phrase::new(format!("talk.help/heading_{}", category.key())))
                    .with("examples", examples)
            })
        })
        .collect();
    Reply::list(Phrase::new("talk.help/head").with("entity", scene.entity), rows).ending(Phrase::new("talk.help/tail"))
}

/// Every command of the skills that the topic fits best.
fn about(topic: &str, words: &Words, scene: &Scene<'_>) -> Reply {
    let wanted = self::words(topic);
    let best = |specs: &mut dyn Iterator<Item = &'static Spec>| {
        let mut scored: Vec<_> =
            specs.map(|spec| (score(&wanted, spec, words), spec)).filter(|(score, _)| *score > 0).collect();
        scored.sort_by_key(|(score, spec)| (std::cmp::Reverse(*score), spec.id));
        let top = scored.first().map_or(0, |(score, _)| *score);
        scored.retain(|(score, _)| *score * 2 > top);
        (top, scored)
    };
    let (top, found) = best(&mut offered(scene));
    let (top_planned, planned) =
        best(&mut scene.book.specs().iter().copied().filter(|spec| spec.planned && spec.fits(scene.scope)));
    if let Some((_, spec)) = planned.first().filter(|_| top_planned > top) {
        return Reply::say(Phrase::new("talk.help/planned").with("title", title(spec, words)));
    }
    if found.is_empty() {
        return Reply::say(Phrase::new("talk.help/unknown").with("topic", topic));
    }
    let alone = found.len() == 1;
    let each = MOST_COMMANDS / found.len().min(MOST_SKILLS);
    let rows = found
        .into_iter()
        .take(MOST_SKILLS)
        .flat_map(|(_, spec)| {
            let title = title(spec, words);
            let id = if alone { "talk.help/command" } else { "talk.help/command_of" };
            words
                .commands(spec.id)
                .into_iter()
                .take(each.max(1))
                .map(move |command| Phrase::new(id).with("command", command).with("title", &title))
        })
        .collect();
    Reply::list(Phrase::new("talk.help/about").with("topic", topic), rows)
}

/// What this person may ask of this entity, and its host can do.
fn offered<'s>(scene: &'s Scene<'_>) -> impl Iterator<Item = &'static Spec> + 's {
    let hosts: Vec<String> = match scene.hypervisor {
        Some(host) => vec![host.to_owned()],
        None => scene.host.hypervisors().into_iter().map(|host| host.name).collect(),
    };
    scene.book.specs().iter().copied().filter(move |spec| {
        let able = super::find(spec.id).is_none_or(|skill| {
            skill.features().iter().all(|feature| hosts.iter().any(|host| scene.host.can(host, *feature)))
        });
        !spec.planned && spec.fits(scene.scope) && spec.role <= scene.role && able
    })
}

fn title(spec: &Spec, words: &Words) -> String {
    words.skills.get(spec.id).and_then(|section| section.title.clone()).unwrap_or_else(|| spec.id.to_owned())
}

/// How well a topic fits: words in the id weigh most, then the title and the heading, then the commands.
fn score(wanted: &BTreeSet<String>, spec: &Spec, words: &Words) -> usize {
    let places = [
        (4, spec.id.replace(['.', '_'], " ")),
        (3, title(spec, words)),
        (2, spec.category.key().to_owned()),
        (1, words.commands(spec.id).join(" ")),
    ];
    places
        .iter()
        .map(|(weight, text)| {
            weight * wanted.iter().filter(|word| self::words(text).iter().any(|other| alike(word, other))).count()
        })
        .sum()
}

/// Words of three letters and more.
fn words(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase).filter(|word| word.chars().count() >= 3).collect()
}

/// Whether two words are forms of one: "snapshots" and "snapshot", "pausing" and "pause", but not "restart" and "restore".
fn alike(one: &str, other: &str) -> bool {
    let common = one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let left = [one, other].map(|word| word.chars().count() - common);
    left == [0, 0] || (common >= 4 && left[0].min(left[1]) <= 1 && left[0].max(left[1]) <= 3)
}
