"""Forms: what is read of them, and ways back that stay here."""

from __future__ import annotations

import pytest
from pydantic import BaseModel, Field, ValidationError, field_validator

from hub.web.forms import Form, field_errors, local_path, token_for


@pytest.mark.parametrize("path", ["/", "/events/1?x=y#z", "/admin/inbox?show=all", "/@events"])
def test_e4_paths_of_this_hub_are_gone_back_to(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        None,
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "https://evil.example",
        "HTTP:evil",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r\nLocation: x",
        "/ /evil.example",
        "/a\\b",
        "evil.example",
        "/é",
        "/\u2028",
        " /x",
        "?x",
        "#x",
        "///evil.example",
        "////evil.example/%2f..",
        "/\\/evil.example",
        "\\\\evil.example",
        "//evil.example\\@hub.example",
        "https:evil.example",
        "https:/evil.example",
        "http:\\\\evil.example",
        "//user@evil.example",
        "//[::1]/",
        "//%65vil.example",
        "/\x00/evil.example",
        "/\x0b/evil.example",
        "/\x7f",
        "\t//evil.example",
        "\ufeff/x",
        "／／evil.example",
        "/\u202e/x",
        "/\u2029",
        "vbscript:x",
        "file:///etc/passwd",
    ],
)
def test_e4_any_other_path_leads_home(path: str | None) -> None:
    assert local_path(path, "/home") == "/home"


def test_a_form_is_read_by_name() -> None:
    form = Form({"a": ["1", " 2 "], "empty": ["  "], "box": ["on"], "off": ["0"]})
    assert form.text("a") == "2"
    assert form.all("a") == ("1", "2")
    assert form.text("missing", "x") == "x"
    assert form.maybe("empty") is None
    assert form.checked("box")
    assert not form.checked("off")
    assert not form.checked("missing")
    assert form.values()["a"] == " 2 "
    assert form.file("a") is None


def test_form_tokens_differ_by_secret() -> None:
    assert token_for("a") != token_for("b")
    assert len(token_for("a")) == 64


class Draft(BaseModel):
    title: str = Field(min_length=3)
    place: str = ""

    @field_validator("place")
    @classmethod
    def _place(cls, value: str) -> str:
        if value == "x":
            raise ValueError("where is that?")
        return value


def test_errors_are_said_by_field() -> None:
    with pytest.raises(ValidationError) as caught:
        Draft(title="a", place="x")
    found = field_errors(caught.value)
    assert set(found) == {"title", "place"}
    assert found["place"] == "Where is that?"


def test_the_source_of_a_value_is_no_part_of_its_name() -> None:
    assert field_errors([{"loc": ("body", "tags", 0), "msg": "too long"}]) == {"tags.0": "Too long"}
