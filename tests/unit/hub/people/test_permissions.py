"""Roles, and what each may do."""

from __future__ import annotations

from uuid import uuid4

import pytest

from hub.core.errors import Forbidden, NotSignedIn
from hub.people import secrets
from hub.people.permissions import Deed, may, may_change, require
from hub.web.doors import ANYBODY, Caller, Role


def _caller(role: Role) -> Caller:
    return Caller(uuid4(), "x", role, "token")


@pytest.mark.parametrize(
    ("role", "deeds"),
    [
        ("reader", set()),
        ("editor", {"post"}),
        ("steward", {"post", "moderate", "administer"}),
    ],
)
def test_each_role_may_just_this(role: Role, deeds: set[Deed]) -> None:
    everything: tuple[Deed, ...] = ("post", "moderate", "administer")
    assert {deed for deed in everything if may(_caller(role), deed)} == deeds


def test_strangers_are_asked_to_sign_in_and_others_refused() -> None:
    with pytest.raises(NotSignedIn):
        require(ANYBODY, "post")
    with pytest.raises(Forbidden):
        require(_caller("reader"), "post")
    require(_caller("editor"), "post")


def test_editors_change_their_own_and_stewards_everything() -> None:
    editor = _caller("editor")
    assert may_change(editor, editor.person_id)
    assert not may_change(editor, uuid4())
    assert not may_change(editor, None)
    assert may_change(_caller("steward"), None)
    reader = _caller("reader")
    assert not may_change(reader, reader.person_id)
    assert not may_change(ANYBODY, None)


def test_secrets_are_long_and_kept_as_digests() -> None:
    assert len(secrets.new_link()) >= 27  # 160 bits in base 64
    assert secrets.new_token().startswith("hub_")
    assert secrets.new_session() != secrets.new_session()
    secret = secrets.new_link()
    assert secret not in secrets.digest(secret)
    assert not secrets.is_plausible("")
    assert not secrets.is_plausible("x" * 101)
    assert not secrets.is_plausible("é")
