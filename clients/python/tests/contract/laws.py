"""The laws of every adapter: what an agent of a framework may spend, and what it never sees."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from l8nt.agents import AgentPolicies, AgentPolicy

from ..town import Shop, Town
from .script import Act, Get, GetAll, Hand, HandAll, Script
from .shown import text_of
from .stage import Seen, Stage


class Staged:
    """A class of tests that have stages."""

    @pytest.fixture
    async def open_stage(
        self, open_town: Callable[..., Town]
    ) -> AsyncIterator[Callable[..., Stage]]:
        """Opens stages on the machine's clock, because frameworks have timers of their own."""
        stages: list[Stage] = []

        def open_one(budget: str = "1000 sat") -> Stage:
            stages.append(Stage(open_town(now=None), budget))
            return stages[-1]

        yield open_one
        for stage in stages:
            await stage.aclose()

    @pytest.fixture
    def stage(self, open_stage: Callable[..., Stage]) -> Stage:
        """A stage whose agents have 1,000 sat."""
        return open_stage()


class AgentContract(Staged):
    """Subclass it once for each way to hand work on, with the framework's own mock model."""

    siblings: bool = True
    """Whether its mock model can hand work to two agents at the same time."""
    first: str = "boss"
    """Name of the agent at the top, if the framework requires one."""
    is_async: bool = True
    """Whether ``stage.tool()`` is asynchronous. A synchronous one finishes after a cancellation."""
    is_cancellable: bool = True
    """Whether a run can be cancelled. Nothing ends one that a thread waits for."""

    async def run(self, script: Script, stage: Stage) -> object:
        """Runs the script in the framework, with a mock model that makes the calls one after
        another. Raises if the framework does. The framework handles a tool that raises.

        :returns: everything that the framework shows: messages, arguments, results, state, traces,
            and its serialized context
        """
        raise NotImplementedError

    def _boss(self, *acts: Act) -> Script:
        return Script(self.first, acts)

    async def test_a_plain_sigil_fetch_in_a_tool_pays_as_the_agent_that_calls_it(
        self, stage: Stage
    ) -> None:
        stage.open({"scout": {"budget": "50 sat"}})
        own, scouts = stage.open_shop(), stage.open_shop()
        await self.run(self._boss(Get(own.url), _hand("scout", Get(scouts.url))), stage)
        assert [one.agent for one in stage.seen] == [None, "scout"]
        assert all(one.is_served for one in stage.seen)
        books = [(node.agent, node.spent_msat) for node in stage.town.tree()]
        assert books == [(None, 20_020), ("scout", 10_010)]

    async def test_a_child_can_do_what_its_parent_allowed_and_the_parent_has_its_own_handle_again(
        self, stage: Stage
    ) -> None:
        free, closed = stage.open_shop(), stage.open_shop()
        stage.open({"scout": {"endpoints": [f"GET {free.url}/**"], "budget": "100 sat"}})
        scout = _hand("scout", Get(f"{closed.url}/x"), Get(f"{free.url}/x"))
        await self.run(self._boss(scout, Get(f"{closed.url}/y")), stage)
        assert _got(stage.seen) == [
            ("scout", "ERR_ENDPOINT"),
            ("scout", "served"),
            (None, "served"),
        ]

    async def test_an_agent_that_is_not_in_the_table_gets_nothing(self, stage: Stage) -> None:
        stage.open({"scout": {"budget": "50 sat"}})
        shop = stage.open_shop()
        with contextlib.suppress(Exception):
            await self.run(self._boss(_hand("stranger", Get(shop.url)), Get(shop.url)), stage)
        strangers = [one.got for one in stage.seen if one.agent is not None]
        assert set(strangers) <= {"ERR_AGENT_UNKNOWN"}
        assert stage.town.paid()[0] <= 1

    async def test_a_hand_off_that_would_widen_is_denied(self, stage: Stage) -> None:
        stage.open({"scout": {"budget": "5000 sat"}})
        shop = stage.open_shop()
        with contextlib.suppress(Exception):
            await self.run(self._boss(_hand("scout", Get(shop.url))), stage)
        assert {one.got for one in stage.seen} <= {"ERR_SCOPE_WIDER"}
        assert stage.town.paid() == (0, 0)

    async def test_an_agent_two_hand_offs_down_has_what_both_allow(self, stage: Stage) -> None:
        stage.open(
            {
                "scout": {"budget": "30 sat", "agents": {"runner": {"max_price": "5 sat"}}},
                "runner": {"budget": "500 sat"},
            }
        )
        dear, cheap = stage.open_shop(), stage.open_shop("2 sat")
        runner = _hand("runner", Get(dear.url), Get(cheap.url))
        await self.run(self._boss(_hand("scout", runner, Get(dear.url))), stage)
        assert _got(stage.seen) == [
            ("runner", "ERR_PRICE"),
            ("runner", "served"),
            ("scout", "served"),
        ]

    async def test_siblings_that_work_at_the_same_time_are_kept_apart(self, stage: Stage) -> None:
        if not self.siblings:
            return
        left, right = stage.open_shop(), stage.open_shop()
        table: AgentPolicies = {"left": _only(left), "right": _only(right)}
        stage.open(table)
        urls = (f"{left.url}/a", f"{right.url}/a")
        both = tuple(Script(agent, (GetAll(urls),)) for agent in table)
        await self.run(self._boss(HandAll(both)), stage)
        got = {(one.agent, one.url): one.is_served for one in stage.seen}
        assert got == {
            ("left", urls[0]): True,
            ("left", urls[1]): False,
            ("right", urls[0]): False,
            ("right", urls[1]): True,
        }

    async def test_calls_of_one_tool_at_the_same_time_share_one_payment(self, stage: Stage) -> None:
        stage.open({})
        shop = stage.open_shop()
        await self.run(self._boss(GetAll((shop.url,) * 3)), stage)
        assert _got(stage.seen) == [(None, "served")] * 3
        assert stage.town.paid()[0] == 1

    async def test_the_budget_at_the_top_limits_the_whole_family(
        self, open_stage: Callable[..., Stage]
    ) -> None:
        stage = open_stage(budget="30 sat")
        stage.open({"left": {"budget": "25 sat"}, "right": {"budget": "25 sat"}})
        shops = [Get(stage.open_shop().url) for _ in range(4)]
        buyers = (_hand("left", *shops[:2]), _hand("right", *shops[2:]))
        await self.run(self._boss(*buyers), stage)
        count, msat = stage.town.paid()
        assert sum(one.is_served for one in stage.seen) == count
        assert msat <= 30_000
        assert "ERR_BUDGET" in [one.got for one in stage.seen]
        assert stage.town.spent(stage.root) == msat

    async def test_a_cancellation_ends_the_run_and_nothing_is_paid_after_it(
        self, stage: Stage
    ) -> None:
        stage.open({})
        if not self.is_cancellable:
            return
        shop, following = stage.open_shop(), stage.open_shop()
        shop.fault("hold-answer", of="paid")
        running = asyncio.ensure_future(
            self.run(self._boss(Get(shop.url), Get(following.url)), stage)
        )
        # The agent and its treasury ask for the price; then the agent presents what was bought.
        await shop.arrival(3)
        running.cancel()
        with contextlib.suppress(BaseException):
            if self.is_async:
                await running
        shop.release()
        with contextlib.suppress(BaseException):
            await running
        assert stage.town.paid()[0] == 1
        if self.is_async:
            assert not any(one.is_served for one in stage.seen)
        assert following.received == []

    async def test_no_credential_is_in_messages_results_state_traces_or_logs(
        self, stage: Stage, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        # The HTTP library's own debugging shows the headers of responses.
        for name in ("httpcore", "httpcore2", "httpx", "httpx2", "asyncio"):
            caplog.set_level(logging.WARNING, name)
        handle = stage.open({"scout": {"budget": "50 sat"}})
        shop = stage.open_shop()
        acts = (Get(f"{shop.url}/a"), _hand("scout", Get(f"{shop.url}/b")))
        visible = await self.run(self._boss(*acts), stage)
        scout = handle.for_agent("scout")
        shown = text_of(visible, handle, scout, caplog.text)
        arrived = [*shop.received, *stage.town.treasury.received]
        sent = [value for one in arrived for value in one.values("authorization")]
        assert len(sent) > 2
        for credential in (stage.root, scout.credential.text, *sent):
            macaroon, preimage = credential.split(" ")[-1].split(":")
            assert macaroon[-40:] not in shown, "a signature"
            assert not preimage or preimage not in shown, "a preimage"


def _hand(agent: str, *acts: Act) -> Hand:
    return Hand(Script(agent, acts))


def _only(shop: Shop) -> AgentPolicy:
    return {"endpoints": [f"GET {shop.url}/**"]}


def _got(seen: Sequence[Seen]) -> list[tuple[str | None, str]]:
    return [(one.agent, "served" if one.is_served else one.got) for one in seen]
