"""From a letter to the bytes of a message: plain text and simple HTML, the same words in both."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Any, Final

from hub.actors.icons import small
from hub.core import words
from hub.core.look import logo_of
from hub.core.settings import Settings
from hub.core.text import tidy
from hub.mail.models import Mail
from hub.web.pages import environment, face

LONGEST_SUBJECT: Final = 150


@dataclass(frozen=True, slots=True)
class Letter:
    """What one person is told by mail.

    `lines` are paragraphs; `link` is the one thing to do, a whole address, and `button` says what
    it does. `items` are pairs of words and addresses, for letters about several things.
    `unsubscribe` is the address that ends such letters in one tap; empty where they were asked for.
    All words are said in `language`, empty for that of the hub.
    """

    to: str
    subject: str
    lines: tuple[str, ...]
    link: str = ""
    button: str = ""
    items: tuple[tuple[str, str], ...] = ()
    unsubscribe: str = ""
    language: str = ""


def row(letter: Letter, settings: Settings, expires_at: datetime) -> Mail:
    """The letter as it is kept: in its reader's language."""
    language = words.choose(letter.language, "", settings.language)
    with words.speaking(language):
        return Mail(
            recipient=letter.to,
            subject=tidy(words.say(letter.subject))[:LONGEST_SUBJECT],
            link=letter.link,
            content={
                "lines": [words.say(line) for line in letter.lines],
                "button": words.say(letter.button),
                "items": [[words.say(said), address] for said, address in letter.items],
                "unsubscribe": letter.unsubscribe,
                "language": language,
            },
            expires_at=expires_at,
        )


def message(mail: Mail, settings: Settings) -> EmailMessage:
    """The letter as it is sent. Its Message-ID is the row's, so that a repetition is seen as one.

    Raises:
        ValueError: a header cannot be written.
    """
    said: dict[str, Any] = {**mail.content, "link": mail.link, "subject": mail.subject}
    # Letters of before they spoke the reader's language speak the hub's.
    language = mail.content.get("language") or words.base_of(settings.language)
    said |= {"hub": face(settings), "language": language, "direction": words.direction(language)}
    logo = logo_of(settings)
    said["logo"] = f"logo@{settings.authority}" if logo else ""
    made = EmailMessage()
    local, _, domain = settings.mail_address.rpartition("@")
    made["From"] = Address(tidy(settings.name), local, domain)
    made["To"] = Address(addr_spec=mail.recipient)
    made["Subject"] = mail.subject
    made["Date"] = format_datetime(mail.created_at)
    made["Message-ID"] = f"<{mail.id}@{domain}>"
    made["Auto-Submitted"] = "auto-generated"  # RFC 3834 §5: nobody's holiday answers it
    if mail.content["unsubscribe"]:
        made["List-Unsubscribe"] = f"<{mail.content['unsubscribe']}>"
        made["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"  # RFC 8058 §3.1
    with words.speaking(language):
        made.set_content(environment().get_template("mail/letter.txt").render(said))
        html = environment().get_template("mail/letter.html").render(said)
    made.add_alternative(html, subtype="html")
    if logo:
        _enclose(made, small(logo), said["logo"])
    return made


def _enclose(letter: EmailMessage, logo: bytes, name: str) -> None:
    """Put the logo into the letter itself: to show it, nobody is asked (SECURITY D)."""
    pages = [part for part in letter.iter_parts() if part.get_content_type() == "text/html"]
    for page in pages:
        if isinstance(page, EmailMessage):
            page.add_related(
                logo, "image", "png", cid=f"<{name}>", filename="logo.png", disposition="inline"
            )
