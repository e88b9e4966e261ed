"""Adds the public-key form to those that ``Credential.parse`` reads."""

from __future__ import annotations

from ..credential.forms import PUBLIC_KEY, register_form
from .body import BiscuitBody

register_form(PUBLIC_KEY, BiscuitBody.read)
