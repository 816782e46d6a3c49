"""Writes the example of a settings file from the settings themselves: `python -m hub.core.example`.

The result is `deploy/hub.env.example`; a test compares the two.
"""

from __future__ import annotations

import sys
import textwrap
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from hub.core.settings import Settings

WIDTH = 100
HEAD = """\
# Settings of a neighbourhood hub, each with its default. Take the # away where yours differs.
# Read from the environment and from hub.env in the data folder; the environment wins.
# Made by `python -m hub.core.example`; change hub/core/settings.py, not this file.
"""


def example() -> str:
    """The text of the example file."""
    return HEAD + "".join(_setting(name, field) for name, field in Settings.model_fields.items())


def _setting(name: str, field: FieldInfo) -> str:
    words = field.description or ""
    if choices := _choices(field.annotation):
        words = f"{words} (one of: {', '.join(choices)})"
    lines = textwrap.wrap(words, WIDTH - 2)
    comment = "".join(f"# {line}\n" for line in lines)
    prefix = Settings.model_config["env_prefix"]
    return f"\n{comment}#{prefix}{name.upper()}={_default(field)}\n"


def _choices(annotation: Any) -> tuple[str, ...]:
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _default(field: FieldInfo) -> str:
    """The default as it would be written; empty when there is none, or the machine decides."""
    value = field.default
    if field.default_factory is not None or value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    sys.stdout.write(example())
