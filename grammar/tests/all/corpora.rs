//! Corpus files, right and wrong.

use grammar::corpus::parse;

const DISK: &str = "\
// All words about new disks.

# disk.create — New disks
= create [a] [new] (disk|drive)
    {[called <name>]; [of <size>]}
= create a <size> (disk|drive)
+ i need another [20 gig](size) drive
+ Ein [größeres](size) Laufwerk, [daten](name)!
+ a plain one [with a bracket
! delete that drive                        -> disk.delete
! what a nice drive
? size: How big should it be?
? name: What should it be called?
> created: {$actor} has just created a new drive named \"{$name}\", {$size}.
> listed: { $count ->
        [one] One disk.
       *[other] {$count} disks.
    }

# disk.delete
= delete (disk|drive) <name>
";

#[test]
fn a_file_holds_all_words_of_its_skills() {
    let file = parse("disk.txt", DISK).unwrap();
    let [create, delete] = file.skills.as_slice() else { panic!("{file:?}") };
    assert_eq!((create.id.as_str(), create.line, create.title.as_deref()), ("disk.create", 3, Some("New disks")));
    assert_eq!(create.patterns[0].value, "create [a] [new] (disk|drive) {[called <name>]; [of <size>]}");
    assert_eq!((create.patterns[1].line, create.patterns.len()), (6, 2));
    let german = &create.examples[1];
    assert_eq!(german.text, "Ein größeres Laufwerk, daten!");
    let filled: Vec<(&str, &str)> =
        german.slots.iter().map(|(span, slot)| (&german.text[span.clone()], slot.as_str())).collect();
    assert_eq!(filled, [("größeres", "size"), ("daten", "name")]);
    assert_eq!(create.examples[2].text, "a plain one [with a bracket");
    let missed: Vec<_> =
        create.near_misses.iter().map(|miss| (miss.text.as_str(), miss.belongs_to.as_deref())).collect();
    assert_eq!(missed, [("delete that drive", Some("disk.delete")), ("what a nice drive", None)]);
    assert_eq!(create.questions["size"].value, "How big should it be?");
    assert!(create.replies["created"].value.starts_with("{$actor} has just created"));
    let lines: Vec<&str> = create.replies["listed"].value.lines().collect();
    assert_eq!(lines, ["{ $count ->", "        [one] One disk.", "       *[other] {$count} disks.", "    }"]);
    assert_eq!((delete.id.as_str(), delete.title.as_deref(), delete.patterns[0].line), ("disk.delete", None, 21));
}

#[test]
fn windows_line_ends_and_a_missing_last_one_are_fine() {
    let windows = parse("disk.txt", DISK.trim_end().replace('\n', "\r\n").as_str()).unwrap();
    let unix = parse("disk.txt", DISK).unwrap();
    assert_eq!(windows.skills[0].patterns, unix.skills[0].patterns);
    assert_eq!(windows.skills[0].examples, unix.skills[0].examples);
    assert_eq!(windows.skills[1], unix.skills[1]);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    for (text, expected) in [
        ("= create", "f:1:1: expected \"# id\" before the first pattern"),
        ("# Disk.Create\n", "f:1:3: expected \"# id\" or \"# id — title\", the id in lower case like disk.create"),
        ("# a\n* b\n", "f:2:1: expected a line that begins with #, =, +, !, ?, ~, > or //"),
        ("# a\n? How big?\n", "f:2:3: expected \"? slot: question\""),
        ("# a\n> created\n", "f:2:1: expected \"> id: text\""),
        (
            "# a\n+ b\n  c\n",
            "f:3:3: an indented line goes on with a \"=\", \"?\", \"~\" or \">\" line, and there is none before it",
        ),
        ("# a\n# b\n# a\n", "f:3:1: the skill \"a\" was begun before, in line 1"),
        ("# a\n> b: c\n> b: d\n", "f:3:1: the reply \"b\" stands already in line 2"),
    ] {
        assert_eq!(parse("f", text).unwrap_err().to_string(), expected);
    }
}
