"""A record as search engines read it: schema.org/Place or Organization, as JSON-LD. Pure."""

from __future__ import annotations

from typing import Any, Final

from hub.core.settings import Settings
from hub.directory.models import Record
from hub.entries.access import LABELS

SCHEMA: Final = "https://schema.org"


def of_record(record: Record, settings: Settings) -> dict[str, Any]:
    """The record's data block; its picture is loaded."""
    picture, place = record.picture, record.kind == "place"
    geo = None
    if record.latitude is not None and record.longitude is not None:
        geo = {
            "@type": "GeoCoordinates",
            "latitude": record.latitude,
            "longitude": record.longitude,
        }
    found: dict[str, Any] = {
        "@context": SCHEMA,
        "@type": "Place" if place else "Organization",
        "@id": record.uri,
        "url": record.url,
        "name": record.title,
        "description": record.summary,
        "address": record.place,
        "geo": geo if place else None,
        "telephone": record.phone,
        "email": None if place else record.email,
        "keywords": list(record.tags),
        "sameAs": [url for url in (record.website, *record.links) if url],
        "amenityFeature": _access(record) if place else None,
        "image": f"{settings.url}/media/{picture.name}" if picture and picture.name else None,
    }
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _access(record: Record) -> list[dict[str, Any]]:
    return [
        {
            "@type": "LocationFeatureSpecification",
            "name": LABELS[name],
            "value": record.access_facts[name]["state"],
        }
        for name in LABELS
        if name in record.access_facts
    ]
