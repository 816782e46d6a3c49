"""Lists of hubs, as people send them around."""

from __future__ import annotations

import pytest

from hub.core.errors import Invalid
from hub.network import lists


def test_lines_a_table_and_what_is_no_address() -> None:
    text = """# Hubs of the town
Name;Address;Contact
North;https://north.example/;info@mail.example
south.example
@events@west.example:8443

mill@east.example
the one by the river
south.example
"""
    found = lists.read(text)
    assert found.hubs == (
        "https://north.example/",
        "south.example",
        "@events@west.example:8443",
        "mill@east.example",
    )
    assert found.unread == ("the one by the river",)


def test_the_first_row_of_a_table_is_no_hub() -> None:
    assert lists.read("hub,contact\nnorth.example,a@mail.example").hubs == ("north.example",)
    assert lists.read("hubs\n").unread == ("hubs",)
    assert lists.read("North;50.9;127.0.0.1:8001").hubs == ("127.0.0.1:8001",)


def test_an_opml_file_names_servers() -> None:
    text = """<?xml version="1.0"?><opml version="2.0"><body><outline text="Town">
    <outline text="North" xmlUrl="https://north.example/events.rss"/>
    <outline text="South" htmlUrl="http://127.0.0.1:8001/news" xmlUrl="x"/>
    <outline text="Nowhere"/></outline></body></opml>"""
    found = lists.read(text)
    assert found.hubs == ("https://north.example", "http://127.0.0.1:8001")
    assert found.unread == ("Nowhere",)


@pytest.mark.parametrize(
    "text",
    [
        "<opml><body>",
        '<!DOCTYPE x [<!ENTITY a "b">]><opml>&a;</opml>',
        "\n".join(f"hub{number}.example" for number in range(lists.MOST + 1)),
    ],
)
def test_f6_what_is_no_list_is_refused_in_words(text: str) -> None:
    with pytest.raises(Invalid):
        lists.read(text)
