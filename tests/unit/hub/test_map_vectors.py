"""Vector tiles are read; what is none is told, and never loops."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.maps import vectors
from hub.maps.vectors import AREA, LINE, POINT, Damaged, Shape


def _varint(number: int) -> bytes:
    found = b""
    while number > 127:
        found += bytes([number & 127 | 128])
        number >>= 7
    return found + bytes([number])


def _said(field: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(field << 3) + _varint(value)
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _commands(*numbers: int) -> bytes:
    return b"".join(_varint(number) for number in numbers)


def _step(number: int) -> int:
    return number << 1 if number >= 0 else (-number << 1) - 1


def _feature(form: int, commands: bytes, tags: bytes = b"") -> bytes:
    return _said(2, tags) + _said(3, form) + _said(4, commands)


MOVE, DRAW, CLOSE = 9, 18, 15  # once, twice, once


def _tile() -> bytes:
    ring = _commands(MOVE, _step(5), _step(5), DRAW, _step(10), 0, 0, _step(-3), CLOSE)
    line = _commands(MOVE, _step(-8), _step(2), DRAW, _step(1), _step(1), _step(2), 0)
    point = _commands(MOVE, _step(7), _step(9))
    layer = (
        _said(1, b"roads")
        + _said(2, _feature(LINE, line, _commands(0, 0, 1, 1)))
        + _said(2, _feature(AREA, ring, _commands(2, 2, 3, 3)))
        + _said(2, _feature(POINT, point, _commands(2, 4, 3, 5)))
        + b"".join(_said(3, key) for key in (b"name", b"kind", b"levels", b"open"))
        + _said(4, _said(1, "Café Row".encode()))
        + _said(4, _said(1, b"minor_road"))
        + _said(4, _varint(3 << 3 | 1) + struct.pack("<d", 2.5))
        + _said(4, _said(7, 1))
        + _said(4, _said(6, _step(-2)))
        + _said(4, _said(5, 12))
        + _said(5, 512)
        + _said(15, 2)
    )
    return _said(3, layer)


def test_lines_rings_points_and_their_facts_are_read() -> None:
    found = vectors.layers(_tile())["roads"]
    assert found.extent == 512
    assert found.shapes == [
        Shape(LINE, {"name": "Café Row", "kind": "minor_road"}, [[(-8, 2), (-7, 3), (-5, 3)]]),
        Shape(AREA, {"levels": 2.5, "open": True}, [[(5, 5), (15, 5), (15, 2)]]),
        Shape(POINT, {"levels": -2, "open": 12}, [[(7, 9)]]),
    ]


def test_a_tile_that_is_cut_off_is_damaged() -> None:
    for length in range(1, len(_tile())):
        with pytest.raises(Damaged):
            vectors.layers(_tile()[:length])


@given(st.binary(max_size=200))
def test_whatever_is_no_tile_is_damaged_or_empty(data: bytes) -> None:
    try:
        found = vectors.layers(data)
    except Damaged:
        return
    assert all(layer.name == name for name, layer in found.items())


@given(st.integers(0, len(_tile()) - 1), st.integers(0, 255))
def test_a_tile_with_a_wrong_byte_is_read_or_damaged(place: int, byte: int) -> None:
    tile = bytearray(_tile())
    tile[place] = byte
    with suppress(Damaged):
        vectors.layers(bytes(tile))
