"""Keys that credentials are bound to. spec/9-public-key.md §9."""

from .directory import DIRECTORY_PATH, DirectoryAnswer
from .fields import SIGNATURE_FIELDS, SignedRequest, joined
from .key import HolderKey
from .proofs import HolderProofs, PendingProof, ProofRequest, signed_paths

__all__ = [
    "DIRECTORY_PATH",
    "SIGNATURE_FIELDS",
    "DirectoryAnswer",
    "HolderKey",
    "HolderProofs",
    "PendingProof",
    "ProofRequest",
    "SignedRequest",
    "joined",
    "signed_paths",
]
