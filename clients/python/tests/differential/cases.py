"""Random cases, of few enough values that rules often meet. The same seed makes the same cases."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .peer import Command

NOW = 1_800_000_000
PREIMAGE = "1f" * 32
PAYMENT_HASH = "3b1ae1a7b5fba87f9e4ae8ddc5bc2a5c5dd5df83e4f2cfa3f3be6d0a1b2c3d4e"
NODES = [f"02{'ab' * 32}", f"03{'cd' * 32}"]
HASHES = ["3f" * 32, "5a" * 32]
THUMBPRINTS = ["kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k", "A" * 43]
ORIGINS = [
    "https://api.example",
    "https://www.api.example",
    "http://api.example:8080",
    "http://[::1]:8080",
]
LEDGERS = [
    *ORIGINS[:2],
    "https://api.example/v1",
    "https://API.example",
    "https://api.example/",
    "https://api.example:443",
    "https://api.example/v1?",
    "ftp://api.example",
    "",
]
METHODS = ["GET", "GET", "GET", "HEAD", "POST", "M-SEARCH", "TRACE", "CONNECT", "get", "", "G1"]
PATHS = [
    "/",
    "/orders",
    "/orders/1",
    "/orders/1/items",
    "/orders//1",
    "/orders/1/",
    "/~a/%7E%41/%e2%82%AC",
    "/a;b",
    "/a/..;x/b",
    "/a/../b",
    "/a/%2e%2E/b",
    "/a/%252e/b",
    "/a%2fb",
    "/a%252525252fb",
    "/%252541",
    "/%25252541",
    "/%2525252541",
    "/%252525252541",
    "/%c0%ae/",
    "/%E0%80%af",
    "/a|b[c]^d",
    "/a\\b",
    "/a*b",
    "/*",
    "/**",
    "/a%2Ab",
    "/é",
    "/a b",
    "/%",
    "/%4",
    "orders",
    "",
    "/a%00",
    "/a?b=1&c",
    "/a?é=../..",
    "/a#b",
    f"/{'a' * 8191}",
    f"/{'a' * 8192}",
    f"/?{'b' * 8191}",
]
ENTRIES = [
    "* https://*:*/**",
    "* http://*:*/**",
    "GET https://api.example/**",
    "GET https://api.example/orders",
    "GET|POST https://api.example/orders/*",
    "HEAD https://api.example/orders",
    "POST http://api.example:8080/orders/**",
    "* https://*.api.example/**",
    "* https://*.example/orders/1",
    "GET https://*:443/orders",
    "GET https://api.example:*/orders/1",
    "GET https://API.Example:443/%6Frders",
    " GET https://api.example/a ",
    "GET|GET https://api.example/a",
    "M-SEARCH http://[::1]:8080/*/**",
    "GET http://[0:0::1]:8080/**",
    "GET https://api.example/a*",
    "GET https://api.example/**/b",
    "GET https://api.example",
    "GET https://api.example:0/",
    "GET https://api.example:65536/",
    "GET https://a_b.x-y.example/",
    "GET https://-a.example/",
    "GET https://a..example/",
    "GET https://*a.example/",
    "get https://api.example/a",
    "GET  https://api.example/a",
    "GET https://api.example/a?b",
    "GET https://api.example/a/../b",
    "GET https://api.example/%2e%2e",
    "GET https://api.example//",
    "GET https://api.example/é",
    "",
]
AMOUNTS = [
    "500 sat",
    "1 msat",
    "0 sat",
    "10sat",
    "3 sats",
    "0.001 btc",
    "0.00000000001 btc",
    "0.000000000001 btc",
    "5 usd",
    "0.25 USD",
    "0.0000001 usd",
    "21000000 btc",
    "21000001 btc",
    "1000000000000 usd",
    "1000000000001 usd",
    "1.50 sat",
    "1.0000 sat",
    "01 sat",
    "-1 sat",
    "1",
    "1 eur",
    "1  sat",
    "1e3 sat",
    ".5 usd",
    "5. usd",
    "",
    "1 \u017fat",
    "\u0661 sat",
    "5 usd\n",
]
AGENTS = ["booker", "a", "A_b-9", "ab" * 16, "-a", "x" * 65, "", 5, "a\n"]
FOREIGN = ["foreign", "volume_sats", "__proto__", "constructor", "Ünknown", "a b", "x" * 64]
SERVICES = ["loop", "pool", "weather/today", "loop:1", "pool:0", "a:b:c", "Loop", "x" * 63, ""]
CAPABILITIES = ["in", "out", "loop_out", "a b", "a,b", "é", "*", ""]
MODELS = ["gpt-5*", "gpt-5.4", "o4", "*", "gpt*x", "a,b", "é", ""]
TEXTS = ["book flights", "", "a=b", "für Tokio; 日本", "a\nb", "x" * 300, "\u202e"]
INTEGERS = [
    "0",
    "1",
    "5",
    "20",
    "1000",
    "01",
    "-1",
    "+1",
    "1.0",
    "",
    " 1",
    "1\n",
    "\u0663",
    "9" * 19,
    "9" * 20,
    "18446744073709551615",
    "9007199254740991",
    "9007199254740992",
    "253402300799",
    "253402300800",
    "8640000000000",
]
TIMES = [str(NOW + by) for by in (-100, -1, 0, 1, 60, 3600, 86_400)]
UNITS = ["msat", "usd_micro"]
WINDOWS = ["", "_per_minute", "_per_hour", "_per_day", "_per_month"]
DURATIONS = ["30s", "15m", "1h", "7d", "0s", "1w", "1.5h", "15 m", "999999999d", "1h\n", ""]


PUT = [*"=;,:.|*/%?#@\\ \t\n\0aA0-_\u00e9\u0130\uff0e\u3002\u00ad", "..", "//", "xn--"]
"""What damages a text."""


class Choice:
    """A source of chance."""

    def __init__(self, seed: str) -> None:
        self.random = random.Random(seed)

    def one(self, items: Sequence[Any]) -> Any:
        return self.random.choice(items)

    def some(self, items: Sequence[Any], most: int = 3) -> list[Any]:
        return [self.one(items) for _ in range(self.random.randint(0, most))]

    def chance(self, percent: int) -> bool:
        return self.random.randrange(100) < percent

    def below(self, end: int) -> int:
        return self.random.randrange(end)

    def hex(self, digits: int) -> str:
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def damaged(self, text: str) -> str:
        """The text with one character put in, left out or changed."""
        at = self.below(len(text) + 1)
        put = self.one(PUT)
        return text[:at] + self.one([put, put, ""]) + text[at + self.below(3) :]

    def maybe_damaged(self, text: str, percent: int = 10) -> str:
        return self.damaged(text) if self.chance(percent) else text


def good_or_any(choice: Choice, items: Sequence[Any], good: int) -> Sequence[Any]:
    """Mostly only the first ones, which are of the right form."""
    return items[:good] if choice.chance(85) else items


def agent(choice: Choice) -> str:
    name = choice.one(["a", "booker", "booker", "ab" * 16, "-a", ""])
    return f"{name}.{choice.hex(choice.one([8, 16, 16, 32, 7, 33]))}"


def service_list(choice: Choice) -> str:
    if choice.chance(20):
        return ",".join(choice.some(SERVICES))
    pairs = [(choice.one(SERVICES[:3]), choice.one(INTEGERS[:4])) for _ in range(choice.below(4))]
    return ",".join(f"{name}:{tier}" for name, tier in pairs)


def sold(choice: Choice) -> str:
    request = choice.one(["", "", f" {HASHES[0]}", f" {HASHES[1]}", " x"])
    return f"{choice.one(INTEGERS[:5])} {choice.one([*UNITS, *UNITS, 'sat'])}{request}"


def caveat(choice: Choice) -> str:
    """A caveat of any condition, mostly of the right form."""
    service = choice.one(["loop", "loop", "pool", "Loop", ""])
    unit, window = choice.one(UNITS), choice.one(WINDOWS)
    integer = choice.one(good_or_any(choice, INTEGERS, 5))
    time = choice.one(good_or_any(choice, [*TIMES, *INTEGERS], len(TIMES)))
    makers: Sequence[Callable[[], str]] = [
        lambda: f"agent={agent(choice)}",
        lambda: f"purpose={choice.one(TEXTS)}",
        lambda: f"endpoints={';'.join(choice.some(good_or_any(choice, ENTRIES, 11)))}",
        lambda: f"services={service_list(choice)}",
        lambda: f"{service}_capabilities={','.join(choice.some(CAPABILITIES[:4]))}",
        lambda: f"model={','.join(choice.some(good_or_any(choice, MODELS, 4)))}",
        lambda: f"valid_from={time}",
        lambda: f"valid_until={time}",
        lambda: f"{service}_valid_until={time}",
        lambda: f"holder={choice.one([*THUMBPRINTS, 'A' * 42 + 'B', 'a'])}",
        lambda: f"ledger={choice.one(good_or_any(choice, LEDGERS, 3))}",
        lambda: f"budget_{unit}{window}={integer}",
        lambda: f"max_price_{unit}={integer}",
        lambda: f"sold_price={sold(choice)}",
        lambda: f"max_uses{window}={integer}",
        lambda: f"payees={','.join(choice.some([*NODES, NODES[0].upper()], 2))}",
        lambda: f"max_depth={integer}",
        lambda: f"preimage={choice.one([PREIMAGE, 'AB' * 32, 'ab', 'x' * 64])}",
        lambda: f"{choice.one(FOREIGN)}={choice.one(TEXTS)}",
        lambda: choice.one(["=", "=x", "endpoints", "", " agent=a.00000000"]),
    ]
    return choice.maybe_damaged(choice.one(makers)(), 4)


def caveats(choice: Choice, most: int = 6) -> list[str]:
    """Caveats as bytes in hex; a few are no UTF-8."""
    written = [caveat(choice).encode() for _ in range(choice.below(most + 1))]
    if choice.chance(3):
        written.append(choice.one([b"\xff=1", b"purpose=\xc3", b"\xef\xbb\xbfpurpose=a", b"a\0=b"]))
    return [one.hex() for one in written]


def service_ends(choice: Choice) -> list[str]:
    """Services and their ends, of which a holder foretells the last one."""
    lists = [f"services={service_list(choice)}" for _ in range(1 + choice.below(2))]
    ends = [
        f"{choice.one(['loop', 'pool'])}_valid_until={choice.one(TIMES)}"
        for _ in range(choice.below(5))
    ]
    written = [*lists, *ends]
    choice.random.shuffle(written)
    return [one.encode().hex() for one in written]


def chain(choice: Choice) -> dict[str, Any]:
    return {
        "caveats": service_ends(choice) if choice.chance(8) else caveats(choice),
        "kind": choice.one(["service", "treasury"]),
        "tolerate": choice.some([*FOREIGN, "valid_until"], 2),
        "paymentHash": PAYMENT_HASH,
        "isVerified": choice.chance(50),
    }


def access(choice: Choice) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "now": NOW + choice.one([0, 0, 0.5, 2, -2, 4000]),
        "method": choice.one(METHODS[:5]),
        "origin": choice.one(ORIGINS),
        "target": choice.one(PATHS[:7] if choice.chance(90) else PATHS),
    }
    if choice.chance(10):
        asked["own"] = True
    facts: Mapping[str, Sequence[Any]] = {
        "price": [{"unit": unit, "value": value} for unit in UNITS for value in INTEGERS[:5]],
        "payee": NODES,
        "service": ["loop", "pool"],
        "capability": ["in", "out", ""],
        "model": ["gpt-5.4", "o4", "", None],
        "hash": HASHES,
        "ledger": [*LEDGERS[:3], None],
        "holder": [*THUMBPRINTS, None],
    }
    for name, values in facts.items():
        if choice.chance(50):
            asked[name] = choice.one(values)
    return asked


def scope(choice: Choice) -> dict[str, Any]:
    """A scope in the keys of JSON, with dates in Unix seconds."""

    def amounts() -> Any:
        good = good_or_any(choice, AMOUNTS, 8)
        return choice.some(good, 2) if choice.chance(20) else choice.one(good)

    def count() -> Any:
        return choice.one(good_or_any(choice, [0, 1, 5, 2**53 - 1, -1, 1.5, 2**53, "1"], 4))

    def date() -> Any:
        return choice.one(good_or_any(choice, [NOW + 60, NOW + 0.75, 0, -1, "2030-01-01"], 3))

    def strings(items: Sequence[Any], good: int) -> Any:
        listed = choice.some(good_or_any(choice, items, good))
        return choice.one([listed] * 18 + [choice.one(items), [*listed, 5]])

    makers: Mapping[str, Callable[[], Any]] = {
        "agent": lambda: choice.one(good_or_any(choice, AGENTS, 3)),
        "purpose": lambda: choice.one(good_or_any(choice, [*TEXTS, 5], 7)),
        "endpoints": lambda: strings(ENTRIES, 15),
        "services": lambda: strings(SERVICES, 2),
        "capabilities": lambda: choice.one(
            [
                {"loop": strings(CAPABILITIES, 3)},
                {"pool": ["in"], "loop": []},
                {one: ["in"] for one in choice.some(["b", "10", "9", "007", "a", "a-b"])},
                {},
                {"L": []},
                5,
            ]
        ),
        "models": lambda: strings(MODELS, 4),
        "validFrom": date,
        "expiresAt": date,
        "expiresIn": lambda: choice.one(good_or_any(choice, [*DURATIONS, 60], 4)),
        "holder": lambda: choice.one(good_or_any(choice, [*THUMBPRINTS, "A" * 42 + "B", 5], 2)),
        "ledger": lambda: choice.one(good_or_any(choice, [*LEDGERS, 5], 3)),
        **{f"budget{one}": amounts for one in ("", "PerHour", "PerDay", "PerMonth")},
        "maxPrice": amounts,
        **{f"maxUses{one}": count for one in ("", "PerMinute", "PerHour", "PerDay")},
        "payees": lambda: strings([*NODES, NODES[0].upper(), "02"], 2),
        "maxDepth": count,
    }
    keys = choice.random.sample(list(makers), choice.one([1, 1, 2, 3, 4, 6]))
    written = {key: makers[key]() for key in keys}
    if choice.chance(3):
        written[choice.one(["budgets", "max_uses", "maxuses", "expires", "__proto__"])] = "1"
    return written


def minted(choice: Choice) -> dict[str, Any]:
    """A scope to mint, which mostly has what a minter asks for."""
    whole = {"endpoints": ENTRIES[2:3], "expiresIn": "1h", "budget": "5 sat"}
    left_out = choice.some(list(whole), 1)
    kept = {key: value for key, value in whole.items() if key not in left_out}
    return {key: value for key, value in {**scope(choice), **kept}.items() if key != "agent"}


HOSTS = [
    *("api.example", "API.example", "api.example.", "a..b", "127.0.0.1", "0x7f.1", "010.0.0.1"),
    *("1.2.3", "256.1.1.1", "1.2.3.4.5", "0x", "1.2.3.0x", "4294967295", "4294967296", "09.1"),
    *("a.1", "a.0xg", "[::1]", "[0:0::1]", "[::ffff:1.2.3.4]", "[1:0:0:2:0:0:0:3]", "[::1%25e]"),
    *("[1::2::3]", "[:::]", "a_b.example", "*.example", "bücher.example", "\u2615.example"),
    *("straße.example", "xn--bcher-kva.example", "xn--a.example", "XN--BCHER-KVA.example"),
    *("faß.de", "日本.jp", "a\u00adb.example", "\uff41pi.example", "api\u3002example", ""),
    *("-a.example", "a-.example", "ab--c.example", "\u05d0.example", "a\u05d0.example"),
    *("a\u200db.example", "a b", "a%41", "a\\b", "u@h", "u:p@h"),
]


def url_text(choice: Choice) -> str:
    port = choice.one(["", "", "", ":443", ":80", ":8080", ":", ":0", ":00443", ":65536", ":x"])
    scheme = choice.one(["https", "https", "https", "http", "HTTPS", "ftp", "wss", "file", ""])
    path = choice.one([*PATHS[:35], "/v1", "/v1/", "/api/v1", "/v1//", "/a;b", "/*", ""])
    return choice.maybe_damaged(f"{scheme}://{choice.one(HOSTS)}{port}{path}")


def case(choice: Choice) -> Command:
    """One command, whose answers are compared."""
    kind = choice.below(100)
    if kind < 34:
        return {"do": "judge", **chain(choice), "access": access(choice)}
    if kind < 52:
        nonce = {"nonce": choice.hex(16)}
        now = NOW + choice.one([0, 0.5, 0.999])
        return {"do": "compile scope", "scope": scope(choice), "now": now, **nonce}
    if kind < 57:
        made = {"do": "minted scope", "scope": minted(choice), "now": NOW}
        terms = choice.some(["max_uses=1", "sold_price=5 msat", "nothing=1", "max_uses=x"], 2)
        kinds = choice.one(["service", "treasury"])
        return {**made, "terms": terms, "isSpending": choice.chance(50), "kind": kinds}
    if kind < 61:
        return {"do": "amount", "text": choice.maybe_damaged(choice.one(AMOUNTS))}
    if kind < 63:
        value = str(choice.below(10 ** choice.one([1, 3, 6, 12, 19])))
        return {"do": "shown amount", "unit": choice.one(UNITS), "value": value}
    if kind < 77:
        return {
            "do": "endpoints",
            "one": choice.maybe_damaged(choice.one(ENTRIES)),
            "other": choice.maybe_damaged(choice.one(ENTRIES)),
            "method": choice.one(METHODS),
            "origin": choice.one(ORIGINS),
            "target": choice.maybe_damaged(choice.one(PATHS)),
            "text": choice.maybe_damaged(";".join(choice.some(ENTRIES))),
        }
    if kind < 88:
        return {"do": "url", "method": choice.one(METHODS), "url": url_text(choice)}
    if kind < 93:
        wanted = [one for _ in range(choice.below(4)) if "=" in (one := caveat(choice))]
        return {"do": "widenings", **chain(choice), "wanted": wanted}
    if kind < 97:
        all_names = ["agent", "endpoints", "valid_from", "valid_until", "holder", "max_uses"]
        good = choice.some(all_names, 6)
        return {
            "do": "hand over",
            **chain(choice),
            "origin": choice.one(ORIGINS),
            "until": NOW + choice.one([30, 30.5, 0]),
            "enforced": choice.one([None, all_names, good]),
            "nonces": [choice.hex(16) for _ in range(choice.below(3))],
        }
    return {
        "do": "words",
        "seconds": choice.one([*map(int, TIMES), 0, 1.5, 253402300799]),
        "distance": choice.one([1, -1]) * choice.below(10 ** choice.one([1, 2, 4, 6, 8, 10])) / 2,
        "name": choice.one(["max_uses", "budget_msat", "budget_usd_micro"]) + choice.one(WINDOWS),
        "max": choice.one(["0", "1", "5", "1234567"]),
    }
