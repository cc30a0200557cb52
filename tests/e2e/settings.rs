//! Wrong configurations, each met by the program itself: the file, the line and the key are named, and what would be right; and it
//! ends with exit code 2, having done nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tests::servers::atoll::command;

/// The line that is wrong ends with `#! key: words of what is said`. `DIR` is a folder, with some files in it.
const WRONG: &[&str] = &[
    // No TOML.
    "language = en #! language: string values must be quoted",
    "language \"en\" #! language: ",
    "[xmpp #! xmpp: \nsecret = \"s\"",
    "[policy]\nmost_at_once = #! most_at_once: ",
    "language = \"en #! language: \nx = 1",
    "language = \"en\"\nlanguage = \"fr\" #! language: duplicate key",
    "[policy]\n[policy] #! policy: duplicate key",
    "[store]\npath = \"C:\\data\" #! path: ",
    // Keys that there are not.
    "langauge = \"en\" #! langauge: did you mean `language`?",
    "[xmpp]\nsecret = \"s\"\ndomian = \"vms.example.org\" #! domian: did you mean `domain`?",
    "[xmpp]\nsecret = \"s\"\nserver = \"127.0.0.1:5347\" #! server: did you mean `servers`?",
    "[[hypervisor]]\nname = \"hv1\"\nurl = \"test:///default\" #! url: did you mean `uri`?",
    "[[access]]\nwho = \"alice@example.org\"\nrole = \"admin\"\nscope = \"all\" #! scope: known: who, role",
    "[[room]]\nadress = \"ops@rooms.example.org\" #! adress: did you mean `address`?",
    "[stroe] #! stroe: did you mean `store`?\npath = \"/var/lib/atoll\"",
    "keep_days = 3 #! keep_days: unknown field",
    // Of another kind.
    "[policy]\nask_disruptive = \"no\" #! ask_disruptive: expected a boolean, as in: ask_disruptive = false",
    "[policy]\nmost_at_once = \"ten\" #! most_at_once: as in: most_at_once = 10",
    "[policy]\nmost_at_once = 2.5 #! most_at_once: ",
    "[libvirt]\nread_timeout = \"5s\" #! read_timeout: as in: read_timeout = 5",
    "[libvirt]\nwrite_timeout = -1 #! write_timeout: ",
    "[store]\nkeep_days = 99999999999 #! keep_days: ",
    "[store]\npath = 5 #! path: expected",
    "[xmpp]\nsecret = \"s\"\nservers = \"127.0.0.1:5347\" #! servers: as in: servers = [\"127.0.0.1:5347\"]",
    "[xmpp]\nsecret = \"s\"\nservers = [5347] #! servers: ",
    "[xmpp]\nsecret = 1234 #! secret: has to be a string",
    "[xmpp]\nsecret = \"s\"\nallow_cleartext = \"yes\" #! allow_cleartext: ",
    "xmpp = 3 #! xmpp: ",
    "[hypervisor] #! hypervisor: write [[hypervisor]], with two brackets\nname = \"hv1\"\nuri = \"test:///default\"",
    "[access] #! access: write [[access]]\nwho = \"alice@example.org\"\nrole = \"admin\"",
    "[[xmpp]] #! xmpp: \nsecret = \"s\"",
    "[[access]]\nwho = \"alice@example.org\"\nrole = \"king\" #! role: known: viewer, operator, admin",
    "[[access]]\nwho = \"alice@example.org\"\nrole = \"Admin\" #! role: did you mean `admin`?",
    // Not there.
    "[[hypervisor]] #! hypervisor: missing field `uri`\nname = \"hv1\"",
    "[[access]] #! access: missing field `role`\nwho = \"alice@example.org\"",
    "[[room]] #! room: missing field `address`\nas = \"hv1\"",
    "[xmpp] #! secret: there is no secret\ndomain = \"vms.example.org\"",
    "[xmpp]\nsecret = \"\" #! secret: there is no secret",
    "[xmpp]\nsecret = \"…\" #! secret: only holds the place of a secret",
    "[xmpp]\nsecret = \"changeme\" #! secret: only holds the place of a secret",
    "[xmpp]\nsecret = \" s \" #! secret: begins or ends with a space",
    "[xmpp]\nsecret = \"s\" #! secret: leave one of both out\nsecret_file = \"DIR/secret\"",
    "[xmpp]\nsecret_file = \"DIR/none\" #! secret_file: can't read",
    "[xmpp]\nsecret_file = \"DIR\" #! secret_file: is no plain file",
    "[xmpp]\nsecret_file = \"/dev/zero\" #! secret_file: is no plain file",
    "[xmpp]\nsecret_file = \"DIR/empty\" #! secret_file: is empty",
    "[xmpp]\nsecret_file = \"DIR/open\" #! secret_file: everybody on this machine can read",
    "[xmpp]\nsecret_file = \"secret\" #! secret_file: write the whole path",
    "hypervisor = [] #! hypervisor: there is nothing to talk to",
    // Values that can't work.
    "language = \"tlh\" #! language: known: en, fr",
    "language = \"\" #! language: known: en, fr",
    "time_zone = \"Europe/Pariss\" #! time_zone: did you mean \"Europe/Paris\"?",
    "time_zone = \"Mars/Olympus\" #! time_zone: no such time zone",
    "[xmpp]\nsecret = \"s\"\nservers = [] #! servers: name at least one",
    "[xmpp]\nsecret = \"s\"\nservers = [\"127.0.0.1\"] #! servers: is no host and port",
    "[xmpp]\nsecret = \"s\"\nservers = [\n  \"127.0.0.1:5347\",\n  \"localhost:seven\", #! servers: is no host and port\n]",
    "[xmpp]\nsecret = \"s\"\nservers = [\"127.0.0.1:0\"] #! servers: is no host and port",
    "[xmpp]\nsecret = \"s\"\nservers = [\"xmpp://127.0.0.1:5347\"] #! servers: is no host and port",
    "[xmpp]\nsecret = \"s\"\nservers = [\"::1:5347\"] #! servers: is no host and port",
    "[xmpp]\nsecret = \"s\"\nservers = [\"192.0.2.7:5347\"] #! servers: set tls, or allow_cleartext",
    "[xmpp]\nsecret = \"s\"\nservers = [\"127.0.0.1:1\", \"127.0.0.1:1\"] #! servers: twice",
    "[xmpp]\nsecret = \"s\"\ndomain = \"\" #! domain: is no domain",
    "[xmpp]\nsecret = \"s\"\ndomain = \"hv1@vms.example.org\" #! domain: is an address",
    "[xmpp]\nsecret = \"s\"\ndomain = \"vms.example.org:5347\" #! domain: is no domain",
    "[xmpp]\nsecret = \"s\"\ntls = \"DIR/none\" #! tls: can't be read",
    "[xmpp]\nsecret = \"s\"\ntls = \"DIR/secret\" #! tls: no certificate in",
    "[xmpp]\nsecret = \"s\"\ntls = \"yes\" #! tls: write the whole path",
    "[xmpp]\nsecret = \"s\"\ntls = \"sha256:abc\" #! tls: 64 hex digits",
    "[[hypervisor]]\nname = \"\" #! name: is one word\nuri = \"test:///default\"",
    "[[hypervisor]]\nname = \"hv\\u202e1\" #! name: \"hvU+202E1\": the name has the character U+202E\nuri = \"test:///default\"",
    "[[hypervisor]]\nname = \"my host\" #! name: is one word\nuri = \"test:///default\"",
    "[[hypervisor]]\nname = \"hv1\"\nuri = \"test:///default\"\n[[hypervisor]]\nname = \"HV1\" #! name: two hypervisors are called HV1\nuri = \"qemu:///system\"",
    "[[hypervisor]]\nname = \"hv1\"\nuri = \"\" #! uri: is no libvirt URI",
    "[[hypervisor]]\nname = \"hv1\"\nuri = \"qemu\\u001b[2J\" #! uri: \"qemuU+001B[2J\" is no libvirt URI",
    "[[hypervisor]]\nname = \"hv1\"\nuri = \"qemu\" #! uri: is no libvirt URI",
    "[[hypervisor]]\nname = \"hv1\"\nuri = \"qemu:/system\" #! uri: is no libvirt URI",
    "[[hypervisor]]\nname = \"hv1\"\nuri = \"qemu:///sys tem\" #! uri: is no libvirt URI",
    "[[hypervisor]]\nname = \"hv1\"\nuri = \"test:///default\"\n[[hypervisor]]\nname = \"hv2\"\nuri = \"test:///default\" #! uri: hv1 is the same host",
    "[[access]]\nwho = \"\" #! who: neither an address\nrole = \"admin\"",
    "[[access]]\nwho = \"alice\" #! who: neither an address\nrole = \"admin\"",
    "[[access]]\nwho = \"*@example.org\" #! who: everybody at a domain is \"@example.org\"\nrole = \"admin\"",
    "[[access]]\nwho = \"@\" #! who: neither an address\nrole = \"admin\"",
    "[[access]]\nwho = \"alice@example.org/phone\" #! who: neither an address\nrole = \"admin\"",
    "[[access]]\nwho = \"alice@example.org\"\nrole = \"admin\"\n[[access]]\nwho = \"Alice@example.org\" #! who: twice\nrole = \"viewer\"",
    "[[access]]\nwho = \"@example.org\"\nrole = \"admin\"\n[[access]]\nwho = \"@EXAMPLE.org\" #! who: twice\nrole = \"viewer\"",
    "[[room]]\naddress = \"\" #! address: is no room address",
    "[[room]]\naddress = \"rooms.example.org\" #! address: is no room address",
    "[[room]]\naddress = \"ops@rooms.example.org/nick\" #! address: is no room address",
    "[[room]]\naddress = \"ops@rooms.example.org\"\nas = \"hv9\" #! as: there are: hv1",
    "[[room]]\naddress = \"ops@rooms.example.org\"\n[[room]]\naddress = \"Ops@rooms.example.org\" #! address: twice",
    "[policy]\nmost_at_once = 0 #! most_at_once: 1 to 10000 machines",
    "[libvirt]\nread_timeout = 0 #! read_timeout: 1 to 3600 seconds",
    "[libvirt]\nwrite_timeout = 0 #! write_timeout: 1 to 86400 seconds",
    "[libvirt]\nresync_every = 0 #! resync_every: 1 to 86400 seconds",
    "[libvirt]\nresync_every = 9999999 #! resync_every: 1 to 86400 seconds",
    "[misses]\nkeep_days = 0 #! keep_days: expected a whole number from 1 on, as in: keep_days = 30",
    "[store]\nkeep_days = -1 #! keep_days: expected a whole number that is not as big or below 0, as in: keep_days = 0",
    "[store]\nkeep_days = 40000 #! keep_days: 0 to 36500 days",
    "[store]\npath = \"\" #! path: the journal has to be somewhere",
    "[store]\npath = \"atoll\" #! path: write the whole path",
    "[store]\npath = \"./store\" #! path: write the whole path",
    "[store]\npath = \"/\" #! path: the root folder",
    "[store]\npath = \"DIR/secret\" #! path: is no folder",
    "[model]\npath = \"minilm\" #! path: write the whole path",
    "[model]\ntrained = \"trained\" #! trained: write the whole path",
    "[http]\nlisten = \"8480\" #! listen: is no address and port",
    "[http]\nlisten = \"localhost:8480\" #! listen: is no address and port",
    "[http]\nlisten = \"0.0.0.0:8480\" #! listen: put a proxy in front",
    "[http]\nwebsocket = \"http://example.org/ws\" #! websocket: is no WebSocket's URL",
    "[http]\naccounts = \"\" #! accounts: is no domain",
    "[http]\nnames = [\"https://chat.example.org\"] #! names: is no domain",
];

/// Files that configurations name.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text, mode) in [("secret", "s\n", 0o600), ("empty", "\n", 0o600), ("open", "s\n", 0o644)] {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
    }
    folder
}

/// Whatever else a configuration needs.
fn completed(text: &str) -> String {
    let mut text = format!("{text}\n");
    if !text.contains("xmpp") {
        text += "[xmpp]\nsecret = \"s\"\n";
    }
    if !text.contains("hypervisor") {
        text += "[[hypervisor]]\nname = \"hv1\"\nuri = \"test:///default\"\n";
    }
    text
}

fn said(folder: &Path, text: &str, verb: &str) -> (i32, String) {
    let file = folder.join("atoll.toml");
    fs::write(&file, text).expect("a configuration");
    command(&[verb, "--config", &file.display().to_string()], "")
}

#[test]
fn every_wrong_configuration_names_file_line_and_key_and_what_would_be_right() {
    let folder = folder();
    let mut bad = Vec::new();
    for case in WRONG {
        let text = completed(&case.replace("DIR", &folder.path().display().to_string()));
        let (line, marked) = text
            .lines()
            .enumerate()
            .find_map(|(index, line)| Some((index + 1, line.split_once("#! ")?.1)))
            .expect("one line is marked");
        let (key, words) = marked.split_once(": ").expect("key and words");
        let (code, said) = said(folder.path(), &text, "run");
        let begin = format!("atoll: {}, line {line}: `{key}`: ", folder.path().join("atoll.toml").display());
        if code != 2 || !said.starts_with(&begin) || !said.contains(words) || said.trim_end().lines().count() != 1 {
            bad.push(format!("{text}\nexpected {begin}…{words}…\n{code}: {said}"));
        }
    }
    assert!(bad.is_empty(), "{} of {}:\n{}", bad.len(), WRONG.len(), bad.join("\n---\n"));
}

#[test]
fn a_file_that_is_not_there_or_no_text_is_named() {
    let folder = folder();
    let (code, said) = command(&["run", "--config", "/nowhere/atoll.toml"], "");
    assert!(code == 2 && said.contains("/nowhere/atoll.toml") && said.contains("atoll init"), "{code}: {said}");
    let file = folder.path().join("atoll.toml");
    fs::write(&file, b"language = \"en\"\ntime_zone = \"\xff\"\n").expect("written");
    let (code, said) = command(&["run", "--config", &file.display().to_string()], "");
    let place = format!("{}, line 2: `time_zone`: ", file.display());
    assert!(code == 2 && said.contains(&place) && said.contains("UTF-8"), "{code}: {said}");
    let (code, said) = command(&["run", "--config", &folder.path().display().to_string()], "");
    assert!(code == 2 && said.contains(&folder.path().display().to_string()), "{code}: {said}");
}

#[test]
fn what_init_writes_is_refused_until_it_is_filled_in_by_run_and_doctor_alike() {
    let folder = folder();
    let file = folder.path().join("new.toml");
    let path = file.display().to_string();
    assert_eq!(command(&["init", &path], "").0, 0);
    assert_eq!(fs::metadata(&file).expect("written").permissions().mode() & 0o777, 0o600, "a secret will stand in it");
    let line =
        1 + fs::read_to_string(&file).expect("text").lines().position(|line| line == "secret = \"\"").expect("there");
    for verb in ["run", "doctor"] {
        let (code, said) = command(&[verb, "--config", &path], "");
        assert_eq!(code, 2, "{verb}: {said}");
        assert!(said.contains(&format!("{path}, line {line}: `secret`: there is no secret")), "{verb}: {said}");
        assert!(said.contains("`hypervisor`: there is none"), "{verb}: {said}");
    }
    let (code, said) = command(&["chat", "--config", &path, "--say", "list"], "");
    assert!(code == 2 && said.contains("`hypervisor`: there is none") && !said.contains("secret"), "{code}: {said}");
    // Who only looks something up needs neither.
    assert_eq!(command(&["misses", "--config", &path], "").0, 0);
}

#[test]
fn an_empty_place_for_the_store_writes_nothing_into_the_working_folder() {
    let folder = folder();
    let before: Vec<_> = fs::read_dir(".").expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    for verb in ["run", "chat", "doctor", "misses"] {
        let (code, said) = said(folder.path(), &completed("[store]\npath = \"\""), verb);
        assert!(code == 2 && said.contains("`path`: there is none"), "{verb}: {code}: {said}");
    }
    let after: Vec<_> = fs::read_dir(".").expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(after, before);
}
