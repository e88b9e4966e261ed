"""Tables and numbers that are the same in every language.

Generated from packages/l8nt/src by `npm run reference`. Do not edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .caveat import Scope

DEFAULT_LIMITS: Final[Scope] = {
    "endpoints": [
        "* https://*:*/**",
        "* http://127.0.0.1:*/**",
        "* http://localhost:*/**",
        "* http://[::1]:*/**",
    ],
    "max_price": "100 sat",
    "budget_per_day": "1000 sat",
    "budget": "10000 sat",
    "expires_in": "365d",
}
"""What a client may do that has a wallet, and no limits."""

PAGE_ROWS: Final = 100
"""Rows of a page of receipts, if nothing is said."""

WHOLE_PAGE_ROWS: Final = 1000
"""The most rows that a page has."""

VOLATILE_FIELDS: Final = (
    r"^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|forwarded|x-forwar"
    r"ded(?:-(?!user$|email$|groups$|preferred-username$).*)?|x-real-ip|via|(?:x-|true-|fastly-|"
    r"fly-)?(?:cluster-)?client-ip|cf-connecting-.*|do-connecting-ip|cdn-.*|cf-(?:ray|visitor|ip"
    r"country|ew-via|worker)|fly-forwarded-.*|fly-region|x-amz-cf-id|x-amzn-trace-id|x-azure-(?:"
    r"ref|clientip|socketip|requestchain)|x-arr-.*|x-vercel-(?:id|forwarded-for|proxied-for)|x-e"
    r"nvoy-.*|x-varnish|x-request-start|early-data|traceparent|tracestate|baggage|b3|x-b3-.*|x-c"
    r"loud-trace-context|sentry-trace|x-datadog-.*|(?:[a-z-]+-)?(?:request|correlation|trace)-id"
    r"|x-unique-id|x-request-start|via|cf-ray|x-amz-cf-id|x-amzn-trace-id|x-azure-(?:ref|request"
    r"chain)|x-vercel-id|forwarded|x-forwarded-for|x-real-ip|(?:x-|true-|fastly-|fly-)?(?:cluste"
    r"r-)?client-ip|host|content-length|accept-encoding|expect|referer|date|user-agent|priority|"
    r"idempotency-key|(?:grpc-metadata-)?macaroon|(?:x-)?sigil-.*|mcp-session-id)\Z"
)
"""Header fields that differ when one request is sent twice, or comes by another way."""
