"""Origins of URLs and the places of services. The hosts are what the URL Standard says of them."""

from __future__ import annotations

import builtins
from typing import Any

import pytest

from l8nt.caveat import Origin, format_origin, read_base, read_origin, target_of_url
from l8nt.caveat.idn import ascii_host


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example", ("https", "api.example", 443)),
        ("http://api.example", ("http", "api.example", 80)),
        ("HTTPS://API.Example:443/a?b#c", ("https", "api.example", 443)),
        ("https://api.example:08443", ("https", "api.example", 8443)),
        ("https://api.example:?a", ("https", "api.example", 443)),
        ("https://a_b.x-y.example", ("https", "a_b.x-y.example", 443)),
        ("http://[0:0::1]:8080", ("http", "[::1]", 8080)),
        ("http://[1:0:0:2:0:0:0:3]", ("http", "[1:0:0:2::3]", 80)),
        ("http://[::FFFF:1.2.3.4]", ("http", "[::ffff:102:304]", 80)),
        ("http://[0:1:2:3:4:5:6:0]", ("http", "[0:1:2:3:4:5:6:0]", 80)),
        ("http://0x7f.1", ("http", "127.0.0.1", 80)),
        ("http://010.1.2.3", ("http", "8.1.2.3", 80)),
        ("http://bücher.example", ("http", "xn--bcher-kva.example", 80)),
        ("http://XN--BCHER-KVA.example", ("http", "xn--bcher-kva.example", 80)),
        ("http://faß.example", ("http", "xn--fa-hia.example", 80)),
        ("http://\u2615.example", ("http", "xn--53h.example", 80)),
        ("http://a\u3002example", ("http", "a.example", 80)),
        ("http://\u05d0.example", ("http", "xn--4db.example", 80)),
    ],
)
def test_a_url_has_the_origin_that_the_url_standard_gives_it(
    url: str, origin: tuple[Any, ...]
) -> None:
    read = read_origin(url)
    assert read == origin
    assert read is not None
    assert read_origin(format_origin(read)) == read


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://api.example", "api.example", "//api.example", "https:api.example", "https://", ""),
        *(
            "https://user@api.example",
            "https://u:p@api.example",
            "https://api.example@evil.example",
        ),
        *("https://api.example.", "https://1.2.3.4.", "https://256.0.0.1", "https://1.2.3.4.5"),
        *("https://09.1", "https://a.0x", "https://4294967296", "https://[::1%25eth0]"),
        *("https://[::1", "https://[1::2::3]", "https://a:65536", "https://a:x", "https://a:-1"),
        *("https://a\\b", "https://a.example\\@evil.example", "https://a b", "https://a\tb"),
        *("\nhttps://a", "https://a ", "https://a/b c", "https://a/\\b", "https://%61pi.example"),
        *("https://xn--", "https://xn--a.example", "https://a<b", "https://a^b", "https://a|b"),
        *("https://\u0301a.example", "https://\u05d0a\u0661.example", "https://a\u200db.example"),
        *("https://\uff03.example", "https://\ud800.example", f"https://a/{'b' * 65_536}"),
    ],
)
def test_what_http_libraries_read_in_two_ways_has_no_origin(url: str) -> None:
    assert read_origin(url) is None
    assert read_base(url) is None
    assert target_of_url("GET", url) is None


@pytest.mark.parametrize(
    ("location", "base"),
    [
        ("https://api.example", "https://api.example"),
        ("https://API.example:443/", "https://api.example"),
        ("https://api.example/v1/", "https://api.example/v1"),
        ("http://api.example:8080/a/%7Eb", "http://api.example:8080/a/~b"),
        *((f"https://api.example{path}", None) for path in ("//", "/a//b", "/a?", "/a#", "?")),
        *((f"https://api.example{path}", None) for path in ("/*", "/a;b", "/a/../b", "/%2f", "/é")),
        (f"https://api.example/{'a' * 256}", None),
    ],
)
def test_a_location_is_an_origin_and_a_path_that_a_proxy_removes(
    location: str, base: str | None
) -> None:
    read = read_base(location)
    assert (None if read is None else read.text) == base


def test_without_idna_only_hosts_in_ascii_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def no_idna(name: str, *rest: Any) -> Any:
        if name == "idna":
            raise ImportError(name)
        return real(name, *rest)

    assert ascii_host("bücher.example") == "xn--bcher-kva.example"
    monkeypatch.setattr(builtins, "__import__", no_idna)
    assert ascii_host("bücher.example") is None
    assert read_origin("https://other.example") == Origin("https", "other.example", 443)
