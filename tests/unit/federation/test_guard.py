"""The guard, alone and in front of both clients: what must never be dialled is not."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Iterable

import httpcore2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from federation import guard as guard_module
from federation.client import HttpGetter, HttpPoster
from federation.curl import CurlPoster
from federation.errors import BadUrl, FederationError, ForbiddenAddress, Refused, Unreachable
from federation.guard import Guard, Resolver
from federation.origins import SplitUrl, split_url

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
PUBLIC = "93.184.215.14"
PUBLIC_6 = "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

# Names as an attacker's own DNS may answer for them.
ZONE = {
    "good.example": [PUBLIC],
    "six.example": [PUBLIC_6],
    "many.example": [f"93.184.215.{n}" for n in range(1, 30)],
    "loop.example": ["127.0.0.1"],
    "loop6.example": ["::1"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "mixed6.example": [PUBLIC, "::1"],
    "scoped.example": ["fe80::1%eth0"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "six-to-four.example": ["2002:7f00:1::"],
    "compatible.example": ["::127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "cgnat.example": ["100.64.0.1"],
    "null.example": ["0.0.0.0"],
    "broadcast.example": ["255.255.255.255"],
    "ula.example": ["fd00::1"],
    "nonsense.example": ["not an address"],
    "localhost": ["::1", "127.0.0.1"],
    "hub": [PUBLIC],
}

HOSTILE = [
    # numbers that resolvers take for 127.0.0.1, 0.0.0.0 or another address
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://0177.0x0.0.1/",
    "https://127.0.0.01/",
    "https://0/",
    "https://0.0.0.0/",
    "https://0x0/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://１２７.0.0.1/",
    "https://127.0.0.1./",
    "https://127.0.0.1:443/",
    "https://999999999999/",
    "https://1.2.3.4.5/",
    "https://8.8.8.8/",
    # private, special, reserved
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://100.64.0.1/",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    # the same in IPv6
    "https://[::1]/",
    "https://[::]/",
    "https://[::127.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[::ffff:0:127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[3fff::1]/",
    "https://[4000::1]/",
    "https://[2001:db8::1]/",
    f"https://[{PUBLIC_6}]/",
    # names that lead inside
    "https://localhost/",
    "https://hub/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://printer.local/",
    "https://metadata.google.internal/",
    "https://facebookcorewwwi.onion/",
    *(
        f"https://{name}/"
        for name in ZONE
        if "." in name and name not in ("good.example", "six.example", "many.example")
    ),
    # schemes, ports, user information, and URLs that parsers disagree about
    "http://good.example/",
    "ftp://good.example/",
    "file:///etc/passwd",
    "gopher://good.example/_",
    "https://good.example:22/",
    "https://good.example:8080/",
    "https://good.example:0/",
    "https://good.example:65536/",
    "https://good.example:/",
    "https://user@127.0.0.1/",
    "https://good.example@127.0.0.1/",
    "https://good.example:443@127.0.0.1/",
    "https://good.example\\@127.0.0.1/",
    "https://good.example%2f@127.0.0.1/",
    "https://127.0.0.1%00.good.example/",
    "https://good.example /",
    "https://good.example\t/",
    "https://good.example\r\nHost: evil/",
    " https://good.example/",
    "https:good.example",
    "https:///good.example",
    "https://",
    "https://.example/",
    "https://a..b/",
    "https://xn--/",
    "https://xn--a/",
    "https://-good.example/",
    "https://[good.example]/",
    "https://[::1/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 130 + "example/",
    "https://good.example/" + "a" * 2048,
    "//good.example/",
    "",
]


async def zone(host: str) -> list[str]:
    if host not in ZONE:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")
    return ZONE[host]


def guard(**settings: object) -> Guard:
    return Guard(resolver=Resolver(zone), **settings)  # type: ignore[arg-type]


class Recorder(httpcore2.AsyncNetworkBackend):
    """Connects to nothing, and notes what it was asked to connect to."""

    def __init__(self) -> None:
        self.dials: list[tuple[str, int]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self.dials.append((host, port))
        raise httpcore2.ConnectError("recorded")

    def socket(self, info: tuple[object, ...]) -> socket.socket:
        address = info[4]
        assert isinstance(address, tuple)
        self.dials.append((address[0], address[1]))
        raise OSError("recorded")


def getter(guard: Guard, recorder: Recorder) -> HttpGetter:
    return HttpGetter(guard, user_agent="test", dialler=recorder)


Posters = Callable[[Guard, Recorder], HttpPoster | CurlPoster]


@pytest.fixture(scope="module", params=[HttpPoster, CurlPoster], ids=["aiohttp", "curl"])
def poster(request: pytest.FixtureRequest) -> Posters:
    """Whatever holds for one client holds for the other."""

    def made(guard: Guard, recorder: Recorder) -> HttpPoster | CurlPoster:
        carrier: type[HttpPoster | CurlPoster] = request.param
        return carrier(guard, user_agent="test", new_socket=recorder.socket)

    return made


@pytest.fixture(autouse=True)
def _no_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading the system's certificates takes 50 ms each time, and nothing here gets to TLS."""
    monkeypatch.setattr("federation.pinning.TlsContext.load_default_certs", lambda _: None)


def test_b1_there_are_more_than_sixty_hostile_notations() -> None:
    assert len(set(HOSTILE)) == len(HOSTILE) > 60


async def test_b1_no_hostile_url_is_dialled_by_either_client(poster: Posters) -> None:
    recorder = Recorder()
    get, post = getter(guard(), recorder), poster(guard(), recorder)
    for url in HOSTILE:
        with pytest.raises(Refused):
            await get.get(url, {}, limit_bytes=10, deadline_s=2)
        with pytest.raises(Refused):
            await post.post(url, {}, b"", deadline_s=2)
    assert recorder.dials == []
    await get.close()
    await post.close()


async def test_b1_no_hostile_address_is_dialled_where_http_and_odd_ports_are_allowed(
    poster: Posters,
) -> None:
    recorder = Recorder()
    lax = guard(allow_http=True)
    get, post = getter(lax, recorder), poster(lax, recorder)
    for url in HOSTILE:
        for client in (
            get.get(url, {}, limit_bytes=10, deadline_s=2),
            post.post(url, {}, b"", deadline_s=2),
        ):
            with pytest.raises(FederationError):
                await client
    assert {address for address, _ in recorder.dials} <= {PUBLIC}
    await get.close()
    await post.close()


class Fooled(Guard):
    """A guard whose look-ups were got round in some way that nobody thought of."""

    def check_url(self, url: str) -> SplitUrl:
        return split_url(url)

    async def resolve(self, host: str, port: int) -> list[str]:
        return ["127.0.0.1"]


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.0.0.1", "good.example"])
async def test_b2_the_last_look_is_at_the_socket_s_own_address(poster: Posters, host: str) -> None:
    recorder = Recorder()
    post = poster(Fooled(allow_http=True), recorder)
    with pytest.raises(ForbiddenAddress):
        await post.post(f"http://{host}:8001/", {}, b"", deadline_s=2)
    assert recorder.dials == []
    await post.close()


async def test_good_names_are_dialled_by_their_address(poster: Posters) -> None:
    recorder = Recorder()
    get, post = getter(guard(), recorder), poster(guard(), recorder)
    for url in ("https://good.example/", "https://six.example:8443/"):
        with pytest.raises(Unreachable):
            await get.get(url, {}, limit_bytes=10, deadline_s=2)
        with pytest.raises(Unreachable):
            await post.post(url, {}, b"", deadline_s=2)
    assert recorder.dials == [(PUBLIC, 443), (PUBLIC, 443), (PUBLIC_6, 8443), (PUBLIC_6, 8443)]
    await get.close()
    await post.close()


async def test_no_more_than_four_addresses_of_a_name_are_tried() -> None:
    recorder = Recorder()
    get = getter(guard(), recorder)
    with pytest.raises(Unreachable):
        await get.get("https://many.example/", {}, limit_bytes=10, deadline_s=2)
    assert len(recorder.dials) == 4
    await get.close()


async def test_localhost_is_dialled_only_where_it_lies_in_an_allowed_network(
    poster: Posters,
) -> None:
    recorder = Recorder()
    allowed = guard(allow_networks=LOOPBACK, allow_http=True)
    get, post = getter(allowed, recorder), poster(allowed, recorder)
    with pytest.raises(Unreachable):
        await get.get("http://localhost:8001/", {}, limit_bytes=10, deadline_s=2)
    with pytest.raises(Unreachable):
        await post.post("http://localhost:8001/", {}, b"", deadline_s=2)
    assert recorder.dials == [("127.0.0.1", 8001)] * 2
    await get.close()
    await post.close()


@pytest.mark.parametrize("url", ["http://127.0.0.1:8001/", "http://127.1:8001/"])
async def test_addresses_inside_an_allowed_network_are_dialled(poster: Posters, url: str) -> None:
    recorder = Recorder()
    allowed = guard(allow_networks=LOOPBACK, allow_http=True)
    post = poster(allowed, recorder)
    with pytest.raises(Unreachable):
        await post.post(url, {}, b"", deadline_s=2)
    assert recorder.dials == [("127.0.0.1", 8001)]
    await post.close()


@pytest.mark.parametrize(
    "host", ["10.0.0.1", "8.8.8.8", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "0"]
)
def test_addresses_outside_the_allowed_networks_stay_refused(host: str) -> None:
    with pytest.raises(ForbiddenAddress):
        guard(allow_networks=LOOPBACK, allow_http=True).check_url(f"http://{host}:8001/")


async def test_a_name_without_a_dot_never_leads_to_the_public_internet() -> None:
    with pytest.raises(ForbiddenAddress):
        await guard(allow_networks=LOOPBACK).resolve("hub", 443)


async def test_b2_answers_outside_are_passed_over_only_where_networks_are_allowed() -> None:
    with pytest.raises(ForbiddenAddress):
        await guard().resolve("mixed.example", 443)
    assert await guard(allow_networks=LOOPBACK).resolve("mixed6.example", 443) == [PUBLIC]


async def test_what_the_dns_did_may_be_tried_again_and_what_the_url_says_may_not() -> None:
    with pytest.raises(ForbiddenAddress) as by_name:
        await guard().resolve("loop.example", 443)
    with pytest.raises(ForbiddenAddress) as by_address:
        await guard().resolve("127.0.0.1", 443)
    assert by_name.value.retry
    assert not by_address.value.retry


async def test_ap_78_a_name_that_changes_its_address_after_the_check_is_not_followed(
    poster: Posters,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]])

    async def rebinding(_: str) -> list[str]:
        return next(answers)

    monkeypatch.setattr(guard_module, "DNS_CACHE_SECONDS", 0.0)
    recorder = Recorder()
    strict = Guard(resolver=Resolver(rebinding))
    get, post = getter(strict, recorder), poster(strict, recorder)
    with pytest.raises(Unreachable):
        await get.get("https://good.example/", {}, limit_bytes=10, deadline_s=2)
    with pytest.raises(ForbiddenAddress):
        await get.get("https://good.example/", {}, limit_bytes=10, deadline_s=2)
    with pytest.raises(ForbiddenAddress):
        await post.post("https://good.example/", {}, b"", deadline_s=2)
    assert recorder.dials == [(PUBLIC, 443)]
    await get.close()
    await post.close()


async def test_answers_are_kept_for_a_minute_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def lookup(host: str) -> list[str]:
        asked.append(host)
        return [PUBLIC]

    now = [0.0]
    monkeypatch.setattr("federation.guard.time.monotonic", lambda: now[0])
    resolver = Resolver(lookup)
    for moment in (0.0, 59.0, 61.0):
        now[0] = moment
        await resolver.addresses("good.example")
    assert len(asked) == 2


async def test_b9_the_number_of_kept_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lookup(_: str) -> list[str]:
        return [PUBLIC]

    monkeypatch.setattr(guard_module, "DNS_CACHE_NAMES", 5)
    resolver = Resolver(lookup)
    for n in range(50):
        await resolver.addresses(f"{n}.example")
    assert len(resolver._answers) == 5


async def test_b5_a_name_server_that_is_silent_makes_the_host_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def silent(_: str) -> list[str]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(guard_module, "DNS_SECONDS", 0.01)
    with pytest.raises(Unreachable):
        await Guard(resolver=Resolver(silent)).resolve("good.example", 443)


@pytest.mark.parametrize(
    ("own", "url"),
    [
        ("hub.example", "https://hub.example/actors/events"),
        ("hub.example", "https://HUB.example:443/"),
        ("hub.example", "http://hub.example:443/"),
        ("xn--bcher-kva.example", "https://Bücher.example/"),
        ("127.0.0.1:8001", "http://127.0.0.1:8001/"),
        ("127.0.0.1:8001", "http://127.1:8001/"),
        ("[::1]:8001", "http://[0:0::1]:8001/"),
        ("localhost:8001", "http://localhost:8001/"),
    ],
)
def test_b1_this_server_itself_is_refused(own: str, url: str) -> None:
    networks = (*LOOPBACK, ipaddress.ip_network("::1/128"))
    with pytest.raises(ForbiddenAddress, match="itself"):
        guard(own_hosts=frozenset({own}), allow_http=True, allow_networks=networks).check_url(url)


async def test_this_server_is_refused_under_another_name_for_its_address() -> None:
    own = guard(own_hosts=frozenset({"127.0.0.1:8001"}), allow_http=True, allow_networks=LOOPBACK)
    with pytest.raises(ForbiddenAddress):
        await own.resolve("localhost", 8001)
    assert await own.resolve("localhost", 8002) == ["127.0.0.1"]


def test_the_neighbour_on_another_port_is_another_server() -> None:
    own = guard(own_hosts=frozenset({"127.0.0.1:8001"}), allow_http=True, allow_networks=LOOPBACK)
    assert own.check_url("http://127.0.0.1:8002/inbox").authority == "127.0.0.1:8002"


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("HTTPS://Good.Example", "https://good.example/"),
        ("https://good.example:443/a?b=c#d", "https://good.example/a?b=c"),
        ("https://good.example:8443/?", "https://good.example:8443/"),
        ("http://good.example:80/", "http://good.example/"),
        ("https://bücher.example/straße?q=ü", "https://xn--bcher-kva.example/stra%C3%9Fe?q=%C3%BC"),
        (
            "https://good.example/a/../b//c%2fd;e?x=[1]",
            "https://good.example/a/../b//c%2fd;e?x=[1]",
        ),
        ("https://a_b.good.example/@me", "https://a_b.good.example/@me"),
    ],
)
def test_a_good_url_is_asked_for_as_it_was_written(url: str, plain: str) -> None:
    assert split_url(url).url == plain
    assert split_url(plain).url == plain


@pytest.mark.parametrize(
    "address",
    [PUBLIC, "1.1.1.1", "9.255.255.255", "100.128.0.0", PUBLIC_6, "2a00::1", "2001:200::1"],
)
def test_public_addresses_are_allowed(address: str) -> None:
    assert guard().allows(address)


def test_the_standard_library_disagrees_about_what_is_global() -> None:
    for address in ("::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "fec0::1", "224.0.0.1"):
        assert not guard().allows(address)


addresses = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6))


@given(addresses)
@example(ipaddress.ip_address("2001:1ff:ffff::1"))
def test_b1_no_private_address_is_ever_allowed(address: ipaddress.IPv4Address) -> None:
    if guard().allows(str(address)):
        assert not address.is_private
        assert not address.is_multicast
        assert not address.is_loopback
        assert not address.is_link_local
        assert not address.is_reserved


@given(addresses)
def test_no_literal_address_passes_where_no_network_is_allowed(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    host = f"[{address}]" if ":" in str(address) else str(address)
    with pytest.raises(ForbiddenAddress):
        guard().check_url(f"https://{host}/")


hosts = st.one_of(st.text(max_size=20), st.sampled_from(sorted(ZONE)), addresses.map(str))
urls = st.one_of(
    st.text(max_size=60),
    st.sampled_from(HOSTILE),
    st.builds(
        "{}://{}{}{}{}".format,
        st.sampled_from(["http", "https", "HTTPS", "ftp", ""]),
        hosts,
        st.sampled_from(["", ":80", ":443", ":99999", ":", ":x"]),
        st.text(max_size=20).map(lambda text: f"/{text}"),
        st.text(max_size=10).map(lambda text: f"?{text}"),
    ),
)


@given(urls)
@settings(max_examples=400)
@example("https://xn--/")
@example("https://a..b/")
@example("https://[v1.a]/")
@example("https://\udc80.example/\udc80")
def test_b10_any_text_is_a_url_or_a_bad_one(url: str) -> None:
    try:
        parts = split_url(url)
    except BadUrl:
        return
    assert parts.url.isascii()
    assert split_url(parts.url) == parts


@given(urls)
@settings(max_examples=300)
@example("https://xn--/")
@example("https://a..b/")
def test_b10_nothing_but_our_own_errors_leaves_a_client(poster: Posters, url: str) -> None:
    async def ask() -> None:
        recorder = Recorder()
        lax = guard(allow_http=True, allow_networks=LOOPBACK)
        get, post = getter(lax, recorder), poster(lax, recorder)
        with pytest.raises(FederationError):
            await get.get(url, {}, limit_bytes=10, deadline_s=2)
        with pytest.raises(FederationError):
            await post.post(url, {}, b"", deadline_s=2)
        await get.close()
        await post.close()
        assert all(guard(allow_networks=LOOPBACK).allows(address) for address, _ in recorder.dials)

    asyncio.run(ask())


@given(hosts, st.integers(0, 65535))
@settings(max_examples=200)
def test_b10_nothing_but_our_own_errors_leaves_a_lookup(host: str, port: int) -> None:
    try:
        found = asyncio.run(guard().resolve(host, port))
    except FederationError:
        return
    assert all(guard().allows(address) for address in found)
