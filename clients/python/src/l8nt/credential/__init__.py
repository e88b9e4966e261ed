"""Credentials of any form: what their holders do with them, and what a verifier proves."""

from .body import Blocks, Body, Descent
from .forms import FormReader, register_form
from .macaroon_body import MacaroonBody

__all__ = ["Blocks", "Body", "Descent", "FormReader", "MacaroonBody", "register_form"]
