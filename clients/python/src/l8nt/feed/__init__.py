"""Follows the feed of what was revoked elsewhere. spec/7-revocation-feed.md."""

from .follower import FeedFollower
from .page import FeedEntry, FeedPage, FeedReader, Reading

__all__ = ["FeedEntry", "FeedFollower", "FeedPage", "FeedReader", "Reading"]
