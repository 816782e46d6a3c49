"""The few words that stand in what other servers show, in the languages that the hub speaks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """One language's words."""

    cancelled: str
    postponed: str
    online: str
    new_time: str
    offer: str
    want: str
    taken: str
    found: str
    until: str
    details: str
    modes: dict[str, str]  # how an offer is given
    wanted: dict[str, str]  # how a want would have it


_ENGLISH: Final = Words(
    cancelled="Cancelled",
    postponed="Postponed",
    online="Online",
    new_time="New time",
    offer="Offer",
    want="Wanted",
    taken="Taken",
    found="Found",
    until="Until",
    details="details and contact",
    modes={
        "give": "Free to keep",
        "lend": "To lend",
        "swap": "To swap",
        "share": "To share",
        "sell": "For sale",
    },
    wanted={
        "give": "To keep",
        "lend": "To borrow",
        "swap": "To swap",
        "share": "To share",
        "sell": "To buy",
    },
)

_LANGUAGES: Final = {
    "en": _ENGLISH,
    "de": Words(
        cancelled="Abgesagt",
        postponed="Verschoben",
        online="Online",
        new_time="Neuer Termin",
        offer="Biete",
        want="Suche",
        taken="Vergeben",
        found="Gefunden",
        until="Bis",
        details="Einzelheiten und Kontakt",
        modes={
            "give": "Zu verschenken",
            "lend": "Zu verleihen",
            "swap": "Zum Tauschen",
            "share": "Zum Teilen",
            "sell": "Zu verkaufen",
        },
        wanted={
            "give": "Geschenkt",
            "lend": "Zum Ausleihen",
            "swap": "Zum Tauschen",
            "share": "Zum Teilen",
            "sell": "Zum Kaufen",
        },
    ),
    "fr": Words(
        cancelled="Annulé",
        postponed="Reporté",
        online="En ligne",
        new_time="Nouvelle date",
        offer="Offre",
        want="Recherche",
        taken="Déjà pris",
        found="Trouvé",
        until="Jusqu’au",
        details="détails et contact",
        modes={
            "give": "À donner",
            "lend": "À prêter",
            "swap": "À échanger",
            "share": "À partager",
            "sell": "À vendre",
        },
        wanted={
            "give": "En don",
            "lend": "À emprunter",
            "swap": "À échanger",
            "share": "À partager",
            "sell": "À acheter",
        },
    ),
    "cy": Words(
        cancelled="Wedi'i ganslo",
        postponed="Wedi'i ohirio",
        online="Ar-lein",
        new_time="Amser newydd",
        offer="Cynnig",
        want="Eisiau",
        taken="Wedi mynd",
        found="Wedi'i ganfod",
        until="Tan",
        details="manylion a chyswllt",
        modes={
            "give": "Am ddim",
            "lend": "I'w fenthyg",
            "swap": "I'w gyfnewid",
            "share": "I'w rannu",
            "sell": "Ar werth",
        },
        wanted={
            "give": "I'w gadw",
            "lend": "I'w fenthyg",
            "swap": "I'w gyfnewid",
            "share": "I'w rannu",
            "sell": "I'w brynu",
        },
    ),
    "pl": Words(
        cancelled="Odwołane",
        postponed="Przełożone",
        online="Online",
        new_time="Nowy termin",
        offer="Oferuję",
        want="Szukam",
        taken="Oddane",
        found="Znalezione",
        until="Do",
        details="szczegóły i kontakt",
        modes={
            "give": "Oddam za darmo",
            "lend": "Pożyczę",
            "swap": "Zamienię",
            "share": "Podzielę się",
            "sell": "Sprzedam",
        },
        wanted={
            "give": "Przyjmę za darmo",
            "lend": "Pożyczę od kogoś",
            "swap": "Zamienię",
            "share": "Do wspólnego użytku",
            "sell": "Kupię",
        },
    ),
    "ar": Words(
        cancelled="أُلغي",
        postponed="تأجّل",
        online="عبر الإنترنت",
        new_time="موعد جديد",
        offer="عرض",
        want="مطلوب",
        taken="أُخذ",
        found="وُجد",
        until="حتى",
        details="التفاصيل والتواصل",
        modes={
            "give": "مجاناً",
            "lend": "للإعارة",
            "swap": "للمبادلة",
            "share": "للمشاركة",
            "sell": "للبيع",
        },
        wanted={
            "give": "للاحتفاظ به",
            "lend": "للاستعارة",
            "swap": "للمبادلة",
            "share": "للمشاركة",
            "sell": "للشراء",
        },
    ),
}


def words(language: str) -> Words:
    """The words of a BCP 47 language; English where we have none."""
    return _LANGUAGES.get(language.replace("_", "-").partition("-")[0].lower(), _ENGLISH)
