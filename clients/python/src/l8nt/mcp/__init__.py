"""``l8nt.mcp``: MCP clients that present an agent's credential, and servers that verify it.
docs/guides/agents/python-mcp.md, spec/8-mcp.md.
"""

from .client import with_sigil
from .guard import current_grant
from .http import SigilHttpClient
from .server import protect

__all__ = ["SigilHttpClient", "current_grant", "protect", "with_sigil"]
