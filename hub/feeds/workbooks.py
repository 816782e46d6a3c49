"""A workbook (XLSX, ODS) as lines of cells, each the text that a CSV file would have. Pure.

What is inside is read by calamine, in a process with an end (`reading`); a file that would unpack
to too much is refused before (SECURITY F7).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Final

from python_calamine import CalamineError, CalamineWorkbook

from hub.core.errors import Invalid

MARK: Final = b"PK\x03\x04"  # of a zip file, which both kinds are
MOST_UNPACKED: Final = 100_000_000
MOST_PARTS: Final = 1000
MOST_CELLS: Final = 500_000
BROKEN: Final = "This is not a workbook that we can read. Save it as XLSX or CSV and try again."


def is_workbook(data: bytes) -> bool:
    """Whether a file is a workbook rather than a text."""
    return data.startswith(MARK)


def records(data: bytes) -> Iterator[list[str]]:
    """The lines of the first sheet that has any.

    Raises:
        Invalid: it is no workbook, a protected one, or far too big.
    """
    _check(data)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            sheet = book.get_sheet_by_name(name)
            if sheet.height * sheet.width > MOST_CELLS:
                raise Invalid("This workbook has too many cells. Import it in parts.")
            lines = sheet.to_python(skip_empty_area=False)
            if any(any(cell not in {"", None} for cell in line) for line in lines):
                yield from ([_text(cell) for cell in line] for line in lines)
                return
    except CalamineError as error:
        raise Invalid(BROKEN) from error


def _check(data: bytes) -> None:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            parts = file.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Invalid(BROKEN) from error
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_UNPACKED:
        raise Invalid("This workbook would unpack to too much. Import it in parts.")


def _text(cell: object) -> str:
    """A cell as one would type it; numbers without a fraction have none."""
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.12g}"
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    return str(cell)
