"""Addresses that people give: what is fetched from them, and what never is."""

import gzip
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation

from tests.webapp.foreign import ForeignServer, says, within_reach
from webapp import outside
from webapp.outside import Fetched, OutsideRefused, fetch, lines, post
from webapp.outside.places import is_public

JPEG = b"\xff\xd8 a picture"
MEGABYTE = 1_048_576


@pytest.fixture
def server() -> Iterator[ForeignServer]:
    with ForeignServer(says(JPEG)) as server:
        yield server


@pytest.fixture
def near(monkeypatch: pytest.MonkeyPatch, server: ForeignServer) -> None:
    within_reach(monkeypatch, server)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """What names stand for: at the first look-up, at the second, and so on. Returns what was asked."""
    really = socket.getaddrinfo

    def make(**known: list[list[str]]) -> list[str]:
        asked: list[str] = []

        def look_up(host: str, port: Any, *args: Any, **options: Any) -> Any:
            found = known.get(host.replace(".", "_"))
            if found is None:
                return really(host, port, *args, **options)
            asked.append(host)
            addresses = found.pop(0) if len(found) > 1 else found[0]
            return [
                (socket.AF_INET6 if ":" in a else socket.AF_INET, 1, 6, "", (a, port))
                for a in addresses
            ]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return asked

    return make


def fetched(url: str, *, max_bytes: int = MEGABYTE, seconds: float = 5.0) -> Fetched:
    return fetch(url, max_bytes=max_bytes, seconds=seconds, accept={"image/jpeg", "image/png"})


def refused(url: str, **options: Any) -> OutsideRefused:
    with pytest.raises(OutsideRefused) as caught:
        fetched(url, **options)
    assert caught.value.sentence.endswith(".")
    assert caught.value.sentence.count(". ") >= 1, "it says what to do"
    return caught.value


@pytest.mark.usefixtures("near")
def test_a_picture_is_fetched_with_its_name(server: ForeignServer) -> None:
    found = fetched(server.url("/garden/my%20bee.jpg?size=large"))
    assert found == Fetched(JPEG, "my bee.jpg", "image/jpeg")
    [request] = server.requests
    lines = request.split("\r\n")
    assert lines[0] == "GET /garden/my%20bee.jpg?size=large HTTP/1.1"
    assert f"Host: 127.0.0.1:{server.port}" in lines
    assert "Accept-Encoding: identity" in lines
    assert not any(line.lower().startswith(("cookie", "referer")) for line in lines)


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/", ""),
        ("/a/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("/a%5Cb.jpg", "b.jpg"),
        ("/bee%0A%00.jpg", "bee.jpg"),
        ("/%E8%9C%82.jpg", "蜂.jpg"),
        (f"/{'x' * 400}.jpg", "x" * 255),
    ],
)
def test_a_name_has_no_folders_and_no_control_characters(
    server: ForeignServer, path: str, name: str
) -> None:
    assert fetched(server.url(path)).name == name


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "address_scheme"),
        ("photo.jpg", "address_scheme"),
        ("//example.org/photo.jpg", "address_scheme"),
        ("ftp://example.org/photo.jpg", "address_scheme"),
        ("file:///etc/passwd", "address_scheme"),
        ("gopher://127.0.0.1:6379/_FLUSHALL", "address_scheme"),
        ("data:image/jpeg;base64,AAAA", "address_scheme"),
        ("javascript:alert(1)", "address_scheme"),
        ("https://", "address_malformed"),
        ("https://:443/", "address_malformed"),
        ("https://exa mple.org/", "address_malformed"),
        ("https://example.org\\@127.0.0.1/", "address_malformed"),
        ("https://example.org/\r\nHost: other", "address_malformed"),
        ("https://example.org:0x50/", "address_malformed"),
        ("https://example.org:99999/", "address_malformed"),
        (f"https://example.org/{'a' * 3000}", "address_malformed"),
        ("https://[::1", "address_malformed"),
        ("https://[fe80::1%25eth0]/", "address_malformed"),
        ("https://user:word@example.org/", "address_credentials"),
        ("https://example.org@127.0.0.1/", "address_credentials"),
        ("https://@127.0.0.1/", "address_credentials"),
        ("http://example.org:6379/", "address_port"),
        ("https://example.org:22/", "address_port"),
    ],
)
def test_an_address_that_is_none_is_refused_before_anybody_is_asked(
    monkeypatch: pytest.MonkeyPatch, url: str, code: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("it was looked up"))
    assert refused(url).code == code


PRIVATE = [
    *("127.0.0.1", "127.9.9.9", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
    *("0.0.0.0", "100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1"),
    *("255.255.255.255", "::", "::1", "fe80::1", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
    *("64:ff9b:1::808:808", "2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:db8::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_of_private_networks_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_addresses_of_everybody_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "[::1]"),
        *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::]", "localhost", "localhost.", "LOCALHOST"),
        *("169.254.169.254", "[64:ff9b::7f00:1]", "127.0.0.1.", "0x7f.1"),
    ],
)
def test_this_machine_is_refused_however_it_is_spelled(server: ForeignServer, host: str) -> None:
    assert refused(f"http://{host}/").code in ("address_private", "address_unknown")
    assert not server.requests


@pytest.mark.usefixtures("near")
def test_a_name_is_looked_up_once_and_what_was_checked_is_what_is_asked(
    server: ForeignServer, names: Callable[..., list[str]]
) -> None:
    """A name that stands for something public when it is checked, and for another machine when it is
    used, has nothing to gain: nobody looks a second time."""
    asked = names(rebinds_example=[["127.0.0.1"], ["127.0.0.2"]])
    assert fetched(server.url("/bee.jpg", host="rebinds.example")).content == JPEG
    assert asked == ["rebinds.example"]
    assert f"Host: rebinds.example:{server.port}" in server.requests[0]


@pytest.mark.usefixtures("near")
def test_a_name_that_stands_for_a_private_address_too_is_refused(
    server: ForeignServer, names: Callable[..., list[str]]
) -> None:
    names(mixed_example=[["127.0.0.1", "10.0.0.1"]])
    assert refused(server.url(host="mixed.example")).code == "address_private"
    assert not server.requests


@pytest.mark.usefixtures("near")
def test_a_name_nobody_knows_is_told(
    monkeypatch: pytest.MonkeyPatch, server: ForeignServer
) -> None:
    def look_up(*args: Any, **options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    assert refused(server.url(host="nowhere.example")).code == "address_unknown"


@pytest.mark.usefixtures("near")
def test_a_look_up_that_never_ends_holds_nobody(
    monkeypatch: pytest.MonkeyPatch, server: ForeignServer
) -> None:
    let_go = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: let_go.wait(30))
    began = time.monotonic()
    assert refused(server.url(host="slow.example"), seconds=0.3).code == "address_slow"
    assert time.monotonic() - began < 20
    let_go.set()


@pytest.mark.usefixtures("near")
def test_redirects_are_followed_each_as_a_new_address(server: ForeignServer) -> None:
    server.answers["/old"] = says(status="301 Moved", Location="/newer")
    server.answers["/newer"] = says(status="307 Moved", Location=server.url("/bee.png"))
    assert fetched(server.url("/old")).name == "bee.png"
    assert len(server.requests) == 3


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize(
    ("onward", "code"),
    [
        ("http://127.0.0.2/", "address_private"),
        ("http://[::1]/", "address_private"),
        ("http://169.254.169.254/latest/meta-data/", "address_private"),
        ("file:///etc/passwd", "address_scheme"),
        ("http://user:word@127.0.0.1/", "address_credentials"),
        ("http://127.0.0.1:6379/", "address_port"),
        ("/again", "address_redirects"),
    ],
)
def test_a_redirect_leads_nowhere_that_an_address_may_not(
    server: ForeignServer, onward: str, code: str
) -> None:
    server.otherwise = says(status="302 Found", Location=onward)
    assert refused(server.url("/again")).code == code
    assert len(server.requests) == (6 if code == "address_redirects" else 1)


@pytest.mark.usefixtures("near")
def test_a_redirect_to_a_name_is_looked_up_and_checked(
    server: ForeignServer, names: Callable[..., list[str]]
) -> None:
    names(inside_example=[["10.1.2.3"]])
    server.otherwise = says(status="302 Found", Location="http://inside.example/")
    assert refused(server.url()).code == "address_private"


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize("status", ["404 Not Found", "403 No", "500 Oh", "204 Nothing", "302 What"])
def test_a_server_that_has_nothing_is_told_with_its_status(
    server: ForeignServer, status: str
) -> None:
    server.otherwise = says(b"", status=status)
    error = refused(server.url())
    assert error.code == "address_status"
    assert status[:3] in error.sentence


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize("content_type", ["text/html; charset=utf-8", "image/svg+xml", ""])
def test_what_is_no_picture_is_refused_by_its_type(
    server: ForeignServer, content_type: str
) -> None:
    server.otherwise = says(b"<html>", content_type=content_type)
    error = refused(server.url())
    assert error.code == "address_type"
    assert "image/jpeg, image/png" in error.sentence


@pytest.mark.usefixtures("near")
def test_a_kind_of_types_may_be_asked_for(server: ForeignServer) -> None:
    server.otherwise = says(JPEG, content_type="Image/WebP")
    found = fetch(server.url(), max_bytes=99, seconds=5, accept={"image/*"})
    assert found.content_type == "image/webp"


@pytest.mark.usefixtures("near")
def test_what_says_that_it_is_too_large_is_not_read(server: ForeignServer) -> None:
    server.otherwise = says(b"x", length=10**12)
    error = refused(server.url(), max_bytes=2 * MEGABYTE)
    assert error.code == "address_large"
    assert "2 MB" in error.sentence


def endless(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n")
    while True:
        line.sendall(b"x" * 65536)


def endless_pieces(line: socket.socket) -> None:
    line.sendall(
        b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    while True:
        line.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def endless_head(line: socket.socket) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        line.sendall(b"X: " + b"x" * 1000 + b"\r\n")


def endless_patience(line: socket.socket) -> None:
    while True:
        line.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.01)


def silence(line: socket.socket) -> None:
    line.recv(1)


def drip_of(start: bytes) -> Callable[[socket.socket], None]:
    def drip(line: socket.socket) -> None:
        line.sendall(start)
        while True:
            line.sendall(b"x")
            time.sleep(0.05)

    return drip


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize("body", [endless, endless_pieces])
def test_what_never_ends_is_left_as_soon_as_it_is_too_much(
    server: ForeignServer, body: Callable[[socket.socket], None]
) -> None:
    server.otherwise = body
    assert refused(server.url(), seconds=30).code == "address_large"


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize(
    "say",
    [
        silence,
        endless_patience,
        drip_of(b""),
        drip_of(b"HTTP/1.1 200 OK\r\nX-Long: "),
        drip_of(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n"),
        drip_of(b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 9999\r\n\r\n"),
    ],
    ids=["silence", "patience", "first line", "head", "body", "body of a length"],
)
def test_what_drips_is_cut_off_when_the_time_is_up(
    server: ForeignServer, say: Callable[[socket.socket], None]
) -> None:
    server.otherwise = say
    began = time.monotonic()
    assert refused(server.url(), seconds=0.5).code == "address_slow"
    assert time.monotonic() - began < 2


@pytest.mark.usefixtures("near")
@pytest.mark.parametrize(
    "say",
    [
        endless_head,
        says(JPEG, length=9999),
        lambda line: line.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"),
        lambda line: None,
    ],
    ids=["endless head", "shorter than said", "another protocol", "nothing at all"],
)
def test_what_breaks_off_or_makes_no_sense_is_told(
    server: ForeignServer, say: Callable[[socket.socket], None]
) -> None:
    server.otherwise = say
    assert refused(server.url()).code == "address_broken"


@pytest.mark.usefixtures("near")
def test_what_comes_compressed_is_refused_and_never_unpacked(server: ForeignServer) -> None:
    bomb = gzip.compress(b"\0" * MEGABYTE)
    server.otherwise = says(bomb, Content_Encoding="gzip")
    assert refused(server.url(), max_bytes=2 * MEGABYTE).code == "address_encoded"


@pytest.mark.usefixtures("near")
def test_a_server_that_is_not_there_is_told(server: ForeignServer) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        outside._PICTURE_PORTS.add(port)  # type: ignore[attr-defined]
        assert refused(f"http://127.0.0.1:{port}/").code == "address_unreachable"


@pytest.mark.usefixtures("near")
def test_proxies_of_the_environment_are_not_asked(
    server: ForeignServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetched(server.url()).content == JPEG


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of pictures.example, by its own authority; key and certificate in one file."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=pictures.example"),
            *("-addext", "subjectAltName=DNS:pictures.example"),
            *("-keyout", str(folder / "key"), "-out", str(folder / "certificate")),
        ],
        check=True,
        capture_output=True,
    )
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return both


@pytest.fixture
def tls_server(
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    names: Callable[..., list[str]],
) -> Iterator[ForeignServer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    names(pictures_example=[["127.0.0.1"]], other_example=[["127.0.0.1"]])
    with ForeignServer(says(JPEG), tls=context) as server:
        monkeypatch.setattr(lines, "is_public", lambda ip: True)
        monkeypatch.setattr(outside, "_PICTURE_PORTS", {server.port})
        yield server


def test_a_certificate_has_to_be_for_the_name_that_was_given(
    tls_server: ForeignServer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusting = ssl.create_default_context(cafile=str(certificate))
    monkeypatch.setattr(lines, "_trusted", lambda: trusting)
    assert fetched(tls_server.url(host="pictures.example")).content == JPEG
    assert refused(tls_server.url(host="other.example")).code == "address_untrusted"


def test_a_certificate_of_nobody_we_know_is_not_trusted(tls_server: ForeignServer) -> None:
    assert refused(tls_server.url(host="pictures.example")).code == "address_untrusted"
    assert not tls_server.requests


def test_a_post_tells_the_status_and_follows_nowhere(server: ForeignServer) -> None:
    server.answers["/moved"] = says(status="307 Moved", Location="/hook")
    options: Any = {"body": b'{"a": 1}', "seconds": 5, "allow_private": True}
    headers = {"Content-Type": "application/json", "X-Our": "own"}
    assert post(server.url("/hook"), headers=headers, **options) == 200
    assert post(server.url("/moved"), headers=headers, **options) == 307
    assert len(server.requests) == 2
    assert server.requests[0].startswith("POST /hook HTTP/1.1\r\n")
    assert "X-Our: own" in server.requests[0]
    assert server.bodies[0] == b'{"a": 1}'


def test_a_post_goes_to_no_private_address_unless_it_may(server: ForeignServer) -> None:
    with pytest.raises(OutsideRefused) as caught:
        post(server.url(), body=b"", headers={}, seconds=5)
    assert caught.value.code == "address_private"
    assert not server.requests


def test_a_post_that_nobody_answers_ends_with_its_time(server: ForeignServer) -> None:
    server.otherwise = silence
    began = time.monotonic()
    with pytest.raises(OutsideRefused) as caught:
        post(server.url(), body=b"{}", headers={}, seconds=0.4, allow_private=True)
    assert caught.value.code == "address_slow"
    assert time.monotonic() - began < 2


def test_a_sentence_is_in_the_language_of_whoever_reads_it() -> None:
    error = OutsideRefused("address_private", host="localhost")
    with translation.override("en"):
        assert "localhost is in a private network" in error.sentence
