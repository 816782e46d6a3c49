"""Reads vector tiles (Mapbox Vector Tile 2.1, a Protocol Buffers message). Pure.

Tiles are our own and were made by `hub map build`; still nothing in them is trusted further than
that reading them ends: what is no vector tile is `Damaged`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

Point = tuple[int, int]
Value = str | int | float | bool

POINT: Final = 1
LINE: Final = 2
AREA: Final = 3

_MOVE, _DRAW, _CLOSE = 1, 2, 7
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5
_LONGEST: Final = 63  # bits of a varint


class Damaged(ValueError):
    """This is no vector tile."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One thing of a layer: its `facts`, and its lines or rings in the tile's own units.

    `form` is POINT, LINE or AREA; of a POINT each part is one point.
    """

    form: int
    facts: dict[str, Value]
    parts: list[list[Point]]


@dataclass(frozen=True, slots=True)
class Layer:
    """The shapes of one name; `extent` is how many units a tile's side has."""

    name: str
    extent: int
    shapes: list[Shape]


def layers(tile: bytes) -> dict[str, Layer]:
    """The layers of a tile (unpacked), by name.

    Raises:
        Damaged: it is none.
    """
    try:
        found = [_layer(data) for field, data in _fields(tile) if field == 3]  # noqa: PLR2004
    except (IndexError, AttributeError, struct.error, TypeError, ValueError) as error:
        raise Damaged("This is no vector tile.") from error
    return {layer.name: layer for layer in found}


def _layer(data: bytes) -> Layer:
    name, extent = "", 4096
    keys: list[str] = []
    values: list[Value] = []
    features: list[bytes] = []
    for field, said in _fields(data):
        match field:
            case 1:
                name = said.decode()
            case 2:
                features.append(said)
            case 3:
                keys.append(said.decode())
            case 4:
                values.append(_value(said))
            case 5:
                extent = said
    return Layer(name, extent, [_shape(one, keys, values) for one in features])


def _shape(data: bytes, keys: list[str], values: list[Value]) -> Shape:
    form, facts, parts = 0, {}, []
    for field, said in _fields(data):
        match field:
            case 2:
                numbers = list(_numbers(said))
                pairs = zip(numbers[::2], numbers[1::2], strict=False)
                facts = {keys[key]: values[value] for key, value in pairs}
            case 3:
                form = said
            case 4:
                parts = _parts(list(_numbers(said)))
    return Shape(form, facts, parts)


def _parts(commands: list[int]) -> list[list[Point]]:
    """Commands and zigzag steps, as lines of points (§4.3)."""
    found: list[list[Point]] = []
    x = y = index = 0
    while index < len(commands):
        command, count = commands[index] & 7, commands[index] >> 3
        index += 1
        if command == _CLOSE:
            continue
        if command not in {_MOVE, _DRAW} or count > len(commands):
            raise Damaged("This is no vector tile.")
        for _ in range(count):
            across, down = commands[index], commands[index + 1]
            x += (across >> 1) ^ -(across & 1)
            y += (down >> 1) ^ -(down & 1)
            index += 2
            if command == _MOVE:
                found.append([(x, y)])
            else:
                found[-1].append((x, y))
    return found


# How a value is read, by its field (§4.4): a text, two kinds of fractions, three of whole numbers.
_READ: Final[dict[int, Callable[[Any], Value]]] = {
    1: lambda said: str(said.decode()),
    2: lambda said: float(struct.unpack("<f", said)[0]),
    3: lambda said: float(struct.unpack("<d", said)[0]),
    4: int,
    5: int,
    6: lambda said: int((said >> 1) ^ -(said & 1)),
    7: bool,
}


def _value(data: bytes) -> Value:
    found = (_READ[field](said) for field, said in _fields(data) if field in _READ)
    return next(found, "")


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a message: number, and an int or bytes."""
    index = 0
    while index < len(data):
        head, index = _varint(data, index)
        kind = head & 7
        if kind == _VARINT:
            value, index = _varint(data, index)
            yield head >> 3, value
            continue
        if kind == _BYTES:
            length, index = _varint(data, index)
        elif kind in {_EIGHT, _FOUR}:
            length = 8 if kind == _EIGHT else 4
        else:
            raise Damaged("This is no vector tile.")
        if index + length > len(data):
            raise Damaged("This is no vector tile.")
        yield head >> 3, data[index : index + length]
        index += length


def _numbers(data: bytes) -> Iterator[int]:
    index = 0
    while index < len(data):
        value, index = _varint(data, index)
        yield value


def _varint(data: bytes, index: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[index]
        index += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:  # noqa: PLR2004  # the last one
            return value, index
        shift += 7
        if shift > _LONGEST:
            raise Damaged("This is no vector tile.")
