"""Connections of urllib3, as requests keeps them: they belong to one process, and read past
informational answers. RFC 9110 §15.2.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any

from requests.adapters import HTTPAdapter
from typing_extensions import override
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .._forked import follows_forks

_MAX_INFORMATIONAL = 100


class _FinalResponse(http.client.HTTPResponse):
    """The final answer: ``http.client`` passes on 103 (Early Hints) and 102 as if it were that."""

    def _read_status(self) -> tuple[str, int, str]:
        read_status: Callable[[], tuple[str, int, str]] = getattr(super(), "_read_status")  # noqa: B009
        for _ in range(_MAX_INFORMATIONAL):
            line = read_status()
            # 100 is for http.client itself, and 101 is final.
            if not 102 <= line[1] < 200:
                return line
            http.client.parse_headers(self.fp)
        raise http.client.HTTPException("The answer does not come to an end.")


def _reading_past(connection: Any) -> Any:
    connection.response_class = _FinalResponse
    return connection


class _HttpPool(HTTPConnectionPool):
    @override
    def _new_conn(self) -> Any:
        return _reading_past(super()._new_conn())


class _HttpsPool(HTTPSConnectionPool):
    @override
    def _new_conn(self) -> Any:
        return _reading_past(super()._new_conn())


_POOLS: Any = {"http": _HttpPool, "https": _HttpsPool}


class OwnAdapter(HTTPAdapter):
    """An adapter whose connections are those of one process: in a process that was forked, two
    would read each other's answers.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        follows_forks(self, OwnAdapter.connect_anew)

    def connect_anew(self) -> None:
        """Has no connections, in a process that was forked."""
        # Kept, because what is collected as garbage closes what the other process uses.
        _of_parents.append((self.poolmanager, self.proxy_manager))
        self.proxy_manager = {}
        self.init_poolmanager(self._pool_connections, self._pool_maxsize, block=self._pool_block)

    @override
    def init_poolmanager(self, *given: Any, **options: Any) -> None:
        super().init_poolmanager(*given, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    @override
    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager: Any = super().proxy_manager_for(proxy, **options)
        # A manager for SOCKS has pools of its own.
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager


_of_parents: list[object] = []
