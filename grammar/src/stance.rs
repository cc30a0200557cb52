//! Rules of a lexicon: how it is told from its wording whether somebody asks for something to be done.
//!
//! Rules are patterns over words and word classes, tried in the order of the lexicon file; the first that fits
//! decides. A `lead` is taken off and the rules begin again with the rest, so that "could you please not stop" is
//! still a negation. What no rule fits is a request.

use rustc_hash::FxHashSet;

use crate::{
    class::Classes,
    frame::Stance,
    kind::Of,
    lexicon::{Class, Lexicon},
    name,
    pattern::{Node, Pattern},
    read::Cursor,
    token::{Token, gap},
};

/// What a rule does when it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The part has that stance.
    Stance(Stance),
    /// Taken off the beginning; the argument says whether it is polite, or so roundabout that it is hardly a command any more.
    Lead { polite: bool, roundabout: bool },
    /// Taken off the beginning, and the verb after it becomes a command: "would you mind rebooting".
    Gerund,
    /// Taken off the beginning, and "web1 rebooted" becomes "reboot web1".
    Passive,
    /// Put behind the verb that follows it, if one of that class does: "web1 redémarre", "le redémarrer".
    Swap { class: Class },
    /// Taken off the end; the argument says whether it is polite.
    Tail { polite: bool },
    /// Begins a correction; what follows is the right thing.
    Correction,
    /// Ends a correction; what stands before it is the right thing.
    CorrectionEnd,
    /// Asks of the things that were spoken of last, whatever they are: "which ones remain?"
    Those,
    /// Says that something was heard, and agrees to nothing: "ok, I see".
    Heard,
}

/// A rule of a lexicon.
#[derive(Debug)]
pub(crate) struct Rule {
    pub effect: Effect,
    /// Only tried while nothing polite has been said.
    pub plain: bool,
    /// A stance that may hold a wish all the same: "web1 needs two more cpus".
    pub wish: bool,
    code: Code,
    first: First,
}

/// What a rule can begin with, so that most rules are passed over at a glance.
#[derive(Debug, Default)]
struct First {
    words: FxHashSet<String>,
    classes: Classes,
    /// Anything, or nothing.
    any: bool,
}

impl First {
    /// Adds what `code` can begin with; whether it can also be nothing.
    fn add(&mut self, code: &Code) -> bool {
        match code {
            Code::Word(parts, joined) => {
                self.words.extend(parts.first().cloned());
                self.words.extend(joined.clone());
                parts.is_empty()
            }
            Code::Class(class) => {
                self.classes.insert(*class);
                false
            }
            Code::Special(_) => {
                self.any = true;
                false
            }
            Code::Sequence(all) => all.iter().all(|code| self.add(code)),
            Code::Choice(all) => all.iter().filter(|code| self.add(code)).count() > 0,
            Code::Optional(inner) => {
                self.add(inner);
                true
            }
        }
    }
}

/// A rule with its words cut and its classes looked up, once.
#[derive(Debug)]
enum Code {
    /// The folded parts of a word, and the whole of it when it has an apostrophe.
    Word(Vec<String>, Option<String>),
    Class(Class),
    Special(Special),
    Sequence(Vec<Code>),
    Choice(Vec<Code>),
    Optional(Box<Code>),
}

/// The error names the slot that is no word class.
fn compile(node: &Node, lexicon: &Lexicon) -> Result<Code, String> {
    let all = |nodes: &[Node]| nodes.iter().map(|node| compile(node, lexicon)).collect::<Result<Vec<_>, _>>();
    Ok(match node {
        Node::Word(word) => {
            let parts = lexicon.tokens(word);
            let joined = parts.iter().any(|part| part.clitic).then(|| parts.iter().map(|part| &*part.folded).collect());
            Code::Word(parts.into_iter().map(|part| part.folded).collect(), joined)
        }
        Node::Slot(name) => match (Special::named(name), Class::named(name)) {
            (Some(special), _) => Code::Special(special),
            (None, Some(class)) => Code::Class(class),
            (None, None) => return Err(format!("there is no word class \"{name}\"")),
        },
        Node::Sequence(nodes) => Code::Sequence(all(nodes)?),
        Node::Choice(nodes) => Code::Choice(all(nodes)?),
        Node::Unordered(_) => return Err("rules have no \"{}\"".into()),
        Node::Optional(node) => Code::Optional(Box::new(compile(node, lexicon)?)),
    })
}

impl Rule {
    /// Reads "head argument = pattern". The error says what is wrong, in words.
    pub fn parse(head: &str, argument: &str, source: &str, lexicon: &Lexicon) -> Result<Rule, String> {
        let (argument, plain) = marked(argument, "plain");
        let (argument, wish) = marked(argument, "wish");
        let effect = match (head, argument) {
            ("stance", "request") => Effect::Stance(Stance::Request),
            ("stance", "howto") => Effect::Stance(Stance::HowTo),
            ("stance", "negated") => Effect::Stance(Stance::Negated),
            ("stance", "report") => Effect::Stance(Stance::Report),
            ("stance", "hypothetical") => Effect::Stance(Stance::Hypothetical),
            ("stance", "others") => Effect::Stance(Stance::AboutOthers),
            ("stance", _) => return Err(format!("there is no stance \"{argument}\"")),
            ("lead", "polite") => Effect::Lead { polite: true, roundabout: false },
            ("lead", "roundabout") => Effect::Lead { polite: true, roundabout: true },
            ("lead", "") => Effect::Lead { polite: false, roundabout: false },
            ("gerund", "") => Effect::Gerund,
            ("passive", "") => Effect::Passive,
            ("swap", "") => Effect::Swap { class: Class::Infinitive },
            ("swap", "verb") => Effect::Swap { class: Class::Verb },
            ("tail", "polite") => Effect::Tail { polite: true },
            ("tail", "") => Effect::Tail { polite: false },
            ("correct", "") => Effect::Correction,
            ("those", "") => Effect::Those,
            ("heard", "") => Effect::Heard,
            ("correct", "end") => Effect::CorrectionEnd,
            _ => return Err(format!("there is no rule \"{head} {argument}\"")),
        };
        let pattern = Pattern::parse(source).map_err(|error| error.to_string())?;
        let code = compile(&pattern.node, lexicon)?;
        let mut first = First::default();
        first.any |= first.add(&code);
        if wish && !matches!(effect, Effect::Stance(stance) if stance != Stance::Request) {
            return Err(format!("only a stance that is no request can be a wish, not \"{head}\""));
        }
        Ok(Rule { effect, plain, wish, code, first })
    }

    /// Where the rule can end when it begins at token `at`; empty when it doesn't fit.
    pub fn ends(&self, cursor: &Cursor, at: usize) -> Vec<usize> {
        let begins = |token: &Token| {
            let classes = || cursor.cx.lexicon.classes_of(token).meets(self.first.classes);
            !token.quoted && (self.first.words.contains(&token.folded) || classes())
        };
        if !self.first.any && !cursor.token(at).is_some_and(begins) {
            return Vec::new();
        }
        ends(&self.code, cursor, at)
    }

    /// Where the rule has to begin to end the tokens, if it fits there.
    pub fn start_before_end(&self, cursor: &Cursor) -> Option<usize> {
        let count = cursor.tokens.len();
        (count.saturating_sub(8)..count).find(|at| ends(&self.code, cursor, *at).contains(&count))
    }
}

/// An argument without its last word, if that is `mark`.
fn marked<'a>(argument: &'a str, mark: &str) -> (&'a str, bool) {
    argument.strip_suffix(mark).map_or((argument, false), |before| (before.trim_end(), true))
}

/// Places in rules that are no word class.
#[derive(Clone, Copy, Debug)]
enum Special {
    /// The rest, which may be nothing.
    Rest,
    /// At least one more word.
    More,
    /// Up to four words.
    Words,
    /// Any number of words.
    Some,
    /// One word.
    Any,
    /// One word that is no verb and no known name: somebody's name, perhaps.
    Somebody,
    /// A name of a machine or hypervisor that exists.
    Known,
    /// A verb in the past that can't be a command ("stopped", not "shut down").
    Done,
    /// A comma.
    Comma,
    /// The end.
    End,
    /// An infinitive follows, perhaps after pronouns; takes no word.
    Todo,
    /// The part is a question by its mark, and not a polite request; takes no word.
    Asked,
}

impl Special {
    fn named(name: &str) -> Option<Special> {
        Some(match name {
            "rest" => Special::Rest,
            "more" => Special::More,
            "words" => Special::Words,
            "some" => Special::Some,
            "any" => Special::Any,
            "somebody" => Special::Somebody,
            "known" => Special::Known,
            "done" => Special::Done,
            "comma" => Special::Comma,
            "end" => Special::End,
            "asked" => Special::Asked,
            "todo" => Special::Todo,
            _ => return None,
        })
    }
}

fn ends(code: &Code, cursor: &Cursor, at: usize) -> Vec<usize> {
    match code {
        Code::Word(parts, joined) => word_ends(parts, joined.as_deref(), cursor, at),
        Code::Class(class) => class_ends(*class, cursor, at).collect(),
        Code::Special(special) => special_ends(*special, cursor, at),
        Code::Optional(inner) => {
            let mut all = ends(inner, cursor, at);
            all.push(at);
            sorted(all)
        }
        Code::Choice(codes) => sorted(codes.iter().flat_map(|code| ends(code, cursor, at)).collect()),
        Code::Sequence(codes) => {
            let mut places = vec![at];
            for code in codes {
                places = sorted(places.into_iter().flat_map(|at| ends(code, cursor, at)).collect());
                if places.is_empty() {
                    break;
                }
            }
            places
        }
    }
}

fn sorted(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places.dedup();
    places
}

/// A word with an apostrophe also fits without it, whole or in two.
fn word_ends(parts: &[String], joined: Option<&str>, cursor: &Cursor, at: usize) -> Vec<usize> {
    let said = |at: usize| cursor.token(at).filter(|token| !token.quoted).map(|token| token.folded.as_str());
    let mut found = Vec::new();
    if !parts.is_empty() && parts.iter().enumerate().all(|(index, part)| said(at + index) == Some(part)) {
        found.push(at + parts.len());
    }
    if joined.is_some() && said(at) == joined {
        found.push(at + 1);
    }
    found
}

fn class_ends<'a>(class: Class, cursor: &Cursor<'a>, at: usize) -> impl Iterator<Item = usize> + use<'a> {
    let lexicon = cursor.cx.lexicon;
    let rest = cursor.tokens.get(at..);
    rest.into_iter().flat_map(move |rest| lexicon.all(rest, class).map(move |(count, _)| at + count))
}

fn special_ends(special: Special, cursor: &Cursor, at: usize) -> Vec<usize> {
    let count = cursor.tokens.len();
    let lexicon = cursor.cx.lexicon;
    match special {
        Special::Rest => vec![count],
        Special::More if at < count => vec![count],
        Special::Words => (at..=count.min(at + 4)).collect(),
        Special::Some => (at..=count).collect(),
        Special::Any if at < count => vec![at + 1],
        Special::Somebody if at < count && !cursor.tokens[at].quoted => {
            let token = &cursor.tokens[at];
            let letters = token.folded.chars().all(char::is_alphabetic);
            let taken = lexicon.contains(&token.folded) || known_length(cursor, at).is_some();
            if letters && !taken { vec![at + 1] } else { Vec::new() }
        }
        Special::Known => known_length(cursor, at).map(|count| at + count).into_iter().collect(),
        Special::Done => {
            // A noun neither: "sauvegardes" is no "sauvegardés".
            let verbs: Vec<usize> =
                class_ends(Class::Verb, cursor, at).chain(class_ends(Class::Deed, cursor, at)).collect();
            let mut found: Vec<usize> =
                class_ends(Class::Past, cursor, at).filter(|end| !verbs.contains(end)).collect();
            if cursor.token(at).is_some_and(|token| lexicon.past_by_accent(token)) {
                found.push(at + 1);
            }
            found
        }
        Special::Todo => {
            let pronouns = (0..3).take_while(|before| *before == 0 || cursor.skip(at + before - 1, Class::Clitic) == 1);
            let todo = pronouns.map(|before| at + before).any(|at| cursor.skip(at, Class::Infinitive) > 0);
            if todo { vec![at] } else { Vec::new() }
        }
        Special::Comma if gap(cursor.text, cursor.tokens, at).contains(',') => vec![at],
        Special::End if at == count => vec![at],
        Special::Asked if cursor.text.trim_end_matches(['!', '.', ' ', ')']).ends_with('?') => {
            vec![at]
        }
        _ => Vec::new(),
    }
}

/// Length of a known name of a machine or hypervisor. A name that is a word of the language counts only when quoted:
/// "don't stop db" is no question about a machine called "stop".
fn known_length(cursor: &Cursor, at: usize) -> Option<usize> {
    let word = |count| {
        let token = &cursor.tokens[at];
        count == 1 && !token.quoted && cursor.cx.lexicon.contains(&token.folded)
    };
    [Of::Machine, Of::Hypervisor]
        .iter()
        .flat_map(|of| name::known(cursor, at, *of))
        .map(|(count, _)| count)
        .filter(|count| !word(*count))
        .max()
}
