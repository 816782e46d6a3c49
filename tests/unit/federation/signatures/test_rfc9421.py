"""RFC 9421: parts of a request as their sender saw them, and what is signed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.errors import SignatureInvalid
from federation.signatures import rfc9421
from federation.signatures.rfc9421 import Message

MESSAGE = Message(
    "POST",
    "https",
    "www.example.com",
    "/path?param=value&foo=bar&baz=batman&qux=&a%20b=c+%C3%A9~*",
    {"host": ("www.example.com",), "x-two": (" a ", "b"), "x-none": ("",)},
)


def line(
    component: str, message: Message = MESSAGE, parameters: dict[str, str | bool] | None = None
) -> str:
    base = rfc9421.signature_base(message, [(component, {**(parameters or {})})], {})
    return base.decode("latin-1").split("\n")[0].partition(": ")[2]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("@method", "POST"),
        ("@target-uri", f"https://www.example.com{MESSAGE.target}"),
        ("@authority", "www.example.com"),
        ("@scheme", "https"),
        ("@request-target", MESSAGE.target),
        ("@path", "/path"),
        ("@query", MESSAGE.target.removeprefix("/path")),
        ("host", "www.example.com"),
        ("x-two", "a, b"),
        ("x-none", ""),
    ],
)
def test_components_are_what_the_sender_saw(name: str, value: str) -> None:
    assert line(name) == value


def test_a_request_without_path_and_query_has_both() -> None:
    bare = Message("GET", "https", "a.example", "", {})
    assert line("@path", bare) == "/"
    assert line("@query", bare) == "?"


@pytest.mark.parametrize(
    ("name", "value"),
    [("baz", "batman"), ("qux", ""), ("param", "value"), ("a%20b", "c%20%C3%A9%7E*")],
)
def test_a_query_parameter_is_encoded_anew(name: str, value: str) -> None:
    assert line("@query-param", parameters={"name": name}) == value


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("@unknown", {}),
        ("@status", {}),
        ("@signature-params", {}),
        ("@method", {"req": True}),
        ("@query-param", {}),
        ("@query-param", {"name": "nobody"}),
        ("@query-param", {"name": True}),
        ("@query-param", {"name": "baz", "req": True}),
        ("x-missing", {}),
        ("x-two", {"bs": True}),
        ("x-two", {"key": "a"}),
    ],
)
def test_what_cannot_be_rebuilt_is_refused(name: str, parameters: dict[str, str | bool]) -> None:
    with pytest.raises(SignatureInvalid):
        line(name, parameters=parameters)


def test_a_query_parameter_that_stands_twice_is_refused() -> None:
    twice = Message("GET", "https", "a.example", "/?a=1&a=2", {})
    with pytest.raises(SignatureInvalid):
        line("@query-param", twice, {"name": "a"})


def test_a_query_of_a_thousand_parameters_is_refused() -> None:
    many = Message("GET", "https", "a.example", "/?" + "a&" * 1000, {})
    with pytest.raises(SignatureInvalid):
        line("@query-param", many, {"name": "a"})


def test_a_component_covered_twice_is_refused() -> None:
    with pytest.raises(SignatureInvalid):
        rfc9421.signature_base(MESSAGE, [("@method", {}), ("@method", {})], {})
    rfc9421.signature_base(
        MESSAGE, [("@query-param", {"name": "baz"}), ("@query-param", {"name": "qux"})], {}
    )


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "\u20ac"])
def test_a_value_that_breaks_its_line_is_refused(value: str) -> None:
    message = Message("GET", "https", "a.example", "/", {"x": (value,)})
    with pytest.raises(SignatureInvalid):
        line("x", message)


INPUT = '("@method" "@target-uri");created=1;keyid="https://a.example/#k"'


def test_several_labels_are_read_in_their_order() -> None:
    found = rfc9421.parse(f'b={INPUT}, a={INPUT};tag="x"', "a=:AAAA:, b=:BBBB:, c=:CCCC:")
    assert [each.label for each in found] == ["b", "a"]
    assert found[0].key_id == "https://a.example/#k"
    assert found[0].created == 1
    assert found[0].expires is None
    assert found[0].names == {"@method", "@target-uri"}
    assert found[0].signature == b"\x04\x10\x41"


def test_a_label_without_signature_is_passed_over() -> None:
    assert rfc9421.parse(f"a={INPUT}", "b=:AAAA:") == ()
    assert rfc9421.parse(f"a={INPUT}", 'a="AAAA"') == ()
    assert rfc9421.parse("", "") == ()


@pytest.mark.parametrize(
    ("signature_input", "signature"),
    [
        ("a", "a=:AAAA:"),
        ("a=1", "a=:AAAA:"),
        ("a=(1)", "a=:AAAA:"),
        ("a=(token)", "a=:AAAA:"),
        ('a=("Host")', "a=:AAAA:"),
        ("a=(" + '"x" ' * 65 + ")", "a=:AAAA:"),
        (f"a={INPUT}, a={INPUT}", "a=:AAAA:"),
        (f"a={INPUT};created=2", "a=:AAAA:"),
        (f"a={INPUT}", "a=:AAAA:, a=:BBBB:"),
        (f"a={INPUT}", "a=:AAA!:"),
        (f"A={INPUT}", "A=:AAAA:"),
        ("é", "a=:AAAA:"),
        ("a" * 20000, "a=:AAAA:"),
    ],
)
def test_headers_that_cannot_be_read_are_refused(signature_input: str, signature: str) -> None:
    with pytest.raises(SignatureInvalid):
        rfc9421.parse(signature_input, signature)


@pytest.mark.parametrize(
    ("parameter", "reader"),
    [
        ('created="1"', "created"),
        ("created=1.5", "created"),
        ("created", "created"),
        ("created=@1", "created"),
        ('expires="1"', "expires"),
        ("keyid=token", "key_id"),
        ("keyid=1", "key_id"),
        ("alg=ed25519", "algorithms"),
        ('alg="hmac-sha256"', "algorithms"),
        ('alg="none"', "algorithms"),
        ("alg", "algorithms"),
    ],
)
def test_parameters_of_another_kind_are_refused(parameter: str, reader: str) -> None:
    found = rfc9421.parse(f'a=("@method");{parameter}', "a=:AAAA:")
    with pytest.raises(SignatureInvalid):
        getattr(found[0], reader)


def test_the_key_decides_when_no_algorithm_is_named() -> None:
    found = rfc9421.parse(f"a={INPUT}", "a=:AAAA:")[0]
    assert found.algorithms == ("rsa-v1_5-sha256", "ed25519")


WORDS = st.text('ab@"();=, :1.?é\\', max_size=120)


@given(WORDS | st.text(max_size=80), WORDS)
def test_any_headers_are_read_or_refused(signature_input: str, signature: str) -> None:
    try:
        found = rfc9421.parse(signature_input, signature)
        for each in found:
            rfc9421.signature_base(MESSAGE, each.components, each.given)
            _ = (each.created, each.expires, each.key_id, each.algorithms, each.names)
    except SignatureInvalid:
        return


@given(
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9_-]{0,6}", fullmatch=True),
        st.integers(-(10**14), 10**14)
        | st.from_regex(r"[ -~]{0,10}", fullmatch=True)
        | st.booleans(),
        max_size=5,
    )
)
def test_parameters_are_written_as_they_were_read(given_: dict[str, str | int | bool]) -> None:
    written = rfc9421.signature_base(MESSAGE, [("@method", {})], given_).decode()
    parameters = written.partition('"@signature-params": ')[2]
    found = rfc9421.parse(f"a={parameters}", "a=:AAAA:")[0]
    assert rfc9421.signature_base(MESSAGE, found.components, found.given).decode() == written
