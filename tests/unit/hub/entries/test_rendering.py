"""What readers on other servers see of entries."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from hub.core.text import clean
from hub.entries import rendering
from hub.entries.rendering import EventFacts, ListingFacts
from hub.entries.words import words

EVENT = EventFacts(
    title="Repair café <at the yard>",
    starts_at=datetime(2026, 9, 12, 13, 0, tzinfo=UTC),
    ends_at=datetime(2026, 9, 12, 16, 0, tzinfo=UTC),
    timezone="Europe/Berlin",
    all_day=False,
    place="Linden yard & garden",
    teaser="Bring one broken thing.",
    status="scheduled",
    online=False,
    language="en",
    url="https://hub.example/events/1",
    tags=("Repair", "caféwork"),
)
OFFER = ListingFacts(
    kind="offer",
    title="Kids' bike, 20 inch",
    body="Blue.",
    item_kind="item",
    mode="give",
    price="",
    place="Linden",
    expires_at=datetime(2026, 9, 30, 23, 59, tzinfo=ZoneInfo("Europe/Berlin")),
    status="open",
    language="en",
    url="https://hub.example/offers/2",
    tags=("offer",),
)


def test_a_summary_begins_with_date_and_place() -> None:
    assert rendering.event_summary(EVENT) == (
        "<p>Sat 12 Sep 2026, 15:00–18:00 · Linden yard &amp; garden</p>"
        "<p>Bring one broken thing.</p>"
    )


@pytest.mark.parametrize(
    ("change", "begins"),
    [
        ({"status": "cancelled"}, "<p>CANCELLED · Sat 12 Sep 2026"),
        ({"status": "postponed"}, "<p>POSTPONED · Sat"),
        ({"status": "moved_online"}, "<p>ONLINE · Sat"),
        ({"online": True, "place": ""}, "<p>ONLINE · Sat"),
        ({"status": "cancelled", "language": "de"}, "<p>ABGESAGT · Sa."),
        ({"status": "cancelled", "language": "pl"}, "<p>ODWOŁANE · sob."),
        ({"status": "cancelled", "language": "fr-CA"}, "<p>ANNULÉ · sam."),
        ({"status": "cancelled", "language": "cy"}, "<p>WEDI'I GANSLO · Sad"),
        ({"status": "cancelled", "language": "eo"}, "<p>CANCELLED"),
    ],
)
def test_a_summary_says_first_what_changed(change: dict[str, object], begins: str) -> None:
    assert rendering.event_summary(replace(EVENT, **change)).startswith(begins)  # type: ignore[arg-type]


def test_a_summary_has_only_paragraphs_and_a_short_teaser() -> None:
    html = rendering.event_summary(replace(EVENT, teaser="<b>word</b> " * 100))
    assert html.count("<p>") == 2
    assert "<b>" not in html
    teaser = html.split("<p>")[2]
    assert len(teaser.replace("&lt;", "<").replace("&gt;", ">")) <= 300 + len("</p>")


def test_content_begins_with_title_date_and_place_and_ends_with_tags() -> None:
    html = rendering.event_content(EVENT, "<p>Full text.</p>")
    assert html.startswith(
        "<p><strong>Repair café &lt;at the yard&gt;</strong><br>"
        "Sat 12 Sep 2026, 15:00–18:00 · Linden yard &amp; garden</p><p>Full text.</p>"
    )
    assert (
        '<a href="https://hub.example/tags/cafework" class="mention hashtag" rel="tag">'
        "#<span>caféwork</span></a></p>"
    ) in html


def test_an_offer_has_its_title_first_its_terms_and_the_way_to_the_page() -> None:
    assert rendering.listing_content(OFFER, "<p>Blue, new tyres.</p>") == (
        "<p><strong>Offer: Kids' bike, 20 inch</strong></p><p>Blue, new tyres.</p>"
        "<p>Free to keep · Linden</p>"
        '<p>Until Wed 30 Sep · <a href="https://hub.example/offers/2">details and contact</a></p>'
        '<p><a href="https://hub.example/tags/offer" class="mention hashtag" rel="tag">'
        "#<span>offer</span></a></p>"
    )


def test_a_want_says_how_it_would_have_it() -> None:
    want = replace(OFFER, kind="want", mode="lend")
    assert "<p>To borrow · Linden</p>" in rendering.listing_content(want, "")
    assert "<p>To lend · Linden</p>" in rendering.listing_content(replace(OFFER, mode="lend"), "")
    for language in ("en", "de", "fr", "cy", "pl", "ar"):
        said = words(language)
        assert said.modes.keys() == said.wanted.keys()


def test_what_is_gone_says_so_first() -> None:
    assert "<strong>Taken: Offer: Kids" in rendering.listing_content(
        replace(OFFER, status="done"), ""
    )
    want = replace(OFFER, kind="want", status="done", language="de")
    assert "<strong>Gefunden: Suche: Kids" in rendering.listing_content(want, "")


def test_without_html_the_plain_body_stands() -> None:
    html = rendering.listing_content(replace(OFFER, body="a <b> c"), "")
    assert "<p>a &lt;b&gt; c</p>" in html


def test_what_we_send_survives_the_cleaning_of_others() -> None:
    for html in (
        rendering.event_summary(EVENT),
        rendering.event_content(EVENT, "<p>x</p>"),
        rendering.listing_content(OFFER, "<p>x</p>"),
    ):
        cleaned = clean(html)
        assert cleaned.replace(' rel="nofollow noopener ugc"', "") == html.replace(' rel="tag"', "")


def test_notes_say_what_happened_in_plain_words() -> None:
    assert rendering.cancellation_note(EVENT) == (
        "Cancelled: Repair café <at the yard>. Sat 12 Sep 2026, 15:00–18:00."
    )
    assert rendering.moved_note(EVENT) == (
        "New time: Repair café <at the yard>. Sat 12 Sep 2026, 15:00–18:00 · Linden yard & garden."
    )
    assert len(rendering.moved_note(replace(EVENT, place="x" * 900))) <= 480


def test_a_cancelled_name_bears_the_word() -> None:
    assert rendering.prefixed_title(EVENT) == EVENT.title
    assert rendering.prefixed_title(replace(EVENT, status="cancelled")).startswith("Cancelled: ")


def test_tags_are_compared_folded() -> None:
    assert rendering.tag_name("#Café") == rendering.tag_name("cafe") == "cafe"
    assert rendering.tag_url("https://hub.example:8443/x", "a/b") == (
        "https://hub.example:8443/tags/a/b"
    )
