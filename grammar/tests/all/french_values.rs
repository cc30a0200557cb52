//! Values as French-speaking people type them, and as they are said to them.

use grammar::{
    kind::{Kind, Of},
    read::{find, parse},
    value::Value,
};

use crate::{FRENCH, check, french};

/// The value as it is said in French, or "-".
fn said(kind: Kind, text: &str) -> String {
    parse(kind, text, &french()).map_or("-".into(), |value: Value| value.said(&FRENCH))
}

#[test]
fn sizes_are_read_as_people_type_them() {
    check(
        &[
            ("20 gigas", "20 Gio".to_owned()),
            ("20Go", "20 Gio".into()),
            ("20 go stp", "20 Gio".into()),
            ("1,5 To", "1,5 Tio".into()),
            ("1.5 to", "1,5 Tio".into()),
            ("1,500 Go", "1,5 Gio".into()),
            ("un demi giga", "512 Mio".into()),
            ("un demi-giga", "512 Mio".into()),
            ("deux gigas et demi", "2,5 Gio".into()),
            ("vingt-cinq gigas", "25 Gio".into()),
            ("quatre-vingt-dix gigas", "90 Gio".into()),
            ("quatre vingt dix neuf Go", "99 Gio".into()),
            ("soixante et onze Mo", "71 Mio".into()),
            ("deux cents Mo", "200 Mio".into()),
            ("deux cent cinquante mégas", "250 Mio".into()),
            ("une dizaine de gigas", "10 Gio".into()),
            ("un giga", "1 Gio".into()),
            ("2048 octets", "2 Kio".into()),
            ("mets 30", "30 Gio".into()),
            ("disons 40 Go", "40 Gio".into()),
            ("512 Mio", "512 Mio".into()),
            ("20 euros", "-".into()),
            ("\"20 gigas\"", "-".into()),
        ],
        |text| said(Kind::Size, text),
    );
    check(
        &[
            ("à 40 Go", "40 Gio".to_owned()),
            ("de 10 Go", "+10 Gio".into()),
            ("10 Go de plus", "+10 Gio".into()),
            ("10 gigas supplémentaires", "+10 Gio".into()),
            ("ajoute 10 Go", "+10 Gio".into()),
            ("+10 Go", "+10 Gio".into()),
            ("5 Go de moins", "-5 Gio".into()),
            ("10 % de plus", "+10 %".into()),
            ("le double", "2 ×".into()),
            ("3 fois", "3 ×".into()),
            ("la moitié", "-50 %".into()),
        ],
        |text| said(Kind::SizeChange, text),
    );
}

#[test]
fn counts_and_durations() {
    check(
        &[
            ("quatre-vingt-dix", "90".to_owned()),
            ("vingt et un", "21".into()),
            ("une douzaine", "12".into()),
            ("deux mille", "2000".into()),
            ("4", "4".into()),
        ],
        |text| said(Kind::Count, text),
    );
    check(
        &[
            ("5 minutes", "5 min".to_owned()),
            ("pour 5 min", "5 min".into()),
            ("une demi-heure", "30 min".into()),
            ("2h30", "2 h 30 min".into()),
            ("une heure et demie", "1 h 30 min".into()),
            ("deux jours", "2 j".into()),
            ("2 j 4 h", "2 j 4 h".into()),
            ("une semaine", "7 j".into()),
            ("une quinzaine de jours", "15 j".into()),
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
            ("dans 20 minutes", "20 novembre 2026 à 12:20:30".to_owned()),
            ("d'ici une demi-heure", "20 novembre 2026 à 12:30:30".into()),
            ("il y a deux heures", "20 novembre 2026 à 10:00:30".into()),
            ("maintenant", "20 novembre 2026 à 12:00:30".into()),
            ("demain à 8 h", "21 novembre 2026 à 8 h".into()),
            ("demain 8h30", "21 novembre 2026 à 8 h 30".into()),
            ("demain à 8 h 30", "21 novembre 2026 à 8 h 30".into()),
            ("demain matin", "21 novembre 2026 à 8 h".into()),
            ("après-demain à midi", "22 novembre 2026 à 12 h".into()),
            ("à 22 h", "20 novembre 2026 à 22 h".into()),
            ("22h", "20 novembre 2026 à 22 h".into()),
            ("20h", "20 novembre 2026 à 20 h".into()),
            ("à midi et demi", "20 novembre 2026 à 12 h 30".into()),
            ("à minuit", "21 novembre 2026 à 0 h".into()),
            ("8 heures et quart", "21 novembre 2026 à 8 h 15".into()),
            ("à neuf heures moins le quart", "21 novembre 2026 à 8 h 45".into()),
            ("8 h et demie du soir", "20 novembre 2026 à 20 h 30".into()),
            ("ce soir", "20 novembre 2026 à 20 h".into()),
            ("ce soir à 9h", "20 novembre 2026 à 21 h".into()),
            ("lundi matin à 9 h", "23 novembre 2026 à 9 h".into()),
            ("lundi prochain", "23 novembre 2026".into()),
            ("vendredi dernier", "13 novembre 2026".into()),
            ("depuis vendredi", "13 novembre 2026".into()),
            ("jusqu'à lundi", "23 novembre 2026".into()),
            ("la semaine prochaine", "23 novembre 2026".into()),
            ("le mois prochain", "1er décembre 2026".into()),
            ("le 24 décembre à 18h", "24 décembre 2026 à 18 h".into()),
            ("le 1er décembre", "1er décembre 2026".into()),
            ("24/12", "24 décembre 2026".into()),
            ("1er janvier 2027 à 8 h", "1er janvier 2027 à 8 h".into()),
            ("à 25:00", "-".into()),
            ("bientôt", "-".into()),
        ],
        |text| said(Kind::When, text).replace(" Europe/Berlin", ""),
    );
}

#[test]
fn recurrences() {
    check(
        &[
            ("tous les soirs à 22 h", "tous les jours à 22 h".to_owned()),
            ("tous les jours à 8h30", "tous les jours à 8 h 30".into()),
            ("chaque lundi", "tous les lundis".into()),
            ("tous les lundis et jeudis à 8h", "tous les lundis et jeudis à 8 h".into()),
            ("en semaine à 7 h", "tous les jours ouvrés à 7 h".into()),
            ("tous les jours ouvrés à 22:00", "tous les jours ouvrés à 22 h".into()),
            ("à 22 h tous les jours", "tous les jours à 22 h".into()),
            ("le week-end à midi", "tous les week-ends à 12 h".into()),
            ("chaque nuit à 3h", "tous les jours à 3 h".into()),
            ("le 1er du mois", "le 1er de chaque mois".into()),
            ("le 2 de chaque mois à 8 h", "le 2 de chaque mois à 8 h".into()),
            ("tous les 15 du mois", "le 15 de chaque mois".into()),
            ("toutes les heures", "toutes les heures".into()),
            ("toutes les 2 h", "toutes les 2 h".into()),
            ("toutes les 15 minutes", "toutes les 15 min".into()),
            ("tous les 3 jours", "tous les 3 j".into()),
            ("toutes les semaines le dimanche à 4h", "tous les dimanches à 4 h".into()),
            ("hebdomadaire", "toutes les semaines".into()),
        ],
        |text| said(Kind::Recurrence, text),
    );
}

#[test]
fn selectors_say_which_machines() {
    check(
        &[
            ("web1", "web1".to_owned()),
            ("web1 et db-eu-3", "web1 et db-eu-3".into()),
            ("la vm web1", "web1".into()),
            ("l'alpha", "alpha".into()),
            ("toutes les VM éteintes", "toutes les machines éteintes".into()),
            ("toutes celles qui tournent", "toutes les machines en marche".into()),
            ("les vm qui sont en pause", "toutes les machines en pause".into()),
            ("les machines à l'arrêt", "toutes les machines éteintes".into()),
            ("tout", "toutes les machines".into()),
            ("tout sauf db", "toutes les machines sauf db".into()),
            ("toutes sauf db et web1", "toutes les machines sauf db et web1".into()),
            ("les machines taguées test", "toutes les machines avec le tag « test »".into()),
            ("toutes les vm avec le tag prod", "toutes les machines avec le tag « prod »".into()),
            ("les vm debian éteintes", "toutes les machines éteintes sous debian".into()),
            ("web*", "toutes les machines appelées web*".into()),
            ("les deux", "le numéro 1 et le numéro 2".into()),
            ("la deuxième", "le numéro 2".into()),
            ("n°2", "le numéro 2".into()),
            ("la première et la dernière", "le numéro 1 et la dernière".into()),
            ("elle", "elle".into()),
            ("la", "elle".into()),
            ("celle-là", "elle".into()),
            ("toi-même", "toi-même".into()),
            ("la même", "la même".into()),
            ("« tout »", "« tout »".into()),
            ("serveur-la", "serveur-la".into()),
            ("rien du tout", "-".into()),
        ],
        |text| said(Kind::Machines, text),
    );
}

#[test]
fn values_are_found_in_running_text() {
    let cx = french();
    let text = "20 gigas, appelle-le data. Non, mets 30 Go sur web1 demain à 8 h !";
    let spans = |kind| -> Vec<&str> { find(kind, text, &cx).into_iter().map(|found| &text[found.span]).collect() };
    assert_eq!(spans(Kind::Size), ["20 gigas", "30 Go"]);
    assert_eq!(spans(Kind::When), ["demain à 8 h"]);
    assert_eq!(spans(Kind::Name(Of::Machine)), ["web1"]);
    assert_eq!(said(Kind::NewName(Of::Disk), "appelle-le data"), "data");
    assert_eq!(said(Kind::Choice(&["memory", "cpu"]), "la ram"), "mémoire");
}
