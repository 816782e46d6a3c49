"""Whether what we publish obeys its rules, as faults in words: calendars, feeds, data blocks.

These read bytes and share nothing with what wrote them, so that a fault of ours is not one of
theirs too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import feedparser
from defusedxml import ElementTree
from icalendar import Calendar

LONGEST_LINE: Final = 75  # octets without the line's end (RFC 5545 §3.1)
_NAME: Final = re.compile(r"[A-Z0-9-]+")
_VALUES: Final = {
    "STATUS": {"TENTATIVE", "CONFIRMED", "CANCELLED"},
    "METHOD": {"PUBLISH"},
    "VERSION": {"2.0"},
}
_UTC: Final = re.compile(r"\d{8}T\d{6}Z")
_FORMS: Final = {
    "DATE": re.compile(r"\d{8}"),
    "DATE-TIME": re.compile(r"\d{8}T\d{6}Z?"),
}

Line = tuple[str, dict[str, str], str]


def calendar_faults(data: bytes) -> list[str]:
    """What is wrong with a calendar by RFC 5545, and with what Outlook and Google need of it."""
    found = list(_bytes_faults(data))
    lines = [_split(line) for line in _unfolded(data)]
    found += _nesting_faults(lines)
    if found:
        return found
    found += [f"icalendar: {fault}" for fault in Calendar.from_ical(data).errors]
    found += _property_faults(lines)
    zones = {value for name, _, value in _of(lines, "VTIMEZONE") if name == "TZID"}
    used = {params["TZID"] for _, params, _ in lines if "TZID" in params}
    # Outlook shifts by hours what names a zone that the file does not define.
    found += [f"no VTIMEZONE for {zone}" for zone in sorted(used - zones)]
    return found


def uids(data: bytes) -> list[str]:
    """The UIDs of a calendar's events, in order."""
    lines = [_split(line) for line in _unfolded(data)]
    return [value for name, _, value in _of(lines, "VEVENT") if name == "UID"]


def _bytes_faults(data: bytes) -> Iterator[str]:
    if not data.endswith(b"\r\n") or data.count(b"\n") != data.count(b"\r\n"):
        yield "lines do not end with CR LF"
    for number, line in enumerate(data.split(b"\r\n"), 1):
        if len(line) > LONGEST_LINE:
            yield f"line {number} has {len(line)} octets"
        try:
            line.decode()
        except UnicodeDecodeError:
            yield f"line {number} is folded inside a character"
        if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", line):
            yield f"line {number} has a control character"


def _unfolded(data: bytes) -> list[str]:
    return data.decode(errors="replace").replace("\r\n ", "").strip("\r\n").split("\r\n")


def _split(line: str) -> Line:
    """Name, parameters and value; a colon in quotes belongs to a parameter."""
    head, quoted = "", False
    for sign in line:
        quoted ^= sign == '"'
        if sign == ":" and not quoted:
            break
        head += sign
    name, *parameters = head.split(";")
    pairs = (one.partition("=") for one in parameters)
    return name, {key: value.strip('"') for key, _, value in pairs}, line[len(head) + 1 :]


def _nesting_faults(lines: list[Line]) -> Iterator[str]:
    if lines[0][::2] != ("BEGIN", "VCALENDAR") or lines[-1][::2] != ("END", "VCALENDAR"):
        yield "it is not one VCALENDAR"
    inside: list[str] = []
    for name, _, value in lines:
        if not _NAME.fullmatch(name):
            yield f"{name!r} is no name of a property"
        if name == "BEGIN":
            inside.append(value)
        elif name == "END" and (not inside or inside.pop() != value):
            yield f"END:{value} ends nothing"
    if inside:
        yield f"{inside[-1]} is not ended"


def _of(lines: list[Line], component: str) -> Iterator[Line]:
    """The properties of all components of this name, without those of what is inside them."""
    inside: list[str] = []
    for line in lines:
        if line[0] == "BEGIN":
            inside.append(line[2])
        elif line[0] == "END":
            inside.pop()
        elif inside[-1] == component:
            yield line


def _events(lines: list[Line]) -> Iterator[list[Line]]:
    inside: list[Line] | None = None
    for line in lines:
        if line[::2] == ("BEGIN", "VEVENT"):
            inside = []
        elif line[::2] == ("END", "VEVENT") and inside is not None:
            yield inside
            inside = None
        elif inside is not None:
            inside.append(line)


def _property_faults(lines: list[Line]) -> Iterator[str]:
    frame = Counter(name for name, _, _ in _of(lines, "VCALENDAR"))
    for name in ("PRODID", "VERSION"):
        if frame[name] != 1:
            yield f"{frame[name]} times {name}"
    for name, _, value in lines:
        if name in _VALUES and value not in _VALUES[name]:
            yield f"{name} is {value}"
    known: Counter[tuple[str, str]] = Counter()
    for event in _events(lines):
        yield from _event_faults(event)
        values = {name: value for name, _, value in event}
        known[values.get("UID", ""), values.get("RECURRENCE-ID", "")] += 1
    yield from (f"{uid} stands there {n} times" for (uid, _), n in known.items() if n > 1)
    for name, _, value in _of(lines, "VTIMEZONE"):
        if name == "TZID" and "/" not in value:
            yield f"{value} is no zone of the IANA, as Google wants them"


def _event_faults(event: list[Line]) -> Iterator[str]:
    times = Counter(name for name, _, _ in event)
    for name in ("UID", "DTSTAMP", "DTSTART", "SUMMARY"):
        if times[name] != 1:
            yield f"an event with {times[name]} times {name}"
    for name in ("DTEND", "DURATION", "STATUS", "URL", "LOCATION", "DESCRIPTION", "RRULE", "GEO"):
        if times[name] > 1:
            yield f"an event with {times[name]} times {name}"
    if times["DTEND"] and times["DURATION"]:
        yield "an event with DTEND and DURATION"
    kinds = {}
    for name, params, value in event:
        if name in {"DTSTART", "DTEND", "RECURRENCE-ID", "EXDATE", "RDATE"}:
            kinds[name] = kind = params.get("VALUE", "DATE-TIME")
            if not all(_FORMS[kind].fullmatch(one) for one in value.split(",")):
                yield f"{name} is {value}, not a {kind}"
            if "TZID" in params and value.endswith("Z"):
                yield f"{name} has a zone, and is in UTC"
            if kind == "DATE-TIME" and "TZID" not in params and not value.endswith("Z"):
                yield f"{name} floats: it has no zone"
        if name in {"DTSTAMP", "CREATED", "LAST-MODIFIED"} and not _UTC.fullmatch(value):
            yield f"{name} is not in UTC"
    if len(set(kinds.values())) > 1:
        yield f"days and moments are mixed: {kinds}"
    yield from _order_faults({name: value for name, _, value in event}, kinds)


def _order_faults(values: dict[str, str], kinds: dict[str, str]) -> Iterator[str]:
    # The end of days is the day after the last one (RFC 5545 §3.6.1); theirs is not ours to guess.
    if values.get("DTEND", "99999999T999999") <= values["DTSTART"]:
        yield "it ends before it begins"
    rule = dict(part.split("=") for part in values.get("RRULE", "FREQ=DAILY").split(";"))
    if "COUNT" in rule and "UNTIL" in rule:
        yield "a rule with COUNT and UNTIL"
    until = rule.get("UNTIL", "")
    form = _FORMS["DATE"] if kinds["DTSTART"] == "DATE" else _UTC
    if until and not form.fullmatch(until):
        yield f"UNTIL is {until}"


def rss_faults(data: bytes) -> list[str]:
    """What is wrong with a feed by the rules of RSS 2.0, or to a reader of feeds."""
    read = feedparser.parse(data)
    found = [f"feedparser: {read.bozo_exception}"] if read.bozo else []
    if read.version != "rss20":
        found.append(f"it is taken for {read.version!r}")
    root = ElementTree.fromstring(data)
    channel = root.find("channel")
    if root.tag != "rss" or root.get("version") != "2.0" or channel is None:
        return [*found, "it is no RSS 2.0"]
    return [*found, *_channel_faults(channel)]


def _channel_faults(channel: Element) -> Iterator[str]:
    for name in ("title", "link", "description"):
        if not (channel.findtext(name) or "").strip():
            yield f"the channel has no {name}"
    if channel.find("{http://www.w3.org/2005/Atom}link[@rel='self']") is None:
        yield "it does not say its own address"
    if not re.fullmatch(r"[a-z]{2,3}(-\w+)*", channel.findtext("language") or ""):
        yield "it has no language"
    items = channel.findall("item")
    ids = Counter(item.findtext("guid") for item in items)
    yield from (f"the guid {uid} stands there {n} times" for uid, n in ids.items() if n > 1)
    for item in items:
        if not item.findtext("title") and not item.findtext("description"):
            yield "an item without title and description"
        if not urlsplit(item.findtext("link") or "").scheme.startswith("http"):
            yield f"an item's link is {item.findtext('link')!r}"
        if item.findtext("guid") is None:
            yield "an item without a guid"
    for moment in channel.iter():
        if moment.tag in {"pubDate", "lastBuildDate"}:
            try:
                aware = parsedate_to_datetime(moment.text or "").tzinfo is not None
            except ValueError:
                aware = False
            if not aware:
                yield f"{moment.tag} is {moment.text!r}"


def json_feed_faults(document: dict[str, Any]) -> list[str]:
    """What is wrong with a JSON Feed by its version 1.1."""
    found = []
    if document.get("version") != "https://jsonfeed.org/version/1.1":
        found.append("it says no version")
    found += [f"no {name}" for name in ("title", "items") if name not in document]
    ids = Counter(item.get("id") for item in document["items"])
    found += [f"the id {uid} stands there {n} times" for uid, n in ids.items() if n > 1 or not uid]
    for item in document["items"]:
        if "content_html" not in item and "content_text" not in item:
            found.append("an item without content")
        for name in ("date_published", "date_modified"):
            if datetime.fromisoformat(item[name]).tzinfo is None:
                found.append(f"{name} has no zone")
        if not urlsplit(item["url"]).netloc:
            found.append(f"an item's url is {item['url']!r}")
    return found


STATES: Final = {
    f"https://schema.org/Event{state}"
    for state in ("Scheduled", "Cancelled", "Postponed", "Rescheduled", "MovedOnline")
}
MODES: Final = {
    f"https://schema.org/{mode}EventAttendanceMode" for mode in ("Offline", "Online", "Mixed")
}


def data_block_faults(document: dict[str, Any]) -> list[str]:
    """What is wrong with an Event or a NewsArticle as search engines read it (schema.org)."""
    found = [] if document.get("@context") == "https://schema.org" else ["another @context"]
    kind = document.get("@type")
    needed = {
        "Event": ("name", "startDate", "location", "url", "organizer"),
        "NewsArticle": ("headline", "datePublished", "dateModified", "author", "url"),
    }.get(str(kind))
    if needed is None:
        return [*found, f"{kind} is neither Event nor NewsArticle"]
    found += [f"no {name}" for name in needed if not document.get(name)]
    found += [f"{name} is empty" for name, value in document.items() if value in (None, "", [], {})]
    for name in ("startDate", "endDate", "datePublished", "dateModified"):
        found += _moment_faults(name, document.get(name))
    for name, allowed in (("eventStatus", STATES), ("eventAttendanceMode", MODES)):
        if document.get(name, next(iter(allowed))) not in allowed:
            found.append(f"{name} is {document[name]}")
    for name in ("url", "@id", "image", "mainEntityOfPage"):
        value = document.get(name, "https://hub.example")
        if not isinstance(value, str) or not urlsplit(value).netloc:
            found.append(f"{name} is {value!r}")
    return found


def _moment_faults(name: str, value: str | None) -> list[str]:
    """A day, or a moment with its offset."""
    if value is None:
        return []
    try:
        day_alone = len(value) == len("2026-09-12") and date.fromisoformat(value) is not None
        return [] if day_alone or datetime.fromisoformat(value).tzinfo else [f"{name} has no zone"]
    except ValueError:
        return [f"{name} is {value!r}"]
