//! The machine itself: inputs, actions, and where a turn stands between them.
//!
//! **Who drives.** The driver feeds an [`Input`], carries out the [`Action`]s in order, and feeds back what came of
//! [`Action::Rank`], [`Action::Plan`] and [`Action::Apply`] until there are none. Nothing harmful leaves the machine as
//! [`Action::Apply`] but through [`crate::policy::gate`], here and nowhere else.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use grammar::kind::Of;
use grammar::known::Known;
use grammar::pattern::Reading;
use grammar::read::Context;
use jiff::{SignedDuration, Timestamp, Zoned};

use crate::book::{Book, Words};
use crate::phrases::MOST_LINES;
use crate::policy::Path;
use crate::reply::{Choice, Phrase, Reply, Var};
use crate::session::{ASIDE, Call, Done, EXPIRES, Expired, Open, PlanRef, Session};
use crate::spec::{Scope, Spec};
use crate::understand::Understanding;

/// Most machines of a list that can be meant by "the tenth".
const MOST_LISTED: usize = 100;

/// What goes in.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The person said something.
    Said(Utterance),
    /// What the classifier made of [`Action::Rank`]'s text.
    Ranked(Ranking),
    /// What came of [`Action::Plan`].
    Planned(Planned),
    /// What came of [`Action::Apply`].
    Applied(Applied),
    /// What became of a change that was said to be [under way](Applied::UnderWay).
    Ended {
        /// As it was called then.
        job: String,
        /// What became of it.
        applied: Applied,
    },
    /// Something happened to these machines and was told here: "it" is them now.
    Event {
        /// By name.
        machines: Vec<String>,
    },
    /// The driver suggests something to do, with why; the person must still agree.
    Suggest {
        /// What.
        calls: Vec<Call>,
        /// Why.
        preface: Vec<Phrase>,
    },
    /// The question of [`Action::Ask`] was taken for delivery to that device: an answer from there counts.
    Shown {
        /// As in [`Utterance::device`].
        on: String,
    },
    /// Time has passed.
    Tick,
}

/// One message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Utterance {
    /// Its text.
    pub text: String,
    /// How long it was under way, when longer than [`crate::session::LATE`]; zero when nobody knows, since its date can't be right.
    pub late: Option<SignedDuration>,
    /// When it was sent, if that is known: whoever wrote before a question was put did not answer it.
    pub sent: Option<Timestamp>,
    /// Whether it edits the message before (XEP-0308).
    pub edits_last: bool,
    /// The device it was written on, or the occupant of a room; the same text each time, unread here.
    pub device: String,
    /// Its id, if it has one: with device and text it tells a message that comes twice from one that is said twice.
    pub id: Option<String>,
}

/// The classifier's view of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// Skill ids with calibrated scores, best first.
    pub ranked: Vec<(String, f32)>,
    /// What the best may be taken for.
    pub sure: Sure,
    /// Where the values of these skills' slots seem to stand in the text, by skill.
    pub spans: BTreeMap<String, Vec<Span>>,
}

/// Bytes of a text, and the slot they fill.
pub type Span = (Range<usize>, String);

/// How far a ranking may be trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sure {
    /// As understood.
    Yes,
    /// As a guess to offer.
    Guess,
    /// Not at all.
    #[default]
    No,
}

/// What came of planning.
#[derive(Clone, Debug, PartialEq)]
pub enum Planned {
    /// Answers of the reading calls, and one combined plan of the changing ones.
    Ready {
        /// In the order of the calls.
        answers: Vec<Reply>,
        /// `None` when nothing would change.
        change: Option<PlanRef>,
    },
    /// A call wants one more value, or another one.
    Ask {
        /// Index of the call.
        call: usize,
        /// The slot.
        slot: String,
        /// The question.
        question: Reply,
    },
    /// Not possible, with the sentence that says so.
    Refused(Reply),
    /// A call names what is not there, where others are called nearly so.
    Near {
        /// Index of the call.
        call: usize,
        /// The name, as it was said.
        said: String,
        /// Those that there are.
        close: Vec<String>,
        /// The sentence that says so, and asks which of them is meant.
        reply: Reply,
    },
}

/// What came of applying.
#[derive(Clone, Debug, PartialEq)]
pub enum Applied {
    /// All ops were done.
    Done {
        /// What the asker reads.
        reply: Reply,
        /// For "undo"; empty when it can't be taken back.
        undo: Vec<Done>,
    },
    /// It stopped on the way, or nobody knows; the reply says what is done and what is not.
    Failed {
        /// What the asker reads.
        reply: Reply,
        /// For "undo" of the part that is done.
        undo: Vec<Done>,
    },
    /// It takes longer than an answer can wait; [`Input::Ended`] comes with what becomes of it.
    UnderWay {
        /// What tells it from others.
        job: String,
        /// What the asker reads meanwhile.
        reply: Reply,
    },
}

/// What comes out.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Ask the classifier about this text.
    Rank(String),
    /// Make a plan of these calls, all or nothing.
    Plan(Vec<Call>),
    /// Make a plan that takes this back: one thing, or the same done to several machines in one go.
    PlanUndo(Vec<Done>),
    /// Say this.
    Say(Reply),
    /// Say this, which asks the open question, and come back with [`Input::Shown`] if it was taken for delivery.
    Ask(Reply),
    /// The same of a plan that was asked about already and still waits, after something else was answered.
    Remind(Reply),
    /// Do this plan; its digest must still be that of the plan made last.
    Apply(PlanRef),
    /// Come back with [`Input::Tick`] then.
    Wait(Timestamp),
}

/// Where the conversation takes place.
pub struct Around<'a> {
    /// Now, in the asker's time zone.
    pub now: &'a Zoned,
    /// Names that exist here.
    pub known: &'a dyn Known,
    /// The kind of entity spoken to.
    pub scope: Scope,
    /// Its name.
    pub entity: &'a str,
    /// Whether this is a room.
    pub room: bool,
    /// The asker's short name.
    pub asker: &'a str,
    /// Whether disruptive commands are asked even when plain.
    pub ask_disruptive: bool,
}

/// Where a turn stands between an action and its outcome.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Stage {
    /// Nothing is awaited.
    #[default]
    Idle,
    /// The classifier was asked.
    Understanding(Box<Understanding>),
    /// A plan was asked for.
    Planning(Box<Planning>),
    /// A plan is being applied.
    Applying(Box<Planning>),
}

/// Why and how a plan is made.
#[derive(Clone, Debug, PartialEq)]
pub struct Planning {
    pub(crate) calls: Vec<Call>,
    pub(crate) path: Path,
    /// The slots took more than one turn.
    pub(crate) took_turns: bool,
    /// Late, edited, picked or asked as a question.
    pub(crate) doubtful: bool,
    pub(crate) purpose: Purpose,
    /// The question to come back to.
    pub(crate) back_to: Option<Open>,
    /// Said before the answer: a greeting, what was mended.
    pub(crate) preface: Vec<Phrase>,
    /// Whether to say what was understood when done.
    pub(crate) tell: bool,
    /// What was open before this turn, for an edited message.
    pub(crate) before: Option<Box<Open>>,
    /// Questions that are answered once it is done.
    pub(crate) then: Vec<Call>,
}

/// What a plan is for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    /// Somebody wants it.
    New,
    /// Somebody confirmed the plan of this digest.
    Confirmed { digest: String, by_name: bool },
    /// Somebody wants this taken back.
    Undo(Vec<Done>),
    /// Somebody confirmed that.
    UndoConfirmed { done: Vec<Done>, digest: String },
}

/// The conversation's rules; one for the whole agent.
#[derive(Clone)]
pub struct Machine {
    book: Arc<Book>,
}

impl Machine {
    /// A machine that speaks from this book.
    pub fn new(book: Arc<Book>) -> Self {
        Self { book }
    }

    /// The book it speaks from.
    pub fn book(&self) -> &Arc<Book> {
        &self.book
    }

    /// One step. Total: any input in any state gives a session and actions; nothing here fails.
    pub fn on(&self, session: Session, input: Input, around: &Around<'_>) -> (Session, Vec<Action>) {
        let words = self.book.words(&session.language);
        let heard = self.book.words(if session.heard.is_empty() { &session.language } else { &session.heard });
        let mut turn = Turn::new(&self.book, words, heard, session, around);
        match input {
            Input::Said(utterance) => turn.said(utterance),
            Input::Ranked(ranking) => turn.ranked(ranking),
            Input::Planned(planned) => turn.planned(planned),
            Input::Applied(applied) => turn.applied(applied),
            Input::Ended { job, applied } => turn.ended(&job, applied),
            Input::Event { machines } => {
                turn.passed();
                turn.session.thing = None;
                turn.session.focus_on(machines);
            }
            // Not over an open question: that one is the person's.
            Input::Suggest { calls, preface } if turn.session.open.is_none() => {
                turn.begin(calls, Path::Command, true, preface, None)
            }
            Input::Suggest { preface, .. } => turn.say(Reply { head: preface, ..Reply::default() }),
            Input::Shown { on } => turn.session.shown(on),
            Input::Tick => {
                turn.expire();
            }
        }
        (turn.session, turn.actions)
    }
}

/// One step under way: the session, what it may see, and the actions so far.
pub(crate) struct Turn<'a> {
    pub book: &'a Book,
    /// The language that is answered in.
    pub words: &'a Words,
    /// The language that the text is read as.
    pub heard: &'a Words,
    pub session: Session,
    pub around: &'a Around<'a>,
    pub actions: Vec<Action>,
    /// What was matched already in this step: a sentence is looked at from many sides.
    matched: RefCell<Vec<Matched<'a>>>,
}

/// A text, the language it was read as, and its readings.
type Matched<'a> = (String, &'a Words, Rc<[Reading<usize>]>);

impl<'a> Turn<'a> {
    pub fn new(book: &'a Book, words: &'a Words, heard: &'a Words, session: Session, around: &'a Around<'a>) -> Self {
        Self { book, words, heard, session, around, actions: Vec::new(), matched: RefCell::default() }
    }

    /// All that a text may mean as a command.
    pub fn readings(&self, text: &str) -> Rc<[Reading<usize>]> {
        let known = |(said, heard, _): &&Matched<'a>| std::ptr::eq(*heard, self.heard) && said == text;
        if let Some((.., readings)) = self.matched.borrow().iter().find(known) {
            return Rc::clone(readings);
        }
        let readings: Rc<[_]> = self.heard.patterns.matches(text, &self.context()).into();
        self.matched.borrow_mut().push((text.to_owned(), self.heard, Rc::clone(&readings)));
        readings
    }

    pub fn context(&self) -> Context<'a> {
        Context { lexicon: &self.heard.lexicon, known: self.around.known, now: self.around.now.clone() }
    }

    pub fn now(&self) -> Timestamp {
        self.around.now.timestamp()
    }

    pub fn spec(&self, call: &Call) -> Option<&'static Spec> {
        self.book.spec(&call.skill)
    }

    /// Says it, and remembers it for "what?".
    pub fn say(&mut self, reply: Reply) {
        self.passed();
        self.session.said = Some(reply.clone());
        self.actions.push(Action::Say(reply));
    }

    /// Says an answer that may be a long list: what is cut from it is kept for "more", and "what?" repeats what was shown.
    pub fn say_list(&mut self, reply: Reply) {
        self.passed();
        let rendered = self.words.phrases.reply(&reply, self.around.now);
        self.session.more = rendered.more;
        let machine = |phrase: &Phrase| match phrase.vars.iter().find(|(name, _)| name == "name") {
            Some((_, Var::Text(name))) => self.around.known.has(Of::Machine, name),
            _ => None,
        };
        // Who is named before a list may be its first.
        let mut listed: Vec<String> = Vec::new();
        if reply.rows.iter().any(|row| machine(row).is_some()) {
            for name in reply.head.iter().chain(&reply.rows).filter_map(machine).take(MOST_LISTED) {
                if !listed.contains(&name) {
                    listed.push(name);
                }
            }
        }
        if !listed.is_empty() {
            self.session.listed = listed;
        }
        let mut shown = reply.clone();
        if !self.session.more.is_empty() {
            shown.rows.truncate(MOST_LINES - 1);
            shown.rows.push(Phrase::common("more_rows").with("n", reply.rows.len() - shown.rows.len()));
        }
        self.session.said = Some(shown);
        self.actions.push(Action::Say(reply));
    }

    pub fn say_common(&mut self, id: &str) {
        self.say(Reply::say(Phrase::common(id)));
    }

    /// Leaves a question open and puts it, with something said before that is no part of it. In a room it ends with how to answer.
    pub fn ask_after(&mut self, mut preface: Vec<Phrase>, about: crate::session::About, mut asked: Reply) {
        if self.around.room {
            let answer = asked.choices.first().map_or_else(|| "…".to_owned(), |choice| choice.says.clone());
            asked = asked.ending(Phrase::common("room_hint").with("entity", self.around.entity).with("answer", answer));
        }
        let (at, seen_on) = (self.now(), Vec::new());
        self.session.open =
            Some(Open { about, asked: asked.clone(), at, seen_on, passed: false, reminded: false, mentioned: false });
        preface.dedup();
        asked.head.splice(0..0, preface);
        self.session.said = Some(asked.clone());
        self.actions.push(Action::Ask(asked));
        if let Ok(until) = self.now().checked_add(EXPIRES) {
            self.actions.push(Action::Wait(until));
        }
    }

    /// Puts an open question again, with that sentence before it.
    pub fn ask_again_after(&mut self, preface: &str, open: Open) {
        let again =
            Reply { head: [vec![Phrase::common(preface)], open.asked.head.clone()].concat(), ..open.asked.clone() };
        self.session.open = Some(Open { at: self.now(), passed: false, ..open });
        self.actions.push(Action::Ask(again));
    }

    /// Ends a question that waited too long; true if one ended now.
    pub fn expire(&mut self) -> bool {
        let now = self.now();
        let over = |open: &Option<Open>, most| open.as_ref().is_some_and(|open| now.duration_since(open.at) > most);
        if over(&self.session.aside, ASIDE) {
            self.session.aside = None;
        }
        if over(&self.session.open, EXPIRES) {
            self.session.open = None;
            self.session.expired = Some(Expired { at: now, said: false });
            return true;
        }
        false
    }

    /// Buttons for yes and no, in the words of the language.
    pub fn yes_no(&self) -> Vec<Choice> {
        ["yes", "no"]
            .map(|id| Choice {
                label: Phrase::common(id).into(),
                says: self.words.phrases.phrase(&Phrase::common(id), self.around.now),
            })
            .to_vec()
    }
}
