"""``l8nt.agents``: what every adapter of an agent framework is built on."""

from .context import SigilContext, sigil_context
from .current import asigil_fetch, current_handle, sigil_fetch
from .handle import SigilHandle, SigilName
from .policy import AgentPolicies, AgentPolicy
from .tools import (
    ReadyTool,
    afetch_url,
    ashow_budget,
    budget_text,
    budget_tool,
    fetch_tool,
    fetch_url,
    show_budget,
)

__all__ = [
    "AgentPolicies",
    "AgentPolicy",
    "ReadyTool",
    "SigilContext",
    "SigilHandle",
    "SigilName",
    "afetch_url",
    "ashow_budget",
    "asigil_fetch",
    "budget_text",
    "budget_tool",
    "current_handle",
    "fetch_tool",
    "fetch_url",
    "show_budget",
    "sigil_context",
    "sigil_fetch",
]
