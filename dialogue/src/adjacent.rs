//! What stands right beside a value that was read, or a word of the command, and may belong to it: "start alpha old", "a snapshot named first try".

use std::ops::Range;

use grammar::kind::Kind;
use grammar::lexicon::Class;
use grammar::read::Context;
use grammar::token::Token;

use crate::slots::Taken;
use crate::spec::{Slot, Spec, TARGET};
use crate::vocabulary::Vocabulary;

/// "a snapshot named first try": nobody knows whether "try" belongs to the name.
pub(crate) fn behind_a_name(spec: &Spec, token: &Token<'_>, taken: &[Taken], text: &str) -> bool {
    let named = |slot: &str| spec.slot(slot).is_some_and(|slot| matches!(slot.kind, Kind::NewName(_)));
    taken.iter().any(|(slot, span)| named(slot) && follows(token, span, text))
}

/// "resume lab works": the same of a word right behind it.
pub(crate) fn behind_the_machine(token: &Token<'_>, taken: &[Taken], text: &str) -> bool {
    taken.iter().any(|(slot, span)| slot == TARGET && follows(token, span, text))
}

/// "start alpha old": nobody knows whether "old" belongs to the name.
pub(crate) fn beside_the_machine(token: &Token<'_>, taken: &[Taken], text: &str) -> bool {
    let blank = |range: Range<usize>| text.get(range).is_some_and(|between| between.trim().is_empty());
    taken.iter().filter(|(slot, _)| slot == TARGET).any(|(_, span)| {
        blank(span.end..token.span.start.max(span.end)) && token.span.start >= span.end
            || blank(token.span.end..span.start.max(token.span.end)) && token.span.end <= span.start
    })
}

/// "a snapshot november": what stands right behind the words of a command that gives a name, and has none, may be that name.
pub(crate) fn may_be_its_name(
    spec: &Spec,
    vocabulary: &Vocabulary,
    upto: &[Token<'_>],
    taken: &[Taken],
    text: &str,
) -> bool {
    let [.., before, token] = upto else { return false };
    let blank = follows(token, &before.span, text);
    let unnamed =
        |slot: &Slot| matches!(slot.kind, Kind::NewName(_)) && !taken.iter().any(|(name, _)| name == slot.name);
    blank && vocabulary.commands(before) && spec.slots.iter().any(unnamed)
}

/// Whether a word stands right behind what was read there.
pub(crate) fn follows(token: &Token<'_>, span: &Range<usize>, text: &str) -> bool {
    // "web1's backup" too.
    let between = text.get(span.end..token.span.start).map(str::trim);
    between.is_some_and(|between| ["", "'s", "’s"].contains(&between))
}

/// "an encrypted disk": what stands right before a word of the command says which one.
pub(crate) fn says_which(vocabulary: &Vocabulary, tokens: &[Token<'_>], text: &str, cx: &Context<'_>) -> bool {
    let [token, next, ..] = tokens else { return false };
    let blank = follows(next, &token.span, text);
    let verb = cx.lexicon.longest(&tokens[1..], Class::Verb).is_some();
    blank && !verb && vocabulary.commands(next)
}
