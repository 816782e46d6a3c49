"""HTTP Message Signatures (RFC 9421), with the structured fields they are written in.

Two headers: `Signature-Input` names, under a label, what is covered; `Signature` holds the
signature under the same label. What is signed is rebuilt from the request, line by line.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote_plus

import http_sf
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from http_sf.types import BareItemType

from federation.errors import SignatureInvalid

MAX_HEADER_CHARACTERS = 16384
"""Longest `Signature-Input` or `Signature`: room for several labels."""
MAX_LABELS = 8
"""Labels looked at; proxies add one, nobody adds more than two."""
MAX_COMPONENTS = 64
"""Most components under one label; peers cover up to eight."""

Bare = BareItemType
Component = tuple[str, Mapping[str, Bare]]

_ALGORITHMS = frozenset({"rsa-v1_5-sha256", "rsa-pss-sha512", "ed25519"})


@dataclass(frozen=True, slots=True)
class Message:
    """The request as its sender saw it.

    `scheme` and `authority` are those of our public address; `target` is path and query;
    `headers` maps names in lower case to their values in order.
    """

    method: str
    scheme: str
    authority: str
    target: str
    headers: Mapping[str, Sequence[str]]

    @property
    def path(self) -> str:
        """The path, `/` where there is none (RFC 9421 §2.2.6)."""
        return self.target.partition("?")[0] or "/"

    @property
    def query(self) -> str:
        """The query with its question mark, which stands alone without one (§2.2.7)."""
        return f"?{self.target.partition('?')[2]}"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What stands under one label."""

    label: str
    components: tuple[Component, ...]
    given: Mapping[str, Bare]
    signature: bytes

    @property
    def key_id(self) -> str | None:
        """The key, if it is named."""
        return self._text("keyid")

    @property
    def algorithms(self) -> tuple[str, ...]:
        """What the key may be used for; unnamed, the kind of the key decides.

        Raises:
            SignatureInvalid: an algorithm that we do not take.
        """
        if "alg" not in self.given:
            return ("rsa-v1_5-sha256", "ed25519")
        algorithm = self._text("alg")
        if algorithm not in _ALGORITHMS:
            raise SignatureInvalid("the signature is of a kind that we do not take")
        return (algorithm,)

    @property
    def created(self) -> int | None:
        """When it was made, in seconds since 1970."""
        return self._moment("created")

    @property
    def expires(self) -> int | None:
        """When it ends, in seconds since 1970."""
        return self._moment("expires")

    @property
    def names(self) -> frozenset[str]:
        """The components covered whole, as the request has them.

        One with parameters says something else: only a member, or only of a response.
        """
        return frozenset(name for name, parameters in self.components if not parameters)

    def _text(self, name: str) -> str | None:
        value = self.given.get(name)
        if value is not None and not isinstance(value, str):
            raise SignatureInvalid("a parameter of the signature is not a text")
        return value

    def _moment(self, name: str) -> int | None:
        value = self.given.get(name)
        if value is not None and type(value) is not int:  # True is an int as well
            raise SignatureInvalid("a time of the signature is not a number of seconds")
        return value


def parse(signature_input: str, signature: str) -> tuple[Parameters, ...]:
    """What stands under each label that has both its halves, in the order of the header.

    Raises:
        SignatureInvalid: the headers cannot be read.
    """
    inputs, signatures = _dictionary(signature_input), _dictionary(signature)
    found = []
    for label, member in list(inputs.items())[:MAX_LABELS]:
        value = _value(signatures.get(label))
        if not isinstance(member, tuple) or not isinstance(member[0], list):
            raise SignatureInvalid("Signature-Input holds something that is no list")
        if isinstance(value, bytes):
            found.append(Parameters(label, _components(member[0]), member[1], value))
    return tuple(found)


def requested(accept_signature: str) -> tuple[tuple[frozenset[str], Mapping[str, Bare]], ...]:
    """What each label of an `Accept-Signature` would have covered, and its parameters (§5.1).

    Raises:
        SignatureInvalid: the header cannot be read.
    """
    found = []
    for member in list(_dictionary(accept_signature).values())[:MAX_LABELS]:
        if not isinstance(member, tuple) or not isinstance(member[0], list):
            raise SignatureInvalid("Accept-Signature holds something that is no list")
        # A component with parameters is more than its name says; we have none such.
        names = (_identifier(each) if each[1] else each[0] for each in _components(member[0]))
        found.append((frozenset(names), member[1]))
    return tuple(found)


def signature_base(
    message: Message, components: Sequence[Component], given: Mapping[str, Bare]
) -> bytes:
    """What is signed (RFC 9421 §2.5).

    Raises:
        SignatureInvalid: a component is not there, stands there twice, or cannot be read.
    """
    lines: list[str] = []
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for name, parameters in components:
        identity = (name, frozenset((key, repr(value)) for key, value in parameters.items()))
        if identity in seen:
            raise SignatureInvalid("a component is covered twice")
        seen.add(identity)
        lines.append(f"{_identifier((name, parameters))}: {_component(message, name, parameters)}")
    lines.append(f'"@signature-params": {_parameters(components, given)}')
    try:
        # Servers hand out header bytes as Latin-1; so the bytes come back as they were.
        return "\n".join(lines).encode("latin-1")
    except UnicodeEncodeError as error:
        raise SignatureInvalid("a covered header holds characters beyond bytes") from error


def sign(
    key: RSAPrivateKey | Ed25519PrivateKey,
    message: Message,
    names: Sequence[str],
    given: Mapping[str, Bare],
    *,
    label: str = "sig1",
) -> tuple[str, str]:
    """The values of `Signature-Input` and `Signature`, covering `names` whole."""
    components: list[Component] = [(name, {}) for name in names]
    base = signature_base(message, components, given)
    if isinstance(key, Ed25519PrivateKey):
        signature = key.sign(base)
    else:
        signature = key.sign(base, padding.PKCS1v15(), hashes.SHA256())
    encoded = b64encode(signature).decode("ascii")
    return f"{label}={_parameters(components, given)}", f"{label}=:{encoded}:"


def _dictionary(header: str) -> dict[str, object]:
    if len(header) > MAX_HEADER_CHARACTERS:
        raise SignatureInvalid("the signature is too long")
    try:
        raw = header.encode("ascii")
        parsed = http_sf.parse(raw, tltype="dictionary", on_duplicate_key=_refuse_twice)
    except ValueError as error:
        raise SignatureInvalid("the signature cannot be read") from error
    return dict(parsed) if isinstance(parsed, dict) else {}


def _refuse_twice(name: str, _place: str) -> None:
    raise SignatureInvalid(f"{name[:64]} stands there twice")


def _value(member: object) -> object:
    return member[0] if isinstance(member, tuple) else member


def _components(items: list[object]) -> tuple[Component, ...]:
    if len(items) > MAX_COMPONENTS:
        raise SignatureInvalid("the signature covers too many components")
    components: list[Component] = []
    for item in items:
        if not isinstance(item, tuple) or not isinstance(item[0], str):
            raise SignatureInvalid("a covered component has no name")
        if item[0] != item[0].lower():
            raise SignatureInvalid("a covered component is not in lower case")
        components.append((item[0], item[1]))
    return tuple(components)


def _component(message: Message, name: str, parameters: Mapping[str, Bare]) -> str:
    if name == "@query-param":
        value = _query_parameter(message, parameters)
    elif name.startswith("@"):
        derived = _DERIVED.get(name)
        if derived is None or parameters:
            raise SignatureInvalid("a covered component that we do not know")
        value = derived(message)
    else:
        value = _field(message, name, parameters)
    if "\n" in value or "\r" in value:
        raise SignatureInvalid("a covered component breaks its line")
    return value


_DERIVED: dict[str, Callable[[Message], str]] = {
    "@method": lambda message: message.method,
    # Rebuilt from our configured address: behind a proxy the headers would not know it.
    "@target-uri": lambda message: f"{message.scheme}://{message.authority}{message.target}",
    "@authority": lambda message: message.authority,
    "@scheme": lambda message: message.scheme,
    "@request-target": lambda message: message.target,
    "@path": lambda message: message.path,
    "@query": lambda message: message.query,
}


def _query_parameter(message: Message, parameters: Mapping[str, Bare]) -> str:
    """One value of the query, encoded anew (RFC 9421 §2.2.8)."""
    wanted = parameters.get("name")
    if not isinstance(wanted, str) or len(parameters) != 1:
        raise SignatureInvalid("a covered query parameter has no name")
    try:
        pairs = parse_qsl(message.query[1:], keep_blank_values=True, max_num_fields=100)
    except ValueError as error:
        raise SignatureInvalid("the query has too many parameters") from error
    values = [value for name, value in pairs if name == unquote_plus(wanted)]
    if len(values) != 1:
        raise SignatureInvalid("a covered query parameter is not there once")
    return quote(values[0], safe="*", errors="replace").replace("~", "%7E")


def _field(message: Message, name: str, parameters: Mapping[str, Bare]) -> str:
    """The whole of a header (RFC 9421 §2.1).

    No peer asks for single members, strict writing or bytes; what we cannot rebuild, we refuse.
    """
    values = message.headers.get(name)
    if not values:
        raise SignatureInvalid("a covered header is missing")
    if parameters:
        raise SignatureInvalid("a covered header is wanted in a form that we do not know")
    return ", ".join(value.strip() for value in values)


def _identifier(component: Component) -> str:
    """A component as it begins its line: its name in quotes, then its parameters."""
    name, parameters = component
    return http_sf.ser((name, dict(parameters)))


def _parameters(components: Sequence[Component], given: Mapping[str, Bare]) -> str:
    """The list of what is covered, with the parameters of the signature (RFC 9421 §2.3)."""
    try:
        listed = " ".join(_identifier(component) for component in components)
        return f"({listed}){http_sf.ser(('', dict(given)))[2:]}"
    except ValueError as error:
        raise SignatureInvalid("a parameter of the signature cannot be written") from error
