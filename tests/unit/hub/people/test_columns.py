"""What a hub has no place for, since it needs none of it (SECURITY D10)."""

from __future__ import annotations

import re

from sqlalchemy import Table

import hub.app  # noqa: F401 - every table must be known
from hub.core.db import Base
from hub.people.models import Person

NEVER = re.compile(
    r"(^|_)(birth\w*|born|age|gender|sex|health|medical|diagnos\w*|nhs|patient|client|case|carer|"
    r"religion|faith|ethnic\w*|race|income|benefits|passport|insurance)(_|$)"
)
CLIENTS = {("mastodon_app", "client_id"), ("mastodon_app", "client_secret")}  # OAuth's, not people


def test_d10_nothing_is_kept_of_anybodys_health_age_or_case() -> None:
    named = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if NEVER.search(column.name)
    }
    assert named <= CLIENTS


def test_d10_a_person_is_a_name_an_address_and_how_they_want_to_be_told() -> None:
    table = Person.__table__
    assert isinstance(table, Table)
    assert set(table.columns.keys()) == {
        *("id", "name", "role", "email", "language"),
        *("notices", "channels", "hushed", "quiet_from", "quiet_until", "stop_secret"),
        *("letter_at", "interests", "letter_place", "letter_near", "letter_within_m"),
        *("created_at", "last_seen_at", "disabled_at", "entrusted_at"),
    }
