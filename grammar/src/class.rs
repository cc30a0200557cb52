//! The classes a word of a language may be of; `lexicon.txt` names them in lower case.

/// A set of classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes([u128; 2]);

impl Classes {
    /// Puts one more into it.
    pub(crate) fn insert(&mut self, class: Class) {
        let bit = class as usize;
        self.0[bit / 128] |= 1 << (bit % 128);
    }

    /// Whether one of these is in it.
    pub(crate) fn meets(self, others: Self) -> bool {
        self.0.iter().zip(others.0).any(|(own, other)| own & other != 0)
    }
}

impl From<Class> for Classes {
    fn from(class: Class) -> Self {
        let mut classes = Self::default();
        classes.insert(class);
        classes
    }
}

impl FromIterator<Class> for Classes {
    fn from_iter<T: IntoIterator<Item = Class>>(all: T) -> Self {
        let mut classes = Self::default();
        all.into_iter().for_each(|class| classes.insert(class));
        classes
    }
}

macro_rules! classes {
    ($($(#[doc = $doc:literal])+ $class:ident $name:literal,)+) => {
        /// What a word is in its language. The names in the file are the lower-case ones.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Class { $($(#[doc = $doc])+ $class,)+ }

        impl Class {
            /// The class of that name.
            pub fn named(name: &str) -> Option<Class> {
                match name { $($name => Some(Class::$class),)+ _ => None }
            }
        }
    };
}

classes! {
    /// "yes", "go ahead": says yes, and nothing else.
    Assents "assents",
    /// Unit of size; argument B, KiB, … EiB.
    Unit "unit",
    /// "percent".
    Percent "percent",
    /// Number word; argument its digits.
    Number "number",
    /// A number that multiplies what stands before it ("hundred").
    Hundred "hundred",
    /// Fraction before a unit ("half a"); argument like 1/2.
    Fraction "fraction",
    /// Fraction after a number or a unit ("and a half"); argument like 1/2.
    Plus "plus",
    /// One, before a unit: "a gig".
    One "one",
    /// Articles and demonstratives that may stand before a value.
    Article "article",
    /// Articles before several: French "les", after which a state alone is a set ("les éteintes").
    Those "those",
    /// "more", "bigger".
    More "more",
    /// "less", "smaller".
    Less "less",
    /// "by", "add": what follows is a difference.
    By "by",
    /// "to": what follows is the new value.
    To "to",
    /// "twice"; argument the factor.
    Times "times",
    /// "times", "x" after a number.
    Factor "factor",
    /// Unit of time; argument s, min, h, d, w, month, year.
    Span "span",
    /// "in", before a length of time.
    In "in",
    /// "ago".
    Ago "ago",
    /// "from now", "later".
    Later "later",
    /// "at", "on", before a time or a day.
    At "at",
    /// Day of the week; argument 1 (Monday) to 7.
    Day "day",
    /// Sets of days; argument like 12345.
    Days "days",
    /// Month; argument 1 to 12.
    Month "month",
    /// "tomorrow"; argument days from today.
    Offset "offset",
    /// "tonight": a day and a part of it; argument days from today and the hour, like 0@20:00.
    Moment "moment",
    /// "now".
    Now "now",
    /// "next".
    Next "next",
    /// "last": the one before now.
    Last "last",
    /// "since": the time after it is in the past.
    Since "since",
    /// Part of the day; argument the hour it stands for.
    Part "part",
    /// "am", "pm"; argument that.
    Half "half",
    /// "o'clock".
    Clock "clock",
    /// "every".
    Every "every",
    /// "hourly", "daily"; argument the length of time, or days like 1234567.
    Often "often",
    /// "of the month", "monthly".
    Monthly "monthly",
    /// What a canonical value is also called; argument the value.
    Choice "choice",
    /// "was", "too much", "more than": a value beside it is told of something else, or compared.
    Told "told",
    /// "nothing".
    Nothing "nothing",
    /// "as", before a name to be given.
    As "as",
    /// "like", "same as": who is named behind it is only compared to.
    Like "like",
    /// "is", "has", "works": who is named right before it in a clause of its own is spoken of.
    Tells "tells",
    /// "don't", "never": what follows is not to be.
    Forbids "forbids",
    /// "I guess", "if you must": takes from a yes that it is one.
    Halfhearted "halfhearted",
    /// "please", "thanks", "for me": carries no meaning at the end.
    Polite "polite",
    /// What people put before an answer: "call it", "make it".
    Wrap "wrap",
    /// "called".
    Called "called",
    /// "and" in lists.
    And "and",
    /// "all", "every": whole sets.
    All "all",
    /// "everything", "everybody": whole sets, with the noun.
    Everything "everything",
    /// "both".
    Both "both",
    /// "it", "that one".
    It "it",
    /// "yourself".
    Myself "myself",
    /// "the same".
    Same "same",
    /// "vm", "machine".
    Machine "machine",
    /// "vms", "machines".
    Machines "machines",
    /// "hypervisor", "host".
    Host "host",
    /// State of a machine; argument off, running, paused, crashed.
    State "state",
    /// "tagged", "with the tag".
    Tagged "tagged",
    /// "that are", "which is".
    Which "which",
    /// Operating system; argument its short name.
    Os "os",
    /// "except".
    Except "except",
    /// Words that change what is wanted wherever they stand: "only", "without", "gracefully".
    Weighs "weighs",
    /// "second"; argument the number, or last.
    Ordinal "ordinal",
    /// "to", "through", between the first and the last of a range: "lab01 to lab03".
    Through "through",
    /// "on", "in": before the host that a machine is on.
    Where "where",
    /// "from", "off the": before where something is taken from.
    Away "away",
    /// "the one", "celle": stands for a machine that what follows tells from its twin.
    Theone "theone",
    /// "don't touch", "leave": who is named after it is left as it is.
    Untouched "untouched",
    /// "or".
    Or "or",
    /// "but": joins what is left as it is to what is to be done.
    But "but",
    /// "alone", "as it is": ends what [`Class::Untouched`] begins.
    Alone "alone",
    /// "one", "number" around an ordinal.
    Item "item",
    /// Never a name unless quoted or known: prepositions, articles, question words.
    Noname "noname",
    /// The "s" of "web1's".
    Possessive "possessive",
    /// "yes".
    Yes "yes",
    /// "obviously", "hurry up", "that's the one": goes with a yes, and changes nothing of it.
    Agrees "agrees",
    /// "no".
    No "no",
    /// "never mind".
    Cancel "cancel",
    /// "default", "skip".
    Skip "skip",
    /// "what?".
    Repeat "repeat",
    /// "not", before what is not meant in an answer.
    Denied "denied",
    /// "leave", before what is left out.
    Spare "spare",
    /// "should stay", behind what is left out.
    Stays "stays",
    /// "too", "same for": what was wanted is meant once more.
    Also "also",
    /// "the other one".
    Other "other",
    /// "the others", "the rest": all that were not spoken of.
    Others "others",
    /// "all of them": all that were spoken of, or simply all.
    AllOfThem "allofthem",
    /// "one of", "some of": nobody says which of what follows.
    SomeOf "someof",
    /// "first", "beforehand": what it stands beside is to be done before what was said before it.
    Ahead "ahead",
    /// "only", before what alone is meant.
    Only "only",
    /// "i meant": what follows stands for what was said before.
    Meant "meant",
    /// "good to know": said beside something else, and asks for nothing.
    Aside "aside",
    /// "i think": leaves a value as it is.
    Hedge "hedge",
    /// "another", "make one more": one more of what was made or listed last.
    Another "another",
    /// "no hang on", in a sentence: what was wanted before is not wanted any more.
    Recants "recants",
    /// "tell me", before an "if" that begins a question.
    Asking "asking",
    /// "call it": a name follows.
    Calling "calling",
    /// "where were we", "continue": back to what was set aside.
    Onward "onward",
    /// "undo".
    Undo "undo",
    /// "revert", "take back": what follows was done, and is not wanted any more.
    TakeBack "takeback",
    /// "stop", said alone.
    Stop "stop",
    /// Words that carry no meaning in an answer: "that", "it", "now".
    Filler "filler",
    /// "hello".
    Greeting "greeting",
    /// "thanks".
    Thanks "thanks",
    /// "and", "what about", "its": what follows goes on from what was said last.
    Follow "follow",
    /// "you", "your": whoever is spoken to.
    You "you",
    /// "then", "and then": another request follows.
    Then "then",
    /// Verbs, as they are in a command.
    Verb "verb",
    /// Verbs in the past; argument the command form.
    Past "past",
    /// Verbs as something going on; argument the command form.
    Doing "doing",
    /// Verbs of the third person: "stops".
    Third "third",
    /// "if": what follows is a condition, not a request.
    Conditional "conditional",
    /// "if" before a state that is looked up; argument nothing, not ("unless"), or what was asked just before: so, else ("if not").
    If "if",
    /// "so", "first", "now": after it something new begins.
    Opens "opens",
    /// "also", "donc": may stand anywhere in a command.
    Slack "slack",
    /// "otherwise leave it": a condition's other side, in which nothing is done.
    Else "else",
    /// "has", "with": between a machine and what it has.
    Has "has",
    /// "still", "yet": between a machine and its state.
    Still "still",
    /// "not", between a machine and its state.
    Not "not",
    /// How a word is also written in haste; argument the word: French "koi" for "quoi".
    Spelled "spelled",
    /// "timeout", "grace period": what a length of time beside it is of.
    Timeout "timeout",
    /// What a command sounds like, where a message begins with it; argument the command: French "éteint" for "éteins".
    Homophone "homophone",
    /// Words that questions are made of and that say nothing of what is asked: "has", "how much", "i hope".
    Asks "asks",
    /// "service", "backup", "kernel": what runs in a machine, or is made of it, and is not the machine.
    Inner "inner",
    /// "this is", "my name is": somebody says who they are.
    Introduces "introduces",
    /// "given that", "since": says that something is so, which is looked up as if it were a condition.
    Premise "premise",
    /// Words before a reason: "because".
    Because "because",
    /// Words that begin a question.
    Question "question",
    /// Words that stand for persons: "i", "someone".
    Person "person",
    /// Verbs that say what is to be done after another one: French "redémarrer". They are of class verb too.
    Infinitive "infinitive",
    /// What is done, as a noun: French "redémarrage".
    Deed "deed",
    /// Nouns of the trade, so that they are taken for nobody's name.
    Thing "thing",
    /// Words that hang on to the one before by a hyphen and are words of their own: French "éteins-toi".
    Clitic "clitic",
    /// Words that clitics hang on to, besides verbs with the argument `tied`: French "peux-tu".
    Tied "tied",
    /// Words before a hyphen that are words of their own: French "demi-heure".
    Prefix "prefix",
    /// What is left of a word before a vowel: the "l" of French "l'adresse". The word after it may be a name.
    Elided "elided",
    /// The decimal comma, where there is one; then no comma stands between thousands.
    Decimal "decimal",
    /// How a value is said to people; argument what is said, and the entry its words, with places like `{number}`.
    Say "say",
    /// Fraction taken off an hour: French "moins le quart"; argument like 1/4.
    Minus "minus",
}
