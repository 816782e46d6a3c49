"""Tests found by their names, for the pages that say by what a promise is held."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[1]

Files = Mapping[str, Sequence[str]]
Key = TypeVar("Key", int, str)


def named(pattern: re.Pattern[str], key: Callable[[str], Key]) -> dict[Key, dict[str, list[str]]]:
    """Tests by file and by what `key` makes of the pattern's group; `tests/` alone is looked at."""
    found: dict[Key, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            name = pattern.fullmatch(node.name)
            if name is not None:
                found[key(name[1])][str(path.relative_to(ROOT))].append(node.name)
    return found


def links(files: Files) -> str:
    """Links from a page in `docs/` to these files, with how many tests each has."""
    return ", ".join(
        f"[{Path(path).stem}](../{path}){f' ({len(names)})' if len(names) > 1 else ''}"
        for path, names in files.items()
    )
