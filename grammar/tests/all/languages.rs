//! In which language a text is written.

use grammar::language::{Languages, guess};

use crate::{ENGLISH, FRENCH, check};

const SAMPLES: [(&str, &str); 2] = [
    ("en", "grow the disk of the mail box|which machines are busy|our backup is gone"),
    ("fr", "agrandis le disque du serveur mail|quelles machines sont occupées|notre copie a disparu"),
];

fn languages() -> Languages {
    let texts =
        |of: &str| SAMPLES.iter().filter(|(name, _)| *name == of).flat_map(|(_, texts)| texts.split('|')).collect();
    Languages::new([("en", &*ENGLISH, texts("en")), ("fr", &*FRENCH, texts("fr"))])
}

const TABLE: [(&str, Option<&str>); 34] = [
    ("restart the server please", Some("en")),
    ("can you reboot web1?", Some("en")),
    ("what's your ip", Some("en")),
    ("don't stop db", Some("en")),
    ("how are you", Some("en")),
    ("yes please", Some("en")),
    ("thanks", Some("en")),
    ("shut down all vms", Some("en")),
    ("who are you?", Some("en")),
    ("create a disk of 20 gigs", Some("en")),
    ("speak english", Some("en")),
    ("redémarre web1 stp", Some("fr")),
    ("redemarre web1", Some("fr")),
    ("tu peux rebooter web1 ?", Some("fr")),
    ("c'est quoi ton ip", Some("fr")),
    ("n'éteins pas db", Some("fr")),
    ("éteins-toi", Some("fr")),
    ("qu'est-ce qui tourne", Some("fr")),
    ("oui vas-y", Some("fr")),
    ("quelle heure est-il", Some("fr")),
    ("toutes les vm éteintes", Some("fr")),
    ("crée un disque de 20 gigas", Some("fr")),
    ("reboot de web1 svp", Some("fr")),
    ("merci beaucoup", Some("fr")),
    ("web1", None),
    ("20", None),
    ("reboot web1", None),
    ("status", None),
    ("ok", None),
    ("snapshot db", None),
    ("stop", None),
    ("2048", None),
    ("", None),
    ("\"redémarre la machine\"", None),
];

#[test]
fn a_language_is_told_by_its_words() {
    let languages = languages();
    check(&TABLE, |text| languages.guess(text));
}

#[test]
fn the_lexicons_alone_tell_it_too() {
    let pair = [("en", &*ENGLISH), ("fr", &*FRENCH)];
    check(&TABLE, |text| guess(text, &pair));
}
