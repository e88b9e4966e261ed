"""Fixtures of the tests of clients."""

from .world import world

__all__ = ["world"]
