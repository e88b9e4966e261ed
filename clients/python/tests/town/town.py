"""A town: what a test opens in it, and the books that it reads."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .places import Headers, Place, Shop, pairs_of

if TYPE_CHECKING:
    from .process import TownProcess

START: Final = 2_000_000_000.0
"""Far from any real date, so that code which reads the system's clock instead is found out."""


@dataclass(frozen=True)
class Payment:
    """An attempt to pay, by the books of the Lightning network."""

    payment_hash: str
    payer: str
    payee: str | None
    amount_msat: int
    fee_msat: int
    status: str


@dataclass(frozen=True)
class Node:
    """A node of the tree, by the books of the treasury."""

    id: str
    agent: str | None
    parent_id: str | None
    state: str
    spent_msat: int
    caveats: tuple[str, ...]


def _node(one: Mapping[str, Any]) -> Node:
    return Node(
        one["id"],
        one.get("agent"),
        one.get("parentId"),
        one["state"],
        int(one["spent"][0]["value"]),
        tuple(one["caveats"]),
    )


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _options(given: Mapping[str, object]) -> dict[str, object]:
    return {_camel(name): value for name, value in given.items() if value is not None}


class Town:
    """One per test. Its treasury is a ``Place``: ``town.treasury.fault("lost")``."""

    def __init__(
        self,
        process: TownProcess,
        *,
        now: float | None = START,
        balance_sat: int = 1_000_000,
        treasury: Mapping[str, object] = {},
        mints_for: Sequence[str] = (),
    ) -> None:
        """Opens a town.

        ``now=None`` goes by the machine's clock; otherwise the clock stands still there until
        ``set_clock``. ``treasury`` has further options of ``serveTreasury``, by their TypeScript
        names.
        """
        self._process = process
        self._town = process.new_town()
        self._now = now
        options: dict[str, object] = {
            "balanceMsat": str(balance_sat * 1000),
            "treasury": dict(treasury),
            "mintsFor": list(mints_for),
        }
        if now is not None:
            options["now"] = now
        opened = self._command("open", options=options)
        self.treasury = Place(process, self._town, opened["treasury"])

    def _command(self, do: str, **arguments: object) -> Any:
        return self._process.command(self._town, do, **arguments)

    def close(self) -> None:
        """Closes everything in it."""
        self._command("close")

    def clock(self) -> float:
        """The time of the town, for ``Client(clock=town.clock)``."""
        return time.time() if self._now is None else self._now

    def set_clock(self, now: float) -> None:
        """Sets the time of everything in the town, forward or back."""
        self._command("clock", now=now)
        self._now = now

    def advance(self, seconds: float) -> None:
        """Moves the time of everything in the town."""
        self.set_clock(self.clock() + seconds)

    def mint(self, **scope: object) -> str:
        """The text of a credential at the top of a tree.

        Everything on this machine, 10,000 sat, one hour; and over it the scope, in Python's words:
        ``budget="500 sat", endpoints=[...], expires_in="15m"``.
        """
        return self._command("mint", scope=_options(scope))

    def mint_public(self, location: str, **scope: object) -> str:
        """The text of a credential of the public-key form, which the treasury's issuer made."""
        return self._command("mintPublic", scope=_options(scope), location=location)

    def mint_for(self, *services: str) -> None:
        """From now on the treasury mints for these services, if they trust it. It is restarted."""
        self._command("mintFor", services=services)

    def open_shop(
        self,
        *,
        price: str | None = "10 sat",
        grants: Mapping[str, object] | None = None,
        capability: str | None = None,
        metered: bool = False,
        settle: str | None = None,
        path: str | None = None,
        trusts: bool = False,
        sells: bool = True,
        status: int = 200,
        headers: Headers = (),
        body: str | bytes | None = None,
        echo: bool = False,
        free: Sequence[str] = (),
        paywall: Mapping[str, object] = {},
    ) -> Shop:
        """Opens a shop; it answers ``{"served": n}`` to what is paid for.

        ``grants`` in Python's words: ``{"valid_for": "1h", "endpoints": ["GET /**"]}``, ``uses``,
        ``budget``, ``uses_per_day``. ``trusts``: takes credentials that the treasury's issuer
        minted. ``sells=False``: has no secret and no invoices. ``free``: paths without a price.
        ``settle``: what a metered request cost. ``echo``: answers with the request as JSON.
        ``paywall``: further options, by their TypeScript names (``secret``: 64 hex digits).
        """
        terms = _options({"price": price, "capability": capability, "path": path})
        if grants is not None:
            terms["grants"] = _options(grants)
        if metered:
            terms["metered"] = True
        serving: dict[str, object] = {"status": status, "headers": pairs_of(headers), "echo": echo}
        if body is not None:
            raw = body.encode() if isinstance(body, str) else body
            serving["body"] = raw.decode("latin-1")
        if settle is not None:
            serving["settle"] = settle
        shop = {
            "terms": terms,
            "serving": serving,
            "free": list(free),
            "paywall": dict(paywall),
            "trusts": trusts,
            "sells": sells,
        }
        return Shop(self._process, self._town, self._command("openShop", shop=shop))

    def open_mcp(self, upstream: str, *, price: str = "10 sat") -> Place:
        """A paywall before every tool of the MCP server at the origin ``upstream``; what is not a
        call of a tool is free.
        """
        mcp = {"upstream": upstream, "price": price}
        return Place(self._process, self._town, self._command("openMcp", mcp=mcp))

    def open_site(
        self, *, status: int = 200, headers: Headers = (), body: str | bytes = b""
    ) -> Place:
        """A server that is no shop: one answer for everything, unless a fault says otherwise."""
        raw = body.encode() if isinstance(body, str) else body
        fault = {"status": status, "headers": pairs_of(headers), "body": raw.decode("latin-1")}
        return Place(self._process, self._town, self._command("openSite", fault=fault))

    def challenge(
        self,
        location: str,
        *,
        amount_sat: int = 10,
        expiry_seconds: int = 600,
        **scope: object,
    ) -> list[str]:
        """The ``WWW-Authenticate`` lines of a challenge for a site, with a real invoice."""
        words = scope or {"endpoints": [f"* {location}/**"], "expires_in": "1h"}
        demand = {
            "location": location,
            "amountMsat": str(amount_sat * 1000),
            "expirySeconds": expiry_seconds,
            "scope": _options(words),
        }
        return self._command("challenge", demand=demand)

    def introduce(self, shop: Place) -> None:
        """Allows a shop's payee, which is otherwise paid one first payment at a time."""
        self._command("introduce", url=shop.url)

    def wallet_fault(self, kind: str, **rule: object) -> None:
        """A fault of the Lightning network: ``reply-lost``, ``slow``, ``fails``, ``stuck``, …

        ``on`` ("pay", "find", "invoice"), ``times``, ``delay_ms``, ``payment_hash``.
        """
        self._command("walletFault", rule={"kind": kind, **_options(rule)})

    def wallet_url(self, account: str, *, balance_sat: int = 10_000) -> str:
        """Opens an account on the Lightning network; the URL of its wallet, as in SIGIL_WALLET."""
        return self._command("account", text=account, balanceMsat=str(balance_sat * 1000))

    def settle(self, payment_hash: str) -> None:
        """Lets a stuck payment arrive."""
        self._command("settle", text=payment_hash)

    def payments(self) -> list[Payment]:
        """Every attempt to pay, by the books of the network, oldest first."""
        return [
            Payment(
                one["paymentHash"],
                one["payer"],
                one.get("payee"),
                int(one["amountMsat"]),
                int(one["feeMsat"]),
                one["status"],
            )
            for one in self._command("payments")
        ]

    def paid(self) -> tuple[int, int]:
        """How many payments the treasury made, and their amounts with fees in msat."""
        made = [one for one in self.payments() if one.status == "paid" and one.payer == "treasury"]
        return len(made), sum(one.amount_msat + one.fee_msat for one in made)

    def spent(self, credential: str) -> int:
        """What the node of a credential has spent in msat, by the books of the treasury."""
        return _node(self._command("standing", text=credential)[-1]).spent_msat

    def tree(self) -> list[Node]:
        """All nodes that the treasury knows, parents first."""
        return [_node(one) for one in self._command("tree")]

    def node_of(self, credential: str) -> str:
        """The id of a credential's node."""
        return _node(self._command("standing", text=credential)[-1]).id

    def revoke(self, node_id: str) -> None:
        """Revokes a node as the treasury's owner."""
        self._command("revoke", text=node_id)

    def freeze(self, node_id: str | None = None) -> None:
        """Stops spending of a node, or of all."""
        self._command("freeze", **({} if node_id is None else {"text": node_id}))

    def thaw(self, node_id: str | None = None) -> None:
        """Ends a freeze."""
        self._command("thaw", **({} if node_id is None else {"text": node_id}))

    def owner(self) -> str:
        """The text of an owner's credential, for the owner's part of the HTTP API."""
        return self._command("owner")

    def receipt_key(self) -> str:
        """The public key of the receipts and of the revocation feed, 64 hex digits."""
        return self._command("receiptKey")

    def alarms(self) -> list[str]:
        """What the treasury and the shops told their operators."""
        return self._command("alarms")

    def stop_treasury(self) -> None:
        """Ends the treasury; its books stay. Requests to it find a closed connection."""
        self._command("stopTreasury")

    def start_treasury(self) -> None:
        """Starts it again on the books that it had."""
        self._command("startTreasury")

    def restart_treasury(self) -> None:
        """Ends the treasury and starts it again on the books that it had."""
        self.stop_treasury()
        self.start_treasury()
