"""What a judge of Datalog is asked, and what becomes of its answers. spec/9-public-key.md §5."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from l8nt.biscuit.block import Block, encode_block
from l8nt.biscuit.protobuf import bytes_field, integer_field
from l8nt.biscuit.signatures import append_block
from l8nt.biscuit.token import Token
from l8nt.caveat import Access, read_origin, target_at
from l8nt.caveat.datalog import Check, Term, apply, check, fact, integer, query, text, variable
from l8nt.credential import Credential
from l8nt.errors import SigilError, TokenError
from l8nt.public_key import DatalogFact, seal
from l8nt.public_key.profile import read_blocks

from .world import API, NOW, body_of, minter, text_of, verifier, with_blocks

root = minter.mint(endpoints=[f"* {API}/**"], expires_in="1h", ledger=API, max_uses=3)


def appended(credential: Credential, *checks: Check) -> Token:
    """The token of a credential, with one more block."""
    token = body_of(credential).token
    symbols = read_blocks([block.data for block in token.blocks]).symbols.copy()
    return append_block(token, encode_block(Block((), checks), symbols))


FOREIGN = appended(root, check(query([fact("operation", text("read"))])))
foreign = text_of(FOREIGN, body_of(root).preimage)

origin = read_origin(API)
assert origin is not None
target = target_at("GET", origin, "/a/%7eb?q=1")
assert target is not None
ACCESS = Access(NOW, target)


class Judge:
    """Answers what a test says."""

    def __init__(self, answer: Callable[[], object]) -> None:
        self.answer = answer
        self.asked: list[tuple[bytes, list[DatalogFact]]] = []

    def allows(self, token: bytes, public_key: bytes, facts: Sequence[DatalogFact]) -> bool:
        assert public_key == minter.public_key
        self.asked.append((token, list(facts)))
        return self.answer()  # type: ignore[return-value] # What is no boolean denies.


def codes(judge: Judge, credential: str = foreign, access: Access = ACCESS) -> list[str]:
    verified = verifier(judge, API).authenticate(credential)
    return [one.code for one in verified.judge(access)]


def fails() -> bool:
    raise RuntimeError("unreachable")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda: True, []),
        (lambda: False, ["ERR_CHECK"]),
        (lambda: 1, ["ERR_CHECK"]),
        (lambda: None, ["ERR_CHECK"]),
        (fails, ["ERR_CHECK"]),
    ],
)
def test_everything_but_true_denies(answer: Callable[[], object], expected: list[str]) -> None:
    assert codes(Judge(answer)) == expected


def test_it_is_asked_for_a_request_that_a_holder_signed_too() -> None:
    verified = verifier(Judge(lambda: False), API).authenticate(foreign).signed_by("thumb")
    assert [one.code for one in verified.judge(ACCESS)] == ["ERR_CHECK"]


def test_it_is_told_what_page_9_says_of_the_access_and_nothing_else() -> None:
    judge = Judge(lambda: True)
    codes(
        judge,
        access=replace(ACCESS, holder="thumb", service="loop", model="m", capability="in"),
    )
    _, facts = judge.asked[0]
    stated = {one.code.replace("{text}", f'"{one.text}"') for one in facts}
    assert stated == {
        f"paid(hex:{root.payment_hash})",
        "time(2027-01-15T08:00:00Z)",
        'access("GET https://api.example:443/a/~b")',
        'service("loop")',
        'capability("in")',
        'model("m")',
        'price("none", 0)',
        'holder("thumb")',
        'ledger("https://api.example")',
        'counted("max_uses=3")',
    }
    codes(judge, access=Access(NOW + 0.9, "self", model=None))
    own = {one.code for one in judge.asked[1][1]}
    assert {"own_affairs(true)", "uses_no_model(true)", "service({text})"} <= own
    assert "access({text})" not in own


def test_it_is_asked_last_and_not_about_a_token_of_the_profile() -> None:
    judge = Judge(lambda: True)
    assert codes(judge, root.text) == []
    assert codes(judge, seal(root.attenuate(max_uses=2)).text) == []
    assert codes(judge, access=replace(ACCESS, now=NOW + 3600)) == ["ERR_EXPIRED"]
    assert judge.asked == []


def test_it_is_asked_at_every_access_of_a_credential_that_was_proven_before() -> None:
    judge = Judge(lambda: True)
    one = verifier(judge, API)
    for _ in range(3):
        assert list(one.authenticate(foreign).judge(ACCESS)) == []
    judge.answer = lambda: False
    assert [refusal.code for refusal in one.authenticate(foreign).judge(ACCESS)] == ["ERR_CHECK"]
    assert len(judge.asked) == 4


def test_a_forged_block_is_not_shown_to_it() -> None:
    judge = Judge(lambda: True)
    first, second = FOREIGN.blocks
    wrong = with_blocks(FOREIGN, first, second._replace(data=first.data))
    with pytest.raises(SigilError):
        codes(judge, text_of(wrong, body_of(root).preimage))
    assert judge.asked == []


def test_what_was_proven_shows_its_own_credential_and_revokes_below_it() -> None:
    one = verifier(Judge(lambda: True), API)
    verified = one.authenticate(foreign)
    assert verified.credential.text == foreign
    child = verified.credential.delegate(agent="scout")
    descent = child.descent_from(verified.credential)
    assert descent is not None
    verified.revoke_below(descent)
    assert [refusal.code for refusal in one.authenticate(child).judge(ACCESS)] == ["ERR_REVOKED"]


def test_without_a_judge_and_for_holders_such_a_block_is_refused() -> None:
    for read in (verifier(ledger=API).authenticate, Credential.parse):
        with pytest.raises(TokenError) as caught:
            read(foreign)
        assert caught.value.code == "ERR_TOKEN_DATALOG"


def with_block(block: bytes) -> str:
    return text_of(append_block(body_of(root).token, block), body_of(root).preimage)


def bytes_of(*checks: Check) -> bytes:
    symbols = read_blocks([block.data for block in body_of(root).token.blocks]).symbols.copy()
    return encode_block(Block((), checks), symbols)


VERSION = integer_field(3, 3)
QUERY = bytes_field(1, integer_field(1, 27))
matches = apply(text("a"), "matches", text("a"))
# Each of 3 ways, and 7 of them: 2,187.
many = [fact(name, variable("x")) for name in ("a", "b", "c", "d", "e", "f", "g", "h", "i", "j")]
long_steps = tuple(integer(1) for _ in range(2_000))


@pytest.mark.parametrize(
    ("name", "block"),
    [
        ("a rule", VERSION + bytes_field(5, QUERY)),
        ("a scope", VERSION + bytes_field(7, integer_field(1, 0))),
        (
            "a public key",
            VERSION + bytes_field(8, integer_field(1, 0) + bytes_field(2, bytes(32))),
        ),
        ("a regular expression", bytes_of(check(query([], *matches)))),
        (
            "an addition",
            VERSION
            + bytes_field(
                6,
                bytes_field(
                    1,
                    QUERY + bytes_field(3, bytes_field(1, bytes_field(3, integer_field(1, 9)))),
                ),
            ),
        ),
        (
            "a closure",
            VERSION
            + bytes_field(
                6, bytes_field(1, QUERY + bytes_field(3, bytes_field(1, bytes_field(4, b""))))
            ),
        ),
        ("a query of 1,024 ways", bytes_of(check(query(many)))),
        (
            "steps for many choices",
            bytes_of(check(query([fact("q"), fact("r"), fact("s")], *long_steps))),
        ),
    ],
)
def test_a_block_that_could_take_long_is_refused_before_it_is_judged(
    name: str, block: bytes
) -> None:
    judge = Judge(lambda: True)
    with pytest.raises(TokenError) as caught:
        codes(judge, with_block(block))
    assert caught.value.code in ("ERR_TOKEN_DATALOG", "ERR_TOKEN_TOO_LARGE"), name
    assert judge.asked == [], name


@pytest.mark.parametrize(
    "block",
    [
        bytes_field(2, b"a context") + VERSION,
        VERSION + bytes_field(6, bytes_field(1, QUERY) + integer_field(2, 1)),
        VERSION + bytes_field(6, bytes_field(1, QUERY) + integer_field(2, 2)),
        bytes_of(check(query(many[:9]))),
        bytes_of(check(query([], Term("bool", True)))),
    ],
    ids=["a context", "check all", "reject if", "512 ways", "a check of truth"],
)
def test_facts_and_checks_of_all_kinds_are_judged(block: bytes) -> None:
    judge = Judge(lambda: True)
    assert codes(judge, with_block(block)) == []
    assert len(judge.asked) == 1
