//! Values as people type them.

use grammar::{
    kind::{Kind, Of},
    read::{find, parse},
    value::{Selector, State, Value},
};

use crate::{check, cx, said};

#[test]
fn sizes_are_read_as_people_type_them() {
    check(
        &[
            ("20 gigs", "20 GiB".to_owned()),
            ("20gigs", "20 GiB".into()),
            ("20G", "20 GiB".into()),
            ("20 GB please", "20 GiB".into()),
            ("1.5 TiB", "1.5 TiB".into()),
            ("1,5 tb", "1.5 TiB".into()),
            ("half a gig", "512 MiB".into()),
            ("a gig", "1 GiB".into()),
            ("a gig and a half", "1.5 GiB".into()),
            ("two and a half gigs", "2.5 GiB".into()),
            ("twenty five gigabytes", "25 GiB".into()),
            ("twenty-five gigabytes", "25 GiB".into()),
            ("two hundred megs", "200 MiB".into()),
            ("512 mb", "512 MiB".into()),
            ("1,024 MB", "1 GiB".into()),
            ("30", "30 GiB".into()),
            ("make it 30", "30 GiB".into()),
            ("a 20 gig", "20 GiB".into()),
            ("about 20 gigs i guess", "-".into()),
            ("½ gig", "512 MiB".into()),
            ("1/2 tb", "512 GiB".into()),
            ("2048 bytes", "2 KiB".into()),
            ("-5 gigs", "-".into()),
            ("20 euros", "-".into()),
            ("\"20 gigs\"", "-".into()),
            ("999999999999999 EB", "-".into()),
        ],
        |text| said(Kind::Size, text),
    );
}

#[test]
fn changes_of_size_say_to_by_or_times() {
    check(
        &[
            ("40 GB", "40 GiB".to_owned()),
            ("to 40 GB", "40 GiB".into()),
            ("10 gigs more", "+10 GiB".into()),
            ("10 more gigs", "+10 GiB".into()),
            ("another 10 gigs", "+10 GiB".into()),
            ("by 10 gigs", "+10 GiB".into()),
            ("add 10G", "+10 GiB".into()),
            ("+10G", "+10 GiB".into()),
            ("10 gigs bigger", "+10 GiB".into()),
            ("5 gigs less", "-5 GiB".into()),
            ("10 % more", "+10 %".into()),
            ("by 10%", "+10 %".into()),
            ("10 percent smaller", "-10 %".into()),
            ("twice", "2 ×".into()),
            ("double the size", "2 ×".into()),
            ("3 times", "3 ×".into()),
            ("half the size", "-50 %".into()),
            ("90 %", "-".into()),
        ],
        |text| said(Kind::SizeChange, text),
    );
}

#[test]
fn counts_percentages_and_durations() {
    check(
        &[
            ("4", "4".to_owned()),
            ("four", "4".into()),
            ("a dozen", "12".into()),
            ("1.5", "-".into()),
            ("2 please", "2".into()),
        ],
        |text| said(Kind::Count, text),
    );
    check(
        &[("90%", "90 %".to_owned()), ("90 %", "90 %".into()), ("ninety percent", "90 %".into()), ("90", "-".into())],
        |text| said(Kind::Percent, text),
    );
    check(
        &[
            ("5 minutes", "5 min".to_owned()),
            ("for 5 min", "5 min".into()),
            ("90s", "1 min 30 s".into()),
            ("1h30", "1 h 30 min".into()),
            ("1h30m", "1 h 30 min".into()),
            ("an hour and a half", "1 h 30 min".into()),
            ("half an hour", "30 min".into()),
            ("2 hours and 5 minutes", "2 h 5 min".into()),
            ("1 h 30 min", "1 h 30 min".into()),
            ("a week", "7 d".into()),
            ("3 months", "90 d".into()),
            ("a couple of days", "2 d".into()),
            ("5", "-".into()),
        ],
        |text| said(Kind::Duration, text),
    );
}

/// It is Friday, 20 November 2026, 12:00:30 in Berlin.
#[test]
fn points_in_time_are_resolved_where_the_asker_is() {
    check(
        &[
            ("in 20 minutes", "2026-11-20 12:20:30".to_owned()),
            ("20 minutes from now", "2026-11-20 12:20:30".into()),
            ("in half an hour", "2026-11-20 12:30:30".into()),
            ("in 2 months", "2027-01-20 12:00:30".into()),
            ("2 hours ago", "2026-11-20 10:00:30".into()),
            ("now", "2026-11-20 12:00:30".into()),
            ("tomorrow at 8", "2026-11-21 08:00".into()),
            ("tomorrow 8am", "2026-11-21 08:00".into()),
            ("at 8 tomorrow", "2026-11-21 08:00".into()),
            ("tomorrow morning", "2026-11-21 08:00".into()),
            ("tomorrow at 8 in the evening", "2026-11-21 20:00".into()),
            ("tonight at 8", "2026-11-20 20:00".into()),
            ("tonight", "2026-11-20 20:00".into()),
            ("tonight at 2", "2026-11-21 02:00".into()),
            ("at 22:00", "2026-11-20 22:00".into()),
            ("22:00", "2026-11-20 22:00".into()),
            ("22h30", "2026-11-20 22:30".into()),
            ("8pm", "2026-11-20 20:00".into()),
            ("8:30 pm", "2026-11-20 20:30".into()),
            ("at 8.30pm", "2026-11-20 20:30".into()),
            ("at 8", "2026-11-21 08:00".into()),
            ("at eight o'clock", "2026-11-21 08:00".into()),
            ("noon", "2026-11-21 12:00".into()),
            ("at midnight", "2026-11-21 00:00".into()),
            ("monday at 9", "2026-11-23 09:00".into()),
            ("on monday", "2026-11-23 *".into()),
            ("friday", "2026-11-27 *".into()),
            ("friday at 18:00", "2026-11-20 18:00".into()),
            ("next friday", "2026-11-27 *".into()),
            ("last friday", "2026-11-13 *".into()),
            ("since friday", "2026-11-13 *".into()),
            ("since 8", "-".into()),
            ("yesterday", "2026-11-19 *".into()),
            ("last night", "2026-11-19 22:00".into()),
            ("tomorrow", "2026-11-21 *".into()),
            ("24 december", "2026-12-24 *".into()),
            ("december 24th at 6pm", "2026-12-24 18:00".into()),
            ("the 24th of december 2027", "2027-12-24 *".into()),
            ("the 1st", "2026-12-01 *".into()),
            ("24.12.2026", "2026-12-24 *".into()),
            ("2026-12-24 08:00", "2026-12-24 08:00".into()),
            ("2026-12-24T08:00", "2026-12-24 08:00".into()),
            ("next week", "2026-11-23 *".into()),
            ("next month", "2026-12-01 *".into()),
            ("saturday at 2", "2026-11-21 02:00".into()),
            ("at 25:00", "-".into()),
            ("soon", "-".into()),
            ("8", "-".into()),
        ],
        |text| match parse(Kind::When, text, &cx()) {
            Some(Value::When(when)) if when.day_only => format!("{} *", when.at.date()),
            Some(value) => value.to_string().replace(" Europe/Berlin", ""),
            None => "-".into(),
        },
    );
}

#[test]
fn recurrences() {
    check(
        &[
            ("every weekday at 22:00", "every weekday at 22:00".to_owned()),
            ("at 22:00 every weekday", "every weekday at 22:00".into()),
            ("on weekdays at 10pm", "every weekday at 22:00".into()),
            ("every day at 8", "every day at 08:00".into()),
            ("daily at 8", "every day at 08:00".into()),
            ("every night", "every day at 22:00".into()),
            ("every night at 3", "every day at 03:00".into()),
            ("every monday and thursday at 8am", "every Monday, Thursday at 08:00".into()),
            ("every mon, wed, fri at 06:30", "every Monday, Wednesday, Friday at 06:30".into()),
            ("sundays at 4", "every Sunday at 04:00".into()),
            ("every hour", "every 1 h".into()),
            ("hourly", "every 1 h".into()),
            ("every 2 hours", "every 2 h".into()),
            ("every 15 min", "every 15 min".into()),
            ("every week on sunday at 4", "every Sunday at 04:00".into()),
            ("weekly", "every 7 d".into()),
            ("every day", "every day".into()),
            ("monthly on the 1st at 8", "monthly on the 1st at 08:00".into()),
            ("on the 1st of every month", "monthly on the 1st".into()),
            ("weekends at noon", "every weekend at 12:00".into()),
            ("every gig", "-".into()),
        ],
        |text| said(Kind::Recurrence, text),
    );
}

#[test]
fn a_recurrence_knows_when_it_is_due() {
    let cx = cx();
    check(
        &[
            ("every weekday at 22:00", "2026-11-20T22:00:00".to_owned()),
            ("every weekday at 8", "2026-11-23T08:00:00".into()),
            ("every friday at 12", "2026-11-27T12:00:00".into()),
            ("every 2 hours", "2026-11-20T14:00:30".into()),
            ("monthly on the 31st", "2026-11-30T00:00:00".into()),
        ],
        |text| match parse(Kind::Recurrence, text, &cx) {
            Some(Value::Recurrence(recurrence)) => recurrence.next(&cx.now).unwrap().datetime().to_string(),
            other => format!("{other:?}"),
        },
    );
}

#[test]
fn selectors_say_which_machines() {
    check(
        &[
            ("web1", "web1".to_owned()),
            ("WEB1", "web1".into()),
            ("web1 and web2", "web1, web2".into()),
            ("web1, web2 and db", "web1, web2, \"db\"".into()),
            ("web9", "web9".into()),
            ("cache-1", "Cache-1".into()),
            ("yourself", "yourself".into()),
            ("it", "it".into()),
            ("that one", "it".into()),
            ("the same", "the same".into()),
            ("the same host", "the same".into()),
            ("all", "all machines".into()),
            ("everything", "all machines".into()),
            ("all vms", "all machines".into()),
            ("every machine", "all machines".into()),
            ("all vms that are off", "all machines that are off".into()),
            ("the stopped vms", "all machines that are off".into()),
            ("all running machines", "all machines that are running".into()),
            ("everything tagged test", "all machines tagged \"test\"".into()),
            ("all debian vms", "all machines with debian".into()),
            ("web*", "all machines called web*".into()),
            ("all vms except db", "all machines except \"db\"".into()),
            ("everything but db and web1", "all machines except \"db\", web1".into()),
            ("the second one", "the number 2".into()),
            ("the last one", "the last".into()),
            ("number 3", "the number 3".into()),
            ("the first and the third", "the number 1 and number 3".into()),
            ("both", "the number 1 and number 2".into()),
            ("the db", "\"db\"".into()),
            ("the vnc", "\"vnc\"".into()),
            ("vm db", "\"db\"".into()),
            ("my old vm", "\"my old vm\"".into()),
            ("nothing at all", "-".into()),
        ],
        |text| said(Kind::Machines, text),
    );
}

#[test]
fn machines_whose_names_look_like_words() {
    let names =
        |names: &[&str]| Some(Value::Machines(Selector::Names(names.iter().map(|name| (*name).to_owned()).collect())));
    check(
        &[
            // A word of the language wins …
            ("it", Some(Value::Machines(Selector::It))),
            ("all", Some(Value::Machines(Selector::All))),
            // … unless quoted, or where only a name may stand.
            ("\"it\"", names(&["it"])),
            ("\"all\"", names(&["all"])),
            ("vm it", names(&["it"])),
            ("the machine called all", names(&["all"])),
            ("machine stop", names(&["stop"])),
            ("vm 42", names(&["42"])),
            ("stop", names(&["stop"])),
            ("me", names(&["me"])),
            ("yes", names(&["yes"])),
            ("delete-me", names(&["delete-me"])),
            ("42", names(&["42"])),
            ("stop and yes", names(&["stop", "yes"])),
        ],
        |text| parse(Kind::Machines, text, &cx()),
    );
    for name in ["it", "all", "stop", "me", "yes", "delete-me", "42"] {
        assert_eq!(said(Kind::Name(Of::Machine), name), name, "only a name may stand here");
    }
}

#[test]
fn names_are_one_word_unless_quoted_or_known() {
    check(
        &[
            ("data", "data".to_owned()),
            ("call it data", "data".into()),
            ("\"my data\"", "my data".into()),
            ("named data please", "data".into()),
            ("data of 20 GiB", "-".into()),
            ("before upgrade", "before upgrade".into()),
            ("Before Upgrade", "before upgrade".into()),
            ("the", "-".into()),
        ],
        |text| said(Kind::Name(Of::Snapshot), text),
    );
    check(&[("call it data", "data".to_owned()), ("web3", "web3".into()), ("web3 now", "-".into())], |text| {
        said(Kind::NewName(Of::Machine), text)
    });
}

#[test]
fn choices_addresses_and_text() {
    check(
        &[("qcow2", "qcow2".to_owned()), ("QCOW", "qcow2".into()), ("raw please", "raw".into()), ("vmdk", "-".into())],
        |text| said(Kind::Choice(&["qcow2", "raw"]), text),
    );
    check(
        &[
            ("10.1.0.0/24", "10.1.0.0/24".to_owned()),
            ("192.168.1.7", "192.168.1.7".into()),
            ("fe80::1", "fe80::1".into()),
            ("::1", "::1".into()),
            ("52:54:00:AA:bb:cc", "52:54:00:aa:bb:cc".into()),
            ("300.1.1.1", "-".into()),
            ("10.1.0.0/99", "-".into()),
        ],
        |text| said(Kind::Address, text),
    );
    check(
        &[
            ("Bob@Example.org", "bob@example.org".to_owned()),
            ("ops@rooms.example.org/Bob", "ops@rooms.example.org/Bob".into()),
            ("example.org", "example.org".into()),
            ("bob", "-".into()),
        ],
        |text| said(Kind::Jid, text),
    );
    assert_eq!(said(Kind::Text, "  the mail server, please  "), "the mail server, please");
    assert_eq!(said(Kind::Text, "\"the mail server\""), "the mail server");
    assert_eq!(said(Kind::Topic, "snapshots please"), "snapshots");
}

#[test]
fn values_are_found_in_running_text() {
    let cx = cx();
    let text = "20 gigs, call it data. No, make that 30 GB on web1 tomorrow at 8!";
    let spans = |kind| -> Vec<&str> { find(kind, text, &cx).into_iter().map(|found| &text[found.span]).collect() };
    assert_eq!(spans(Kind::Size), ["20 gigs", "30 GB"]);
    assert_eq!(spans(Kind::When), ["tomorrow at 8"]);
    assert_eq!(spans(Kind::Name(Of::Machine)), ["web1"]);
    let stopped = find(Kind::Machines, "please start all stopped vms now", &cx);
    assert!(
        matches!(&stopped[0].value, Value::Machines(Selector::Where { state: Some(State::Off), .. })),
        "{stopped:?}"
    );
    let named = "create a disk called data";
    assert_eq!(find(Kind::NewName(Of::Disk), named, &cx)[0].value, Value::Name("data".into()));
}

#[test]
fn the_longest_text_is_a_thousand_characters() {
    let long = "20 ".repeat(400);
    assert_eq!(parse(Kind::Size, &long, &cx()), None);
    assert!(find(Kind::Size, &long, &cx()).is_empty());
}
