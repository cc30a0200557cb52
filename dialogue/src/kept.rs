//! Who is said to stay as it is, or to be well as it is, beside a wish: "turn everything on but leave app2 off", "everything but web1 is
//! fine, reboot it".

use grammar::kind::Of;
use grammar::lexicon::Class;
use grammar::read::Context;
use grammar::token::{Token, gap};

/// A text without the state in which somebody is to be left, which is none of the wish before it. `None` where there is none.
pub(crate) fn without_kept_state<'t>(text: &'t str, cx: &Context<'_>) -> Option<&'t str> {
    const LEAVES: [Class; 3] = [Class::Untouched, Class::Spare, Class::Except];
    const BETWEEN: [Class; 4] = [Class::And, Class::Article, Class::Machine, Class::Machines];
    let all = cx.tokens(text.trim_end_matches(['.', '!', ' ']));
    let states = |at: &usize| cx.lexicon.longest(&all[*at..], Class::State) == Some(all.len() - at);
    let state = (1..all.len()).find(states)?;
    let known = |token: &Token<'_>| cx.known.has(Of::Machine, token.text).is_some();
    let mut first = state;
    while first > 0 {
        let small = cx.lexicon.longest_before_of(&all[..first], &BETWEEN);
        match small {
            _ if known(&all[first - 1]) => first -= 1,
            Some(count) => first -= count,
            None => break,
        }
    }
    // "leave app2 off" alone is a wish to leave it so, as it stands.
    let leaves = cx.lexicon.longest_before_of(&all[..first], &LEAVES)?;
    let beside = all[..first - leaves].iter().any(|token| cx.lexicon.is(&token.folded, Class::Verb));
    let named = all[first..state].iter().any(known);
    (named && beside).then(|| text[..all[state - 1].span.end].trim_end())
}

/// The clause that says of all but some how they are, before a wish for "it": nobody knows who that is.
pub(crate) fn tells_of_all_but<'t>(text: &'t str, cx: &Context<'_>) -> Option<&'t str> {
    const SETS: [Class; 2] = [Class::Everything, Class::All];
    let all = cx.tokens(text);
    let cut = (1..all.len()).find(|at| gap(text, &all, *at).contains([',', ';', '.', '!', ':']))?;
    let (head, rest) = (&all[..cut], &all[cut..]);
    let told = cx.lexicon.holds(head, &SETS)
        && cx.lexicon.holds(head, &[Class::Except])
        && cx.lexicon.holds(head, &[Class::Tells]);
    let wishes = cx.lexicon.holds(rest, &[Class::It]) && cx.lexicon.holds(rest, &[Class::Verb]);
    (told && wishes).then(|| text[..all[cut - 1].span.end].trim())
}
