"""Letters and notices speak their reader's language: each sentence, and in every catalogue."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage, Message
from pathlib import Path

import pytest

import hub
from hub.core import words
from hub.core.settings import Settings
from hub.core.words import as_written, filled, later, on_day, packed, unpacked
from hub.mail import composing
from hub.mail.composing import Letter

SEPTEMBER = datetime(2026, 9, 12, tzinfo=UTC)
SIGN_IN = "This link signs you in, once, within 30 minutes."

# What tells people something, and which of its arguments are words for them.
TELLING: dict[str, set[int | str]] = {
    "Letter": {"subject", "lines", "button", "items"},
    "Notice": {1, 2, "subject", "lines"},
    "tell_of_way": {3, 4},
    "tell_all": {3},  # of events; of notices the fourth is one
    "_write": {3, 4},  # of hub/moderation/telling.py
}
TOLD: dict[str, set[int | str]] = {"tell": {4, 5, 6, "button"}}  # `waiting.tell` of events
MARKED = {"later", "filled", "made", "as_written", "on_day", "said", "_what", "_note", "_said"}


def test_every_sentence_of_a_letter_or_notice_is_marked_for_translation() -> None:
    raw = [f"{path.name}: {found}" for path in _modules() for found in _raw_in(path)]
    assert raw == []


def test_the_look_for_sentences_finds_those_that_are_not_marked(tmp_path: Path) -> None:
    path = tmp_path / "telling.py"
    path.write_text(
        'def f(x):\n    s = f"For {x}"\n    return Notice("k", s, ("Plain words.",), p)'
    )
    assert _raw_in(path) == ["For ", "Plain words."]


@pytest.mark.parametrize("language", words.languages())
def test_a_letter_is_in_its_readers_language_whatever_that_of_the_hub(language: str) -> None:
    settings = Settings(url="https://hub.example", name="Linden", language="fr")
    letter = Letter(
        to="ann@mail.example",
        subject=filled(
            "“{title}” leaves the list on {day}. One press gives it another month.",
            title="Events",
            day=on_day(SEPTEMBER),
        ),
        lines=(later(SIGN_IN), as_written("Events")),
        link="https://hub.example/x",
        button=later("Look at it"),
        unsubscribe="https://hub.example/stop",
        language=language,
    )
    row = composing.row(letter, settings, SEPTEMBER + timedelta(days=1))
    row.created_at = SEPTEMBER
    made = composing.message(row, settings)
    plain, html = map(_text, made.iter_parts())
    with words.speaking(language):
        said = [words.say(each) for each in (SIGN_IN, "Look at it", "No more of these letters:")]
        day = words.say(on_day(SEPTEMBER))
    assert all(each in " ".join(plain.split()) for each in said)
    assert day in row.subject
    assert "Events" in row.content["lines"]  # somebody's own word, though the pages have it too
    assert f'lang="{language}"' in html
    assert (f'dir="{words.direction(language)}"') in html
    if language != words.ENGLISH:
        assert SIGN_IN not in plain
        assert "12 Sep" not in row.subject or language in {"cy"}


def test_a_trouble_that_was_kept_is_said_in_another_language_another_day() -> None:
    inner = filled("must be a number from 1 to {most}", most=9)
    trouble = filled("The repetition {reason}.", reason=inner)
    kept = packed(trouble)
    assert isinstance(kept, str)
    assert unpacked(kept) == trouble
    with words.speaking("de"):
        assert words.say(unpacked(kept)) == words.say(trouble) != trouble
    assert unpacked(packed("Plain.")) == "Plain."
    assert unpacked(packed(as_written("Events"))) == "Events"


def _text(part: Message) -> str:
    assert isinstance(part, EmailMessage)
    return str(part.get_content())


def _modules() -> Iterator[Path]:
    return Path(hub.__file__).parent.rglob("*.py")


def _raw_in(path: Path) -> list[str]:
    """Words that a call which tells somebody something would say in English to everybody."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    outside = _assigned(tree.body)
    found: list[str] = []
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, _SCOPES))]:
        known = {**outside, **_assigned(list(ast.walk(scope)))}
        inside = [n for n in ast.walk(scope) if isinstance(n, ast.Call)]
        calls = inside if scope is not tree else []
        for call in calls:
            for argument in _told(call, path):
                found += _raw(argument, known, 0)
    return list(dict.fromkeys(found))


_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef)


def _told(call: ast.Call, path: Path) -> list[ast.expr]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    which = {**TELLING, **(TOLD if path.parent.name == "events" else {})}.get(name, set())
    placed = [value for at, value in enumerate(call.args) if at in which]
    return placed + [each.value for each in call.keywords if each.arg in which]


def _assigned(nodes: list[ast.stmt] | list[ast.AST]) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                for each in names:
                    if isinstance(each, ast.Name):
                        found.setdefault(each.id, []).append(node.value)
    return found


def _raw(node: ast.AST, known: dict[str, list[ast.expr]], deep: int) -> list[str]:
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return (
            [] if name in MARKED else [raw for arg in node.args for raw in _raw(arg, known, deep)]
        )
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) and " " in node.value else []
    if isinstance(node, ast.Name):
        values = known.get(node.id, []) if deep < 3 else []
        return [raw for value in values for raw in _raw(value, known, deep + 1)]
    if isinstance(node, ast.Compare | ast.BinOp | ast.Attribute):
        return []  # what decides, paths, and what people wrote
    return [raw for child in ast.iter_child_nodes(node) for raw in _raw(child, known, deep)]
