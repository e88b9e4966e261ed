"""An answer whose body is watched on its way to the caller. spec/4-purchase.md §2."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .flow import BodyEnd, Reply
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
    end = order.begin()
    lock = threading.Lock()
    is_over = False

    def finish(act: Callable[[], None]) -> None:
        nonlocal is_over
        with lock:
            was_over, is_over = is_over, True
        if was_over:
            return
        unwatch()
        act()
        end()

    def broken(error: BaseException) -> BaseException:
        finish(broke)
        return told(error)

    def is_read() -> None:
        finish(read)

    unwatch = order.orders.watch_body(is_read)
    reply.watch(BodyEnd(read=is_read, broke=broken))
    return reply
