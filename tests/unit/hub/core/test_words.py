"""In which language pages speak, and that the catalogues hold what they say."""

from __future__ import annotations

import re

import pytest

from hub.core import words
from hub.core.errors import Invalid
from tests.catalogues import catalogue, gathered, is_said

OTHERS = [language for language in words.languages() if language != words.ENGLISH]
PLACEHOLDER = re.compile(r"%\((\w+)\)|\{(\w+)\}")


@pytest.mark.parametrize(
    ("chosen", "accepted", "usual", "spoken"),
    [
        ("", "", "en", "en"),
        ("", "", "de-AT", "de"),
        ("", "", "eo", "eo"),
        ("", "de-CH,fr;q=0.8", "en", "de"),
        ("", "fr;q=0.5, de;q=0.9, xx", "en", "de"),
        ("", "de;q=0", "en", "en"),
        ("", "de;q=much", "en", "en"),
        ("", "*", "en", "en"),
        ("ar", "de", "en", "ar"),
        ("../../etc", "", "en", "en"),
        ("xx", "de", "en", "de"),
    ],
)
def test_readers_are_spoken_to_as_they_chose_or_their_browser_asks(
    chosen: str, accepted: str, usual: str, spoken: str
) -> None:
    assert words.choose(chosen, accepted, usual) == spoken


def test_a_hub_offers_only_the_languages_that_it_chose_and_its_main_one() -> None:
    assert words.offered((), "de") == words.languages()
    assert words.offered(("ar", "pl"), "de-AT") == ("ar", "de", "pl")
    assert words.choose("fr", "pl", "de", ("ar", "pl")) == "pl"
    assert words.choose("fr", "cy", "de", ("ar", "pl")) == "de"


def test_what_is_said_is_said_in_the_language_spoken_now() -> None:
    told = catalogue("de").get("Events")
    assert told is not None
    assert told.string
    assert words.say("Events") == "Events"
    with words.speaking("de"):
        assert words.say("Events") == told.string
        assert words.say("Nobody ever translated this.") == "Nobody ever translated this."
    with words.speaking("eo"):
        assert words.say("Events") == "Events"
    assert words.say("") == ""


def test_a_sentence_with_something_in_it_is_filled_when_it_is_said() -> None:
    inner = words.filled("must be a number from 1 to {most}", most=9)
    said = words.filled("The repetition {reason}.", reason=inner)
    assert said == "The repetition must be a number from 1 to 9."
    assert words.say(str(Invalid(said))) == said
    with words.speaking("de"):
        told = words.say(str(Invalid(said)))
    assert told not in {said, ""}
    assert "1" in told
    assert "9" in told
    assert "must be" not in told


def test_what_people_wrote_is_put_in_as_it_is() -> None:
    with words.speaking("de"):
        assert "@Events" in words.say(words.filled("There is no @{name} here.", name="Events"))


def test_numbers_are_counted_as_the_language_counts() -> None:
    one, many = next(each.id for each in gathered() if isinstance(each.id, tuple))
    kept = catalogue("ar").get((one, many))
    assert kept is not None
    assert isinstance(kept.string, tuple)
    with words.speaking("ar"):
        said = [words.say_many(one, many, number) for number in (0, 1, 2, 3, 100, 11)]
    assert said == list(kept.string)


def test_arabic_is_written_from_the_right_and_languages_name_themselves() -> None:
    assert words.direction("ar-EG") == "rtl"
    assert words.direction("cy") == "ltr"
    assert words.name_of("cy") == "Cymraeg"
    assert words.name_of("ar") == "العربية"


@pytest.mark.parametrize("language", OTHERS)
def test_every_catalogue_holds_what_the_pages_say(language: str) -> None:
    asked = {each.id for each in gathered() if each.id}
    kept = {each.id for each in catalogue(language) if each.id}
    assert kept == asked, "`make words` brings the catalogues up to date"


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_translated_with_all_that_is_put_into_it(language: str) -> None:
    faults = []
    for message in catalogue(language):
        if not message.id:
            continue
        if not is_said(message.string):
            faults.append(f"not translated: {message.id!r}")
            continue
        wanted = _put_in(message.id)
        strings = message.string if isinstance(message.string, tuple | list) else (message.string,)
        # A plural form may say the number in words: "one neighbour", "two neighbours".
        few = len(strings) > 1
        for string in strings:
            held = _put_in(string)
            if held - wanted or (wanted - held - ({"num", "count", "n"} if few else set())):
                faults.append(f"{message.id!r}: {sorted(wanted)} is not {sorted(held)}")
    assert not faults, "\n".join(faults[:20])


def _put_in(text: object) -> set[str]:
    parts = text if isinstance(text, tuple | list) else (text,)
    return {name or other for part in parts for name, other in PLACEHOLDER.findall(str(part))}
