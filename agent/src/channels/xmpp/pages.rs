//! Long lists by pages (XEP-0059).
//!
//! A list that is too long for one stanza is cut even for who has not asked for pages, with word of how much there is: servers end the
//! stream over a stanza that is too large, and with it everybody's conversations.

use xmpp_parsers::rsm::{First, SetQuery, SetResult};

/// Most items of a page, and of a list without pages: some 50 KB of usual names, and less than servers take of the longest ones.
pub const MOST: usize = 500;

/// The part of a list that is asked for, and what is said of the whole; `None` when it begins beyond the end.
///
/// The list is in the order of its ids, so that one whose item has gone meanwhile still tells where to go on.
pub fn page<'l, T>(
    list: &'l [T],
    id: impl Fn(&T) -> &str,
    asked: Option<&SetQuery>,
) -> Option<(&'l [T], Option<SetResult>)> {
    let all = list.len();
    let Some(asked) = asked else {
        let page = &list[..all.min(MOST)];
        return Some((page, (page.len() < all).then(|| about(page, 0, all, id))));
    };
    let most = asked.max.unwrap_or(MOST).min(MOST);
    let range = match (&asked.before, &asked.after, asked.index) {
        (Some(before), ..) => {
            // Without an id it is the last page.
            let end = if before.is_empty() { all } else { list.partition_point(|item| id(item) < before.as_str()) };
            end.saturating_sub(most)..end
        }
        (None, Some(after), _) => {
            let start = list.partition_point(|item| id(item) <= after.as_str());
            start..all.min(start + most)
        }
        (None, None, Some(index)) if index > all => return None,
        (None, None, index) => index.unwrap_or(0)..all.min(index.unwrap_or(0) + most),
    };
    let page = &list[range.clone()];
    Some((page, Some(about(page, range.start, all, id))))
}

fn about<T>(page: &[T], index: usize, all: usize, id: impl Fn(&T) -> &str) -> SetResult {
    let first = page.first().map(|item| First { index: Some(index), item: id(item).to_owned() });
    SetResult { first, last: page.last().map(|item| id(item).to_owned()), count: Some(all) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: SetQuery = SetQuery { max: None, after: None, before: None, index: None };

    fn ids(count: usize) -> Vec<String> {
        (0..count).map(|number| format!("vm-{number:05}")).collect()
    }

    fn shown(list: &[String], asked: &SetQuery) -> Option<(Vec<String>, SetResult)> {
        let (page, about) = page(list, |id| id, Some(asked))?;
        Some((page.to_vec(), about.expect("whoever asks for a page is told of the whole")))
    }

    #[test]
    fn page_after_page_everything_is_listed_once_whatever_goes_meanwhile() {
        let mut list = ids(1_234);
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let asked = SetQuery { max: Some(100), after: after.clone(), ..NOTHING };
            let (page, about) = shown(&list, &asked).unwrap();
            let Some(last) = about.last else { break };
            assert_eq!(about.count, Some(list.len()));
            assert_eq!(about.first.map(|first| first.item).as_ref(), page.first());
            seen.extend(page);
            // The very one to go on from is gone.
            list.retain(|id| *id != last);
            after = Some(last);
        }
        assert_eq!(seen, ids(1_234));
    }

    #[test]
    fn pages_go_backwards_too_and_a_page_of_none_tells_how_many_there_are() {
        let list = ids(10);
        let last = SetQuery { max: Some(3), before: Some(String::new()), ..NOTHING };
        let (page, about) = shown(&list, &last).unwrap();
        assert_eq!(page, &list[7..]);
        let first = about.first.unwrap();
        assert_eq!(first.index, Some(7));
        let before = SetQuery { max: Some(3), before: Some(first.item), ..NOTHING };
        assert_eq!(shown(&list, &before).unwrap().0, &list[4..7]);
        let third = SetQuery { max: Some(3), index: Some(6), ..NOTHING };
        assert_eq!(shown(&list, &third).unwrap().0, &list[6..9]);
        assert_eq!(shown(&list, &SetQuery { index: Some(11), ..NOTHING }), None);
        let none = SetQuery { max: Some(0), ..NOTHING };
        assert_eq!(shown(&list, &none), Some((Vec::new(), SetResult { first: None, last: None, count: Some(10) })));
    }

    #[test]
    fn a_list_too_long_for_a_stanza_is_cut_and_says_so_and_a_short_one_is_as_ever() {
        let list = ids(10_000);
        let (page, about) = super::page(&list, |id| id, None).unwrap();
        assert_eq!((page.len(), about.and_then(|about| about.count)), (MOST, Some(10_000)));
        assert_eq!(shown(&list, &SetQuery { max: Some(10_000), ..NOTHING }).unwrap().0.len(), MOST);
        assert_eq!(super::page(&list[..MOST], |id| id, None), Some((&list[..MOST], None)));
    }
}
