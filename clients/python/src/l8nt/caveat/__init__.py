"""The caveat language: scopes, conditions, and the judgement of a request. spec/2-caveats.md."""

from .access import MISSING, Access, Missing
from .chain import (
    CaveatChain,
    CaveatText,
    ChainEntry,
    ChainLimit,
    Node,
    PlaceIds,
    refusal_of,
)
from .compile import SCOPE_KEYS, bounds_of, check_caveats, check_keys, check_mapping, compile_scope
from .condition import Denial, HandOverTerms, caveat_of, value_in
from .conditions.agent import agent_name_of, agent_unknown
from .conditions.capabilities import names_capabilities
from .conditions.endpoints import endpoints
from .conditions.holder import holder
from .conditions.ledger import ledger
from .conditions.preimage import preimage
from .conditions.sold_price import counted_price, sold_price_caveat
from .endpoint import EndpointPattern, matches_endpoint, read_endpoint
from .field import duration_seconds
from .hand_over import hand_over_caveats, hand_over_node, nodes_at, opens_nodes
from .instant import format_distance, format_instant
from .integer import format_unix_seconds
from .minted_scope import caps_of_other_units, minted_caveats
from .nearest import nearest
from .origin import Base, Origin, format_origin, read_base, read_origin, same_origin
from .scope import Amounts, Scope
from .spending import uncounted_spend, with_uncounted
from .target import Target, target_at, target_of_url
from .vocabulary import Vocabulary, service_vocabulary, treasury_vocabulary
from .widening import widenings
from .window import format_window
from .words import caveat_words, counted_by, describe, format_counted, limit_words

__all__ = [
    "MISSING",
    "SCOPE_KEYS",
    "Access",
    "Amounts",
    "Base",
    "CaveatChain",
    "CaveatText",
    "ChainEntry",
    "ChainLimit",
    "Denial",
    "EndpointPattern",
    "HandOverTerms",
    "Missing",
    "Node",
    "Origin",
    "PlaceIds",
    "Scope",
    "Target",
    "Vocabulary",
    "agent_name_of",
    "agent_unknown",
    "bounds_of",
    "caps_of_other_units",
    "caveat_of",
    "caveat_words",
    "check_caveats",
    "check_keys",
    "check_mapping",
    "compile_scope",
    "counted_by",
    "counted_price",
    "describe",
    "duration_seconds",
    "endpoints",
    "format_counted",
    "format_distance",
    "format_instant",
    "format_origin",
    "format_unix_seconds",
    "format_window",
    "hand_over_caveats",
    "hand_over_node",
    "holder",
    "ledger",
    "limit_words",
    "matches_endpoint",
    "minted_caveats",
    "names_capabilities",
    "nearest",
    "nodes_at",
    "opens_nodes",
    "preimage",
    "read_base",
    "read_endpoint",
    "read_origin",
    "refusal_of",
    "same_origin",
    "service_vocabulary",
    "sold_price_caveat",
    "target_at",
    "target_of_url",
    "treasury_vocabulary",
    "uncounted_spend",
    "value_in",
    "widenings",
    "with_uncounted",
]
