"""The commands of `l8nt_python.py` about the public-key form, and about signed requests."""

from urllib.parse import urlsplit

from l8nt.caveat import read_base
from l8nt.credential import Credential
from l8nt.errors import TokenError
from l8nt.holder import HolderProofs, ProofRequest, SignedRequest, joined, signed_paths
from l8nt.public_key import BiscuitVerifier, IssuerDirectory, Minter, PageAnswer, seal

FEATURES = ["attenuate", "seal", "profile", "key page", "holder", "holder signatures"]


class Keys:
    """The keys that a command names."""

    def __init__(self, issuers):
        self.issuers = issuers

    def find(self, issuer, key_id):
        own = [one for one in self.issuers if one["issuer"] == issuer]
        if not own:
            raise TokenError("ERR_TOKEN_ISSUER", "not trusted")
        for one in own:
            if one["keyId"] == key_id:
                return bytes.fromhex(one["publicKey"])
        raise TokenError("ERR_TOKEN_KEY", "no such key")

    def load(self, issuer, key_id):
        return None


def verifier_of(given, common):
    return BiscuitVerifier(keys=Keys(given.get("issuers", [])), **common)


def mint(command, scope):
    minter = Minter(
        private_key=command["privateKey"],
        issuer=command["issuer"],
        key_id=command["keyId"],
        location=command["location"],
        clock=lambda: command["now"],
    )
    return {"ok": True, "credential": minter.mint(**scope).text}


def sealed(command):
    return {"ok": True, "credential": seal(Credential.parse(command["credential"])).text}


def keys(command):
    page = PageAnswer(200, command["page"].encode())
    directory = IssuerDirectory(
        [command["issuer"]], fetch=lambda _: page, clock=lambda: command["now"]
    )
    load = directory.load(command["issuer"], command["keyId"])
    if load is not None:
        load()
    return {"ok": True, "publicKey": directory.find(command["issuer"], command["keyId"]).hex()}


class Bound:
    """A credential that is bound to keys."""

    class nodes:
        id = "00" * 16

    def __init__(self, holders):
        self.holders = holders
        self.nodes = [Bound.nodes]


def holder(command):
    """The verdict of the last request."""
    location, now = command["location"], command["now"]
    base = read_base(location)
    proofs = HolderProofs(lambda: now)
    credential = Bound(command["thumbprints"])
    signer = None
    for one in command["requests"]:
        path, question, query = one["target"].partition("?")
        written, other = signed_paths(location, base.path, path)
        authority = urlsplit(location).netloc
        signed = SignedRequest(
            one["method"], authority, written, question + query or "?", joined(one["fields"])
        )
        request = ProofRequest(signed, other_path=other)
        signer = proofs.prove(request, credential, bytes.fromhex(one["body"]))
    return {"ok": False, "code": "ERR_HOLDER"} if signer is None else {"ok": True}


COMMANDS = {"seal": sealed, "keys": keys, "holder": holder}
