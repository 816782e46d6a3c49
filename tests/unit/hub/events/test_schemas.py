"""Drafts of events: one set of rules for forms, programs and imports."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.core.errors import Invalid
from hub.events.schemas import EventDraft, event_draft

BERLIN = "Europe/Berlin"
GOOD: dict[str, Any] = {"title": "Repair café", "starts_at": "2026-09-12T15:00"}


def draft(**members: Any) -> EventDraft:
    return event_draft({**GOOD, **members}, timezone=BERLIN)


def refused(**members: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        draft(**members)
    return caught.value.fields


def test_time_without_zone_is_read_on_the_clock_of_the_place() -> None:
    assert draft().starts_at == datetime(2026, 9, 12, 13, tzinfo=UTC)
    assert draft(timezone="America/Lima").starts_at == datetime(2026, 9, 12, 20, tzinfo=UTC)


def test_time_with_zone_is_the_moment_that_it_says() -> None:
    assert draft(starts_at="2026-09-12T15:00:00Z").starts_at == datetime(
        2026, 9, 12, 15, tzinfo=UTC
    )


def test_blank_members_count_as_absent() -> None:
    made = draft(ends_at="", location="  ", capacity=None, tags="", image=None, latitude="")
    assert (made.ends_at, made.location, made.capacity, made.tags) == (None, "", None, ())


def test_title_stands_on_one_line() -> None:
    assert draft(title="  Repair\n café\t2 ").title == "Repair café 2"


@pytest.mark.parametrize("title", ["ab", "x" * 201, "  a ", 7, None])
def test_title_has_3_to_200_characters(title: object) -> None:
    assert "title" in refused(title=title)


def test_what_is_wrong_is_said_in_plain_words_for_every_field_at_once() -> None:
    assert refused(title="ab", starts_at="soon", capacity=0) == {
        "title": "must have at least 3 characters",
        "starts_at": "must be a date and time such as 2026-09-12T15:00 "
        "or 2026-09-12T15:00:00+02:00",
        "capacity": "must be at least 1",
    }


@pytest.mark.parametrize("end", ["2026-09-12T15:00", "2026-09-12T14:59", "2026-09-12T12:59:00Z"])
def test_end_comes_after_the_start(end: str) -> None:
    assert refused(ends_at=end) == {"ends_at": "must be after starts_at"}


def test_end_after_start_is_told_by_moments_not_by_clocks() -> None:
    # In the night of the change, 02:30 comes twice.
    made = draft(starts_at="2026-10-25T02:30:00+02:00", ends_at="2026-10-25T02:30:00+01:00")
    assert made.ends_at is not None
    assert (made.ends_at - made.starts_at).total_seconds() == 3600


def test_what_points_to_the_directory_does_so_by_an_id() -> None:
    hint = "must be the id of something that is here"
    assert refused(place_id="x", organiser_id="y") == {"place_id": hint, "organiser_id": hint}


def test_unknown_member_is_refused_by_name() -> None:
    assert refused(colour="red") == {"colour": "there is no such field"}


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("timezone", "Mars/Olympus"),
        ("online_url", "javascript:alert(1)"),
        ("online_url", "https://user:secret@example.org/"),
        ("online_url", "https://"),
        ("online_url", "https://a b.example/"),
        ("latitude", 91),
        ("latitude", "NaN"),
        ("capacity", 1.5),
        ("capacity", "many"),
        ("description", "x" * 20_001),
        ("starts_at", 1_789_000_000),
        ("starts_at", "0001-01-01T00:00:00+14:00"),
        ("starts_at", "9999-12-31T23:00:00-14:00"),
        ("visibility", "friends"),
        ("category", "NONSENSE"),
        ("status", "moved_online"),
        ("image", "no-uuid"),
        ("image", {"alt": "only words"}),
        ("image", {"data": "not base64!", "alt": "x"}),
        ("image", ["list"]),
        ("tags", ["1984"]),
        ("tags", [7]),
        ("tags", ["a" * 40]),
        ("tags", [f"tag{n}" for n in range(21)]),
    ],
)
def test_nonsense_is_refused_at_its_field(member: str, value: object) -> None:
    assert refused(**{member: value})


def test_latitude_and_longitude_go_together() -> None:
    assert refused(latitude=50.9) == {"latitude": "latitude and longitude go together"}


def test_picture_needs_words_for_what_it_shows() -> None:
    data = base64.b64encode(b"pixels").decode()
    assert "alt" in refused(image={"data": data})["image"]
    image = draft(image={"data": f"data:image/png;base64,{data}", "alt": "A bike"}).image
    assert image is not None
    assert (image.data, image.alt) == (b"pixels", "A bike")


def test_tags_are_taken_as_people_write_them() -> None:
    assert draft(tags="#Repair, step-free,repair").tags == ("Repair", "stepfree")
    assert draft(tags="#repair #café").tags == ("repair", "café")
    assert draft(tags=["Fête de quartier"]).tags == ("Fêtedequartier",)


def test_all_day_event_goes_from_midnight_to_midnight() -> None:
    made = draft(starts_at="2026-09-12T09:30", ends_at="2026-09-13T11:00", all_day=True)
    assert made.starts_at == datetime(2026, 9, 11, 22, tzinfo=UTC)
    assert made.ends_at == datetime(2026, 9, 13, 22, tzinfo=UTC)


@given(
    st.dictionaries(
        st.sampled_from([*EventDraft.model_fields, "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        ),
    )
)
def test_any_json_is_a_draft_or_is_refused(members: dict[str, Any]) -> None:
    try:
        made = event_draft({**GOOD, **members}, timezone=BERLIN)
    except Invalid as error:
        told = error.fields
    else:
        told = {}
        again = event_draft(made.model_dump(exclude={"image"}), timezone=BERLIN)
        assert again == made.model_copy(update={"image": None})
    assert all(told.values())
