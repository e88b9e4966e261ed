"""Credentials that anyone can verify with the public key of their issuer, the Sigil profile of
Biscuit v3. spec/9-public-key.md.
"""

from . import form as _form  # Credential.parse reads this form from here on.
from .any_form import AnyFormVerifier
from .biscuit_datalog import BiscuitDatalog
from .body import BiscuitBody
from .datalog import Datalog, DatalogFact
from .directory import IssuerDirectory
from .issuer_fetch import IssuerFetch
from .key_page import KEYS_PATH, IssuerKey, read_key_page, write_key_page
from .key_ring import KeyRing, RingKey
from .minter import Minter
from .page_fetch import PageAnswer, PageFetch
from .seal import Issued, issued_of, seal
from .slices import slice_credential
from .verifier import BiscuitVerifier, IssuerKeys

__all__ = [
    "KEYS_PATH",
    "AnyFormVerifier",
    "BiscuitBody",
    "BiscuitDatalog",
    "BiscuitVerifier",
    "Datalog",
    "DatalogFact",
    "Issued",
    "IssuerDirectory",
    "IssuerFetch",
    "IssuerKey",
    "IssuerKeys",
    "KeyRing",
    "Minter",
    "PageAnswer",
    "PageFetch",
    "RingKey",
    "issued_of",
    "read_key_page",
    "seal",
    "slice_credential",
    "write_key_page",
]
del _form
