"""A setting that makes no sense is told by its name, once, in plain words."""

from __future__ import annotations

import pytest

from hub import cli

NONSENSE = [
    ("HUB_PORT", "abc", "integer"),
    ("HUB_PORT", "0", "greater than or equal to 1"),
    ("HUB_URL", "hub.example", "such as https://hub.example"),
    ("HUB_URL", "https://hub.example:99999", "such as https://hub.example"),
    ("HUB_URL", "https://hub.example/foo", "cannot live under a path"),
    ("HUB_TIMEZONE", "Mars/Base", "Mars/Base is not an IANA time zone"),
    ("HUB_LANGUAGE", "klingon", "klingon is not a language such as en"),
    ("HUB_LANGUAGES", "de, tlh", "tlh is not spoken by the pages; they speak en, ar"),
    ("HUB_FEDERATION", "maybe", "'open', 'limited' or 'allow-list'"),
    ("HUB_ALLOW_NETWORKS", "loopback", "networks such as 127.0.0.0/8"),
    ("HUB_CA_FILE", "/nope.pem", "No such file"),
    ("HUB_DATABASE_URL", "mysql://x", "sqlite:/// or postgresql://"),
    ("HUB_NAME", "", "at least 1 character"),
]


@pytest.mark.parametrize(("name", "value", "words"), NONSENSE)
def test_nonsense_is_told_in_one_line(
    name: str,
    value: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        cli.app(["peers"])
    said = capsys.readouterr().err
    assert stopped.value.code == 1
    assert said.startswith(f"{name}: ")
    assert words in said
    assert said.count("\n") == 1
    assert "Value error" not in said
