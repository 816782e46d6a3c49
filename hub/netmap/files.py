"""The graph as files: GraphML, JSON and a table of its links. Pure."""

from __future__ import annotations

import csv
import io
from typing import Any, Final
from xml.etree import ElementTree as ET

from hub.feeds.tables import safe
from hub.netmap.graph import Graph

GRAPHML: Final = "http://graphml.graphdrawing.org/xmlns"
_KEYS: Final = (
    ("node", "title", "string"),
    ("node", "url", "string"),
    ("node", "origin", "string"),
    ("node", "events", "int"),
    ("edge", "tie", "string"),
    ("edge", "count", "int"),
    ("edge", "why", "string"),
    ("edge", "last", "string"),
)


def members(graph: Graph, here: str) -> dict[str, Any]:
    """The graph as JSON; `here` is our authority."""
    return {
        "nodes": [
            {
                "id": point.key,
                "title": point.title,
                "url": point.url,
                "origin": point.origin or here,
                "events": point.events,
            }
            for point in graph.points
        ],
        "edges": [
            {
                "source": link.one,
                "target": link.other,
                "tie": link.tie,
                "count": link.count,
                "why": list(link.why),
                "last": link.last.isoformat(),
            }
            for link in graph.links
        ],
    }


def graphml(graph: Graph, here: str) -> bytes:
    """The graph as programs for networks read it (GraphML)."""
    ET.register_namespace("", GRAPHML)
    root = ET.Element(f"{{{GRAPHML}}}graphml")
    for what, name, kind in _KEYS:
        given = {"id": name, "for": what, "attr.name": name, "attr.type": kind}
        ET.SubElement(root, f"{{{GRAPHML}}}key", given)
    whole = ET.SubElement(root, f"{{{GRAPHML}}}graph", {"edgedefault": "undirected"})
    said = members(graph, here)
    for node in said["nodes"]:
        _said(ET.SubElement(whole, f"{{{GRAPHML}}}node", {"id": node["id"]}), node, "node")
    for edge in said["edges"]:
        ends = {"source": edge["source"], "target": edge["target"]}
        _said(ET.SubElement(whole, f"{{{GRAPHML}}}edge", ends), edge, "edge")
    file = io.BytesIO()
    ET.ElementTree(root).write(file, encoding="utf-8", xml_declaration=True)
    return file.getvalue()


def _said(element: ET.Element, given: dict[str, Any], what: str) -> None:
    for kind, name, _ in _KEYS:
        if kind == what:
            value = given[name]
            text = " · ".join(value) if isinstance(value, list) else str(value)
            data = ET.SubElement(element, f"{{{GRAPHML}}}data", {"key": name})
            data.text = "".join(sign for sign in text if sign.isprintable())  # XML knows no others


def table(graph: Graph) -> bytes:
    """The links with their headings."""
    titles = {point.key: point.title for point in graph.points}
    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(("one", "other", "tie", "count", "why", "last"))
    for link in graph.links:
        cells = (
            *(titles[link.one], titles[link.other], link.tie, str(link.count)),
            *("; ".join(link.why), link.last.date().isoformat()),
        )
        writer.writerow([safe(cell) for cell in cells])
    return b"\xef\xbb\xbf" + file.getvalue().encode()  # else Excel takes it for Windows-1252
