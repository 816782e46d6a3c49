"""What licences are called, and what can be one."""

from __future__ import annotations

import pytest

from hub.core.licences import CC_BY, KNOWN, ODBL, is_licence, name_of
from hub.core.settings import Settings


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (CC_BY, "CC BY 4.0"),
        ("http://www.creativecommons.org/licenses/by-nc-sa/3.0/deed.de", "CC BY-NC-SA 3.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0", "CC0 1.0"),
        ("https://creativecommons.org/licenses/", "creativecommons.org"),
        ("https://terms.example/own", "terms.example"),
        (ODBL, "ODbL 1.0"),
    ],
)
def test_a_licence_is_called_as_people_call_it(address: str, name: str) -> None:
    assert is_licence(address)
    assert name_of(address) == name


@pytest.mark.parametrize(
    "address",
    [
        *("", "none", "CC BY 4.0", "javascript:alert(1)", "https://", "https://[bad/"),
        *("https://a@b.example/", "https://terms.example/a b", f"https://x.example/{'a' * 500}"),
    ],
)
def test_what_no_browser_opens_is_no_licence(address: str) -> None:
    assert not is_licence(address)


def test_the_hub_names_a_licence_another_or_none() -> None:
    assert Settings().licence == CC_BY == KNOWN[0]
    assert not Settings(licence="").licence
    with pytest.raises(ValueError, match="address of a licence"):
        Settings(licence="CC BY")
