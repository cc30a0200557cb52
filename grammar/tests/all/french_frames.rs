//! Utterances and replies in French taken apart, and command patterns with joined pronouns.

use grammar::{
    answer::{Answer, Answer::*, answer, control},
    frame::frame,
    kind::{Kind, Of},
    pattern::{Pattern, Patterns},
    selector::LAST,
};

use crate::{check, french};

#[test]
fn polite_words_are_taken_off_and_verbs_made_commands() {
    check(
        &[
            ("tu peux redémarrer web1 stp ?", "redémarrer web1"),
            ("est-ce que tu pourrais me cloner web1 en web4 ?", "cloner web1 en web4"),
            ("pourriez-vous, s'il vous plaît, éteindre db ?", "éteindre db"),
            ("Bonjour, peux-tu créer un disque ?", "créer un disque"),
            ("s'il te plaît redémarre", "redémarre"),
            ("peux-tu la redémarrer ?", "redémarrer la"),
            ("tu peux t'éteindre ?", "éteindre t"),
            ("je voudrais que web1 redémarre", "redémarrer web1"),
            ("il faut que la vm web1 soit éteinte ce soir", "éteindre la vm web1 ce soir"),
            ("j'aimerais que tu éteignes web1", "éteindre web1"),
            ("je veux que tu t'éteignes", "éteins-toi"),
            ("peux-tu redémarré web1", "redémarrer web1"),
            ("web1 redémarre stp", "redémarre web1"),
            ("j'ai besoin de redémarrer web1", "redémarrer web1"),
            ("non, arrête web1", "arrête web1"),
            ("merci de redémarrer web1", "redémarrer web1"),
            ("éteins-toi", "éteins-toi"),
            ("arrête-la", "arrête-la"),
            ("je peux avoir l'ip de web1 ?", "l'ip de web1"),
            ("comment on redémarre ?", "comment on redémarre"),
            ("n'éteins pas db", "n'éteins pas db"),
            ("je veux web1 éteinte", "je veux web1 éteinte"),
            ("merci", "merci"),
        ],
        |text| frame(text, &french()).parts[0].text.clone().leak() as &str,
    );
}

#[test]
fn several_requests_in_one_utterance_are_parts() {
    check(
        &[
            ("fais un snapshot, puis redémarre", vec!["fais un snapshot", "redémarre"]),
            ("fais un snapshot et ensuite redémarre", vec!["fais un snapshot", "redémarre"]),
            ("arrête web1 et démarre web2", vec!["arrête web1", "démarre web2"]),
            ("tu peux arrêter web1 et démarrer web2 ?", vec!["arrêter web1", "démarrer web2"]),
            ("arrête web1 et web2", vec!["arrête web1 et web2"]),
            ("arrête web1, après ça démarre web2", vec!["arrête web1", "démarre web2"]),
            ("redémarre. Merci !", vec!["redémarre"]),
            ("redémarre ! n'éteins pas db", vec!["redémarre", "n'éteins pas db"]),
            ("crée un disque appelé \"un ; deux\"", vec!["crée un disque appelé \"un ; deux\""]),
        ],
        |text| frame(text, &french()).parts.into_iter().map(|part| part.text.leak() as &str).collect(),
    );
}

#[test]
fn somebody_is_addressed_only_when_it_is_clear() {
    check(
        &[
            ("web1 : redémarre", (Some("web1"), "redémarre")),
            ("web1, redémarre stp", (Some("web1"), "redémarre")),
            ("salut web1, redémarre", (Some("web1"), "redémarre")),
            ("@bob redémarre-la", (Some("bob"), "redémarre-la")),
            ("redémarre, web1", (Some("web1"), "redémarre")),
            ("redémarre web1", (None, "redémarre web1")),
            ("arrête : redémarre", (None, "arrête : redémarre")),
        ],
        |text| {
            let frame = frame(text, &french());
            (frame.addressee.map(|name| name.leak() as &str), frame.parts[0].text.clone().leak() as &str)
        },
    );
}

#[test]
fn questions_are_marked() {
    check(
        &[
            ("quelle est ton ip", true),
            ("es-tu allumée", true),
            ("qu'est-ce qui tourne", true),
            ("ça tourne ?", true),
            ("peux-tu redémarrer ?", false),
            ("redémarre", false),
        ],
        |text| frame(text, &french()).parts[0].question,
    );
}

#[test]
fn replies_are_read_as_people_type_them() {
    let right = |text: &str| Correction(text.into());
    check(
        &[
            ("oui", Yes),
            ("Oui !", Yes),
            ("ouais", Yes),
            ("ok", Yes),
            ("ok vas-y", Yes),
            ("vas-y", Yes),
            ("d'accord", Yes),
            ("ça marche", Yes),
            ("c'est bon", Yes),
            ("oui merci", Yes),
            ("oui s'il te plaît", Yes),
            ("pas de problème", Yes),
            ("pourquoi pas", Yes),
            ("fais-le", Yes),
            ("👍", Yes),
            ("non", No),
            ("nan", No),
            ("non merci", No),
            ("surtout pas", No),
            ("pas maintenant", No),
            ("ne le fais pas", No),
            ("laisse tomber", Cancel),
            ("annule", Cancel),
            ("pas la peine", Cancel),
            ("oublie ça", Cancel),
            ("non laisse tomber", Cancel),
            ("ok, annule", Cancel),
            ("par défaut", Skip),
            ("passe", Skip),
            ("comme tu veux", Skip),
            ("peu importe", Skip),
            ("quoi ?", Repeat),
            ("répète", Repeat),
            ("pardon ?", Repeat),
            ("c'est-à-dire ?", Repeat),
            ("hein ?", Repeat),
            ("2", Nth(vec![2])),
            ("la deuxième", Nth(vec![2])),
            ("le 2", Nth(vec![2])),
            ("la 2e", Nth(vec![2])),
            ("1 et 3", Nth(vec![1, 3])),
            ("numéro 2 stp", Nth(vec![2])),
            ("la première et la dernière", Nth(vec![1, LAST])),
            ("les deux", Both),
            ("toutes les deux", Both),
            ("tout", All),
            ("toutes", All),
            ("non, 30", right("30")),
            ("Non, mets plutôt 30.", right("30")),
            ("plutôt 30", right("30")),
            ("je voulais dire web2", right("web2")),
            ("pardon, 30 gigas", right("30 gigas")),
            ("en fait 30", right("30")),
            ("30 plutôt", right("30")),
            ("pas 20, 30", right("30")),
            ("30, pas 20", right("30")),
            ("ok mais 30", right("30")),
            ("annule ça", Cancel),
            ("reviens en arrière", Undo),
            ("stop", Stop),
            ("arrête", Stop),
            ("attends", Stop),
            ("arrête web1", Other),
            ("20 gigas", Other),
            ("quels pools y a-t-il ?", Other),
            ("« oui »", Other),
            ("web1", Other),
        ],
        |text: &str| -> Answer { answer(text, &french()) },
    );
}

/// "annule" drops the open question, and takes back what was done when there is none.
#[test]
fn a_word_that_cancels_takes_nothing_back() {
    check(
        &[("annule", Cancel), ("annule ça stp", Cancel), ("laisse tomber", Cancel), ("reviens en arrière", Undo)],
        |text: &str| -> Answer { control(text, &french()) },
    );
}

#[test]
fn joined_pronouns_are_words_of_their_own() {
    let skills = [
        ("stop", "(arrête|arrêter|arrêtez|éteins|éteindre) [la vm] [<machine>]"),
        ("self", "éteins-toi"),
        ("ip", "[quelle est] (l'adresse|l'ip|ton ip) [(de|du|d) <machine>]"),
        ("has", "as-tu des snapshots"),
        ("runs", "[est-ce que] <machine> (tourne|tourne-t-elle)"),
        ("what", "qu'est-ce que tu fais"),
    ];
    let list = skills.iter().map(|(tag, source)| (Pattern::parse(source).unwrap(), *tag)).collect();
    let patterns = Patterns::new(list, |_: &&str, _| Some(Kind::Machines)).unwrap();
    let shown = |text: &str| {
        let readings = patterns.matches(text, &french()).into_iter();
        let one = |reading: grammar::pattern::Reading<&str>| {
            let values = reading.values.values().map(|value| format!(" {value}"));
            reading.tag.to_owned() + &values.collect::<String>()
        };
        readings.map(one).collect::<Vec<_>>().join(" | ")
    };
    check(
        &[
            ("arrête-la", "stop it".to_owned()),
            ("arrête la", "stop it".into()),
            ("arretez-la !", "stop it".into()),
            ("éteins-toi", "stop yourself | self".into()),
            ("eteins toi", "stop yourself | self".into()),
            ("éteindre t", "stop yourself".into()),
            ("arrête db-eu-3", "stop db-eu-3".into()),
            ("arrête serveur-la", "stop \"serveur-la\"".into()),
            ("arrête la vm web1", "stop web1".into()),
            ("l'adresse de web1", "ip web1".into()),
            ("l’IP d'alpha ?", "ip \"alpha\"".into()),
            ("as-tu des snapshots ?", "has".into()),
            ("as tu des snapshots", "has".into()),
            ("web1 tourne-t-elle ?", "runs web1".into()),
            ("est-ce que web1 tourne ?", "runs web1".into()),
            ("qu'est-ce que tu fais ?", "what".into()),
            ("quest-ce que tu fais", "what".into()),
        ],
        shown,
    );
    // A machine whose name looks like a verb and its pronoun keeps its name.
    let known = vec![(Of::Machine, "arrete-la".to_owned())];
    let cx = grammar::read::Context { known: &known, ..french() };
    let all: Vec<String> = cx.tokens("arrete-la").into_iter().map(|token| token.folded).collect();
    assert_eq!(all, ["arrete-la"]);
}
