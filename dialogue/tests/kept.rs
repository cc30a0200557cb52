//! Conversations that an earlier version kept are still read, with their question open.

use dialogue::session::{About, Session, VERSION};

/// As the first version wrote it: without what later versions remember besides.
const FIRST: &str = r#"{
    "version": 1, "language": "en",
    "open": {
        "about": {"Confirm": {
            "plan": {
                "calls": [{"skill": "vm.reboot", "args": {}}], "digest": "d1", "danger": "disruptive",
                "summary": [{"key": "vm.reboot/summary", "vars": [["name", {"Text": "web1"}]]}],
                "typed": "web1", "subjects": ["web1"], "allocates": false
            },
            "by_name": false, "path": "understood", "undoing": false
        }},
        "asked": {"head": [], "rows": [], "tail": [], "choices": [], "numbered": false},
        "at": "2026-11-21T12:00:00Z"
    },
    "expired": null, "focus": [["web1"]], "things": [], "undo": [], "last": null, "said": null, "more": []
}"#;

#[test]
fn what_a_later_version_kept_is_not_taken_for_ours() {
    let later = Session { version: VERSION + 1, ..Session::default() };
    assert_eq!(later.upgraded(), None);
    assert_eq!(Session::default().upgraded(), Some(Session::default()));
}

#[test]
fn a_question_of_the_first_version_is_still_open() {
    let session: Session = serde_json::from_str(FIRST).expect("the first version is still read");
    let session = session.upgraded().expect("it is a version that was");
    assert_eq!(session.version, VERSION);
    let about = session.open.as_ref().map(|open| &open.about);
    assert!(matches!(about, Some(About::Confirm { plan, .. }) if plan.digest == "d1" && !plan.doubtful), "{about:?}");
    let kept = serde_json::to_string(&session).expect("a session is plain data");
    assert_eq!(serde_json::from_str::<Session>(&kept).expect("and again"), session);
}

/// A question whether to drop another one is asked no more: that other one is open, and a yes shows it first.
#[test]
fn what_was_to_be_dropped_is_open_again() {
    let (before, after) = FIRST.split_once(r#""about": "#).expect("it has a question");
    let (confirm, rest) = after.split_once(r#""asked""#).expect("it was asked");
    let asked = r#"{"head": [], "rows": [], "tail": [], "choices": [], "numbered": false}"#;
    let drop = format!(
        r#"{before}"about": {{"Drop": {{"old": {{"about": {confirm} "asked": {asked}, "at": "2026-11-21T11:59:00Z"}}, "calls": [], "path": "command"}}}}, "asked"{rest}"#
    );
    let session: Session = serde_json::from_str(&drop).expect("it is still read");
    let open = session.open.expect("something is open");
    assert!(matches!(&open.about, About::Confirm { plan, .. } if plan.digest == "d1"), "{open:?}");
    assert!(open.passed);
}
