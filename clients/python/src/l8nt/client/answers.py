"""An answer whose body is watched on its way to the caller. spec/4-purchase.md §2."""

from __future__ import annotations

from collections.abc import Callable

from .body_end import BodyEnd
from .flow import Reply
from .orders import Order


def awaited(
    order: Order,
    reply: Reply,
    *,
    read: Callable[[], None],
    broke: Callable[[], None],
    told: Callable[[BaseException], BaseException],
) -> Reply:
    """The reply, whose order is under way until the caller has read its body or left it. A body
    that broke off is no answer. ``told`` gives the error for the reader of a body that broke off.
    """
    no_longer_under_way = order.begin()

    def ending(act: Callable[[], None]) -> Callable[[], None]:
        def ended() -> None:
            unwatch()
            act()
            no_longer_under_way()

        return ended

    end = BodyEnd(read=ending(read), broke=ending(broke), told=told)
    unwatch = order.orders.watch_body(end.overdue)
    reply.watch(end)
    return reply
