"""How languages say that something repeats; the sentences are put together in `wording`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Phrases:
    """How a language says that something repeats.

    `every` and `every_n` hold a phrase per frequency, in the order of FREQUENCIES.
    """

    every: tuple[str, str, str, str]
    every_n: tuple[str, str, str, str]
    second_day: str
    weekday: str
    second_weekday: str
    plural: str
    ordinal_weekday: str
    ordinals: dict[int, str]
    month_day: str
    last_day: str
    times: str
    until: str
    not_in: str
    only_in: str


PHRASES = {
    "en": Phrases(
        ("every day", "every week", "every month", "every year"),
        ("every {n} days", "every {n} weeks", "every {n} months", "every {n} years"),
        "every second day",
        "every {days}",
        "every second {days}",
        "{day}",
        "the {which} {day} of every month",
        {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"},
        "day {n} of every month",
        "the last day of every month",
        ", {n} times",
        ", until {day}",
        ", not in {months}",
        ", only in {months}",
    ),
    "de": Phrases(
        ("jeden Tag", "jede Woche", "jeden Monat", "jedes Jahr"),
        ("alle {n} Tage", "alle {n} Wochen", "alle {n} Monate", "alle {n} Jahre"),
        "jeden zweiten Tag",
        "jeden {days}",
        "jeden zweiten {days}",
        "{day}",
        "jeden {which} {day} im Monat",
        {1: "ersten", 2: "zweiten", 3: "dritten", 4: "vierten", 5: "fünften", -1: "letzten"},
        "am {n}. jedes Monats",
        "am letzten Tag jedes Monats",
        ", {n}-mal",
        ", bis {day}",
        ", nicht im {months}",
        ", nur im {months}",
    ),
    "fr": Phrases(
        ("tous les jours", "toutes les semaines", "tous les mois", "tous les ans"),
        ("tous les {n} jours", "toutes les {n} semaines", "tous les {n} mois", "tous les {n} ans"),
        "un jour sur deux",
        "tous les {days}",
        "un {day} sur deux",
        "{day}s",
        "le {which} {day} du mois",
        {
            1: "premier",
            2: "deuxième",
            3: "troisième",
            4: "quatrième",
            5: "cinquième",
            -1: "dernier",
        },
        "le {n} de chaque mois",
        "le dernier jour du mois",
        ", {n} fois",
        ", jusqu’au {day}",
        ", sauf en {months}",
        ", seulement en {months}",
    ),
}
