//! "help", "help snapshots", "how do I clone?", "help" after something failed: what this person may say here, with examples;
//! never what they may not or the host can't.

use dialogue::book::Words;
use dialogue::policy::{Circumstances, Gate, Path, gate};
use dialogue::reply::{Choice, Phrase, Reply};
use dialogue::session::{RECENT, Trouble};
use dialogue::spec::{Category, Danger, Role, Slot, Spec};
use dialogue::topics::same;
use grammar::kind::Kind;

use super::ANYWHERE;
use crate::refusal;
use crate::skill::{Args, Plan, Refusal, Scene, Skill, Stop};

mod examples;

use examples::commands;

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
/// Most skills shown for one topic, and for what was not understood.
const MOST_SKILLS: usize = 8;
const MOST_NEAR: usize = 3;
/// Most commands shown of a skill: alone, among others, and in the overview of a heading.
const MOST_COMMANDS: usize = 5;
const MOST_BESIDE: usize = 2;
const MOST_OF_HEADING: usize = 5;
/// How near a mistyped word must be to be taken for another, and to be asked about.
const MENDED: f64 = 0.7;

/// Explains what can be said.
pub struct TalkHelp;

impl Skill for TalkHelp {
    fn spec(&self) -> &'static Spec {
        &SPEC
    }

    fn plan(&self, args: &Args, scene: &Scene<'_>) -> Result<Plan, Stop> {
        let help = Help { scene, words: scene.book.words(scene.language), heard: scene.book.words(scene.talk.heard) };
        let now = scene.now.timestamp();
        let trouble = scene.talk.trouble.filter(|trouble| now.duration_since(trouble.at) < RECENT);
        let reply = match (scene.talk.how_to, help.topic(args)) {
            (Some(id), _) if args.word("topic").is_none() => help.how_to(id),
            (_, Some(topic)) => help.about(&topic),
            (_, None) => match (scene.talk.asked.and_then(|id| help.offered(id)), trouble) {
                (Some(spec), _) => help.one(spec),
                (None, Some(trouble)) => help.after(trouble),
                (None, None) => help.overview(Vec::new()),
            },
        };
        Ok(Plan::Answer(reply))
    }
}

/// Help for one person at one entity.
struct Help<'a> {
    scene: &'a Scene<'a>,
    /// The language of the answer.
    words: &'a Words,
    /// The language of the question.
    heard: &'a Words,
}

impl Help<'_> {
    /// What somebody wants explained: "snapshots" of "help snapshots" and of "explain snapshots".
    fn topic(&self, args: &Args) -> Option<String> {
        if let Some(topic) = args.word("topic") {
            return Some(topic.to_owned());
        }
        let deed = args.word("deed")?;
        let said = self.heard.topics().matter(self.scene.talk.said).join(" ");
        Some(if said.is_empty() { deed.to_owned() } else { said })
    }

    /// What this person may ask of this entity, and its host can do: the harmless first, and what takes storage behind what takes none.
    fn all(&self) -> Vec<&'static Spec> {
        let mut specs: Vec<_> = self.permitted().filter(|spec| spec.fits(self.scene.scope)).collect();
        specs.sort_by_key(|spec| (spec.danger, spec.allocates, spec.id));
        specs
    }

    /// The same, wherever it is to be asked.
    fn permitted(&self) -> impl Iterator<Item = &'static Spec> {
        let scene = self.scene;
        let hosts: Vec<String> = match scene.hypervisor {
            Some(host) => vec![host.to_owned()],
            None => scene.host.hypervisors().into_iter().map(|host| host.name).collect(),
        };
        scene.book.specs().iter().copied().filter(move |spec| {
            let able = super::find(spec.id).is_none_or(|skill| {
                skill.features().iter().all(|feature| hosts.iter().any(|host| scene.host.can(host, *feature)))
            });
            !spec.planned && spec.role <= scene.role && able
        })
    }

    fn offered(&self, id: &str) -> Option<&'static Spec> {
        self.all().into_iter().find(|spec| spec.id == id)
    }

    /// One row for each heading, with a few commands and the word to say for the others.
    fn overview(&self, before: Vec<Phrase>) -> Reply {
        let specs = self.all();
        let rows = CATEGORIES.into_iter().filter_map(|category| {
            let mut examples: Vec<String> = Vec::new();
            let own = specs.iter().filter(|spec| spec.category == category);
            for command in own.filter_map(|spec| commands(spec, self.words, self.scene).into_iter().next()) {
                if !examples.contains(&command) {
                    examples.push(command);
                }
            }
            let id = if examples.len() > MOST_OF_HEADING { "talk.help/row_more" } else { "talk.help/row" };
            examples.truncate(MOST_OF_HEADING);
            let row = Phrase::new(id).with("category", heading(category)).with("topic", self.topic_of(category));
            (!examples.is_empty()).then(|| row.with("examples", examples.join(", ")))
        });
        let head = Phrase::new("talk.help/head").with("entity", self.scene.entity);
        Reply { head: [before, vec![head]].concat(), rows: rows.collect(), ..Reply::default() }
            .ending(Phrase::new("talk.help/tail"))
    }

    /// "help disks": the heading of that name, or the skills that the topic fits best.
    fn about(&self, topic: &str) -> Reply {
        if let Some(category) = self.heading_named(topic) {
            let specs: Vec<_> = self.all().into_iter().filter(|spec| spec.category == category).collect();
            return self.several(topic, &specs);
        }
        let found = self.best(topic, &self.all());
        let planned: Vec<_> = self
            .scene
            .book
            .specs()
            .iter()
            .copied()
            .filter(|spec| spec.planned && spec.fits(self.scene.scope))
            .collect();
        let top = |specs: &[&'static Spec]| specs.first().map_or(0.0, |spec| self.score(topic, spec));
        let planned = self.best(topic, &planned);
        if let Some(spec) = planned.first().filter(|_| top(&planned) > MORE * top(&found)) {
            return Reply::say(Phrase::new("talk.help/planned").with("title", self.words.title(spec.id)));
        }
        match found.as_slice() {
            [] => self.mended(topic),
            [spec] => self.one(spec),
            several => self.several(topic, several),
        }
    }

    /// Nothing of that name: what it may be mistyped for, or the headings.
    fn mended(&self, topic: &str) -> Reply {
        let specs = self.all();
        let mut known: Vec<String> = self.headings().into_iter().map(|category| self.topic_of(category)).collect();
        known.extend(specs.iter().flat_map(|spec| self.words.topics().words_of(spec.id)).map(str::to_owned));
        known.sort_unstable();
        known.dedup();
        let close = refusal::close(topic, known.into_iter());
        let nearness = |word: &String| strsim::normalized_damerau_levenshtein(&topic.to_lowercase(), word);
        let mut close: Vec<String> = close.into_iter().filter(|word| nearness(word) >= MENDED).collect();
        // Forms of one word are one.
        close.dedup_by(|later, first| same(later, first));
        match close.as_slice() {
            [] => self.unknown(Phrase::new("talk.help/unknown").with("topic", topic)),
            // A word that says too little of anything is no help either.
            [meant] if self.heading_named(meant).is_none() && self.best(meant, &specs).is_empty() => {
                self.unknown(Phrase::new("talk.help/unknown").with("topic", topic))
            }
            [meant] => {
                let mut reply = self.about(meant);
                reply.head.insert(0, Phrase::new("talk.help/mended").with("topic", topic).with("meant", meant));
                reply
            }
            several => {
                let phrase =
                    Phrase::new("talk.help/unknown_close").with("topic", topic).with("close", several.to_vec());
                Reply::say(phrase).buttons(several.iter().map(|word| self.button(word)).collect())
            }
        }
    }

    /// What there is help on.
    fn unknown(&self, phrase: Phrase) -> Reply {
        let topics: Vec<String> = self.headings().into_iter().map(|category| self.topic_of(category)).collect();
        let buttons = topics.iter().map(|topic| self.button(topic)).collect();
        Reply::say(phrase).and(Phrase::new("talk.help/headings").with("topics", topics)).buttons(buttons)
    }

    /// "how can I …?": the command to say, if it is there for this person.
    fn how_to(&self, id: &str) -> Reply {
        if let Some(spec) = self.offered(id) {
            return self.one(spec);
        }
        let spec = self.scene.book.spec(id);
        if let Some(spec) = spec.filter(|spec| spec.planned) {
            return Reply::say(Phrase::new("talk.help/planned").with("title", self.words.title(spec.id)));
        }
        if self.permitted().any(|spec| spec.id == id) {
            let target = spec.is_some_and(Spec::has_target);
            return Reply::say(Phrase::common(if target { "ask_a_machine" } else { "ask_the_host" }));
        }
        match spec.filter(|spec| spec.role > self.scene.role) {
            // "can I revert web1?", said by somebody who may not.
            Some(spec) => Reply::say(refusal::phrase(&Refusal::Denied { needs: spec.role, ask_whom: Vec::new() })),
            None => self.unknown(Phrase::new("talk.help/nothing")),
        }
    }

    /// "help" after something went wrong: what it was, and what to say instead.
    fn after(&self, trouble: &Trouble) -> Reply {
        let mut head = match &trouble.text {
            Some(text) => vec![Phrase::new("talk.help/not_got").with("text", text)],
            None => [vec![Phrase::new("talk.help/went_wrong")], trouble.why.clone()].concat(),
        };
        let wish = |spec: &&'static Spec| spec.category != Category::Talk;
        let mut specs: Vec<_> = trouble.skills.iter().filter_map(|id| self.offered(id)).filter(wish).collect();
        if specs.is_empty()
            && let Some(text) = &trouble.text
        {
            specs = self.best(text, &self.all());
            specs.retain(wish);
        }
        specs.truncate(MOST_NEAR);
        match specs.as_slice() {
            [] => return self.overview(head),
            [spec] => {
                let mut reply = self.one(spec);
                reply.head.splice(0..0, head);
                return reply.ending(Phrase::new("talk.help/all"));
            }
            _ => head.push(Phrase::new("talk.help/perhaps")),
        }
        Reply { head, rows: self.rows(&specs), ..Reply::default() }.ending(Phrase::new("talk.help/all"))
    }

    /// Everything about one skill: commands, a phrasing, and whether it asks first.
    fn one(&self, spec: &'static Spec) -> Reply {
        let mut said = commands(spec, self.words, self.scene);
        said.truncate(MOST_COMMANDS);
        said.extend(examples::phrasing(spec, self.words).filter(|text| !said.contains(text)));
        let rows = said.into_iter().map(|command| Phrase::new("talk.help/command").with("command", command)).collect();
        let reply = Reply::list(Phrase::new("talk.help/one").with("title", self.words.title(spec.id)), rows);
        let plain = Circumstances { subjects: 1, allocates: spec.allocates, ..Circumstances::default() };
        match gate(spec.danger, Path::Command, plain) {
            Gate::Ask => reply.ending(Phrase::new("talk.help/asks")),
            Gate::Type => reply.ending(Phrase::new("talk.help/asks_name")),
            Gate::Do | Gate::Tell | Gate::Offer => reply,
        }
    }

    /// A row for each of several skills.
    fn several(&self, topic: &str, specs: &[&'static Spec]) -> Reply {
        let head = Phrase::new("talk.help/about").with("topic", topic);
        Reply::list(head, self.rows(&specs[..specs.len().min(MOST_SKILLS)]))
    }

    fn rows(&self, specs: &[&'static Spec]) -> Vec<Phrase> {
        let row = |spec: &&'static Spec| {
            let mut said = commands(spec, self.words, self.scene);
            said.truncate(MOST_BESIDE);
            Phrase::new("talk.help/skill").with("title", self.words.title(spec.id)).with("commands", said.join(", "))
        };
        specs.iter().map(row).collect()
    }

    /// Those that a text fits at least half as well as the best, the best first.
    fn best(&self, text: &str, specs: &[&'static Spec]) -> Vec<&'static Spec> {
        let mut scored: Vec<_> = specs.iter().map(|spec| (self.score(text, spec), *spec)).collect();
        scored.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.id.cmp(other.1.id)));
        let top = scored.first().map_or(0.0, |(score, _)| *score);
        scored.retain(|(score, _)| *score >= LEAST && *score * 2.0 > top);
        scored.into_iter().map(|(_, spec)| spec).collect()
    }

    fn score(&self, text: &str, spec: &Spec) -> f32 {
        self.heard.topics().score(text, spec.id).max(self.words.topics().score(text, spec.id))
    }

    /// Headings with something to say under them.
    fn headings(&self) -> Vec<Category> {
        let specs = self.all();
        CATEGORIES.into_iter().filter(|category| specs.iter().any(|spec| spec.category == *category)).collect()
    }

    /// The heading that goes by that word, or by its own.
    fn heading_named(&self, topic: &str) -> Option<Category> {
        let named = |category: &Category| {
            [self.heard, self.words].iter().any(|words| {
                let text = |phrase: &Phrase| words.phrases.phrase(phrase, self.scene.now);
                same(topic, &text(&topic_word(*category))) || same(topic, &text(&heading(*category)))
            })
        };
        self.headings().into_iter().find(named)
    }

    fn topic_of(&self, category: Category) -> String {
        self.words.phrases.phrase(&topic_word(category), self.scene.now)
    }

    fn button(&self, topic: &str) -> Choice {
        let says = self.words.phrases.phrase(&Phrase::new("talk.help/say").with("topic", topic), self.scene.now);
        Choice { label: topic.into(), says }
    }
}

/// How much better something planned must fit than all there is.
const MORE: f32 = 2.0;
/// What a topic must score to be about something: more than small words do together.
const LEAST: f32 = 1.0;

fn heading(category: Category) -> Phrase {
    Phrase::new(format!("talk.help/heading_{}", category.key()))
}

/// The word to say after "help".
fn topic_word(category: Category) -> Phrase {
    Phrase::new(format!("talk.help/topic_{}", category.key()))
}
