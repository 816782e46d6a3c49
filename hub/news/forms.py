"""The form of an article, and the draft that it makes."""

from __future__ import annotations

from typing import Any, Final

from hub.entries import forms
from hub.entries.models import Picture
from hub.news import service
from hub.news.models import Article
from hub.news.schemas import ArticleDraft, article_draft
from hub.web.forms import Form

_TEXTS: Final = ("title", "description", "location")


def blank() -> dict[str, Any]:
    """A form that nobody has filled yet."""
    return {"visibility": "public"}


def of_article(article: Article) -> dict[str, Any]:
    """The form of an article that is there."""
    return forms.kept(article)


def draft(
    form: Form,
    timezone: str,
    picture: Picture | None = None,
    before: dict[str, Any] | None = None,
) -> ArticleDraft:
    """The draft that a form makes; `before` are the members that the form does not show.

    Raises:
        Invalid: something in it does not make sense.
    """
    members = {
        **(before or {}),
        **forms.members(form, _TEXTS),
        "image": forms.image(form, picture),
        "consent": form.checked("consent"),
    }
    if before is not None and form.text("location") != before.get("location"):
        members |= {"latitude": None, "longitude": None}
    made = article_draft(members, timezone=timezone)
    service.check(made)
    return made
