"""Times the Python package beside other libraries for bench/python/python.ts, in CPU time of this
process: one JSON question a line, one answer a line.
"""

import asyncio
import json
import secrets
import subprocess
import sys
import time
import urllib.request

import httpx
import httpx2
from l402_requests import L402Client
from l402_requests.wallets import WalletBase
from l8nt import Client, Credential
from l8nt.l402 import Minter
from pymacaroons import Macaroon
from routeweiler import LightningFundingSource, Routeweiler

URL = ""
WALLET = ""


def microseconds(work, count):
    started = time.process_time_ns()
    for _ in range(count):
        work()
    return (time.process_time_ns() - started) / count / 1000


def pay(invoice):
    """Pays from an account of the development network; the preimage in hex."""
    base, key = WALLET.removeprefix("dev+").split("?key=")
    order = {"invoice": invoice, "amountMsat": "10000", "maxFeeMsat": "1000", "timeoutSeconds": 30}
    request = urllib.request.Request(
        f"{base}/payments",
        json.dumps(order).encode(),
        {"authorization": f"Bearer {key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)["preimage"]


class RequestsWallet(WalletBase):
    """The wallet of l402-requests."""

    def pay_invoice_sync(self, bolt11):
        return pay(bolt11)

    async def pay_invoice(self, bolt11):
        return pay(bolt11)


class RouterNode:
    """The Lightning node of routeweiler."""

    async def pay_invoice(self, bolt11, *, max_fee_msat):
        return bytes.fromhex(pay(bolt11))

    async def get_node_pubkey(self):
        return "02" * 33


def scope_words():
    return {"endpoints": ["GET https://api.example/search/*"], "expires_in": "1h"}


class Attenuation:
    """A credential with three caveats that gets one more."""

    def __init__(self):
        minter = Minter(secret=secrets.token_hex(32), location="https://api.example")
        self.ours = Credential.parse(minter.mint(**scope_words()).text)
        theirs = Macaroon("https://api.example", secrets.token_hex(33), secrets.token_hex(16))
        for caveat in self.ours.caveats:
            theirs.add_first_party_caveat(str(caveat))
        self.theirs = theirs

    def attenuate(self):
        return self.ours.attenuate(max_uses=3)

    def attenuate_text(self):
        return self.ours.attenuate(max_uses=3).text

    def delegate(self):
        return self.ours.delegate(agent="booker", max_price="50 sat")

    def pymacaroons(self):
        child = self.theirs.copy()
        child.add_first_party_caveat("max_uses=3")
        return child

    def pymacaroons_text(self):
        return self.pymacaroons().serialize()


def fresh(name):
    """A client of the library that has bought its pass, and one call of it."""
    if name == "l8nt":
        client = Client()
        work = lambda: client.get(URL)
    elif name == "httpx2":
        client = httpx2.Client()
        held = {"authorization": f"L402 {bought()}"}
        work = lambda: client.get(URL, headers=held)
    elif name == "httpx":
        client = httpx.Client()
        held = {"authorization": f"L402 {bought()}"}
        work = lambda: client.get(URL, headers=held)
    elif name == "l402-requests":
        client = L402Client(wallet=RequestsWallet(), budget=None)
        work = lambda: client.get(URL)
    else:
        raise ValueError(name)
    response = work()
    assert response.status_code == 200, (name, response.status_code, response.text[:200])
    return work


def bought():
    """A credential that was paid for by hand."""
    response = httpx2.get(URL)
    line = response.headers["www-authenticate"]
    macaroon = line.split('macaroon="')[1].split('"')[0]
    invoice = line.split('invoice="')[1].split('"')[0]
    return f"{macaroon}:{pay(invoice)}"


async def routed(name, count):
    """The same with an event loop: routeweiler, and httpx beside it."""
    if name == "routeweiler":
        funding = LightningFundingSource(
            client=RouterNode(), network="bitcoin-regtest", node_pubkey="02" * 33, max_fee_msat=1000
        )
        client = Routeweiler(funding=[funding])
        call = lambda: client.get(URL)
    else:
        client = httpx.AsyncClient()
        held = {"authorization": f"L402 {bought()}"}
        call = lambda: client.get(URL, headers=held)
    async with client:
        response = await call()
        assert response.status_code == 200, (name, response.status_code, response.text[:200])
        started = time.process_time_ns()
        for _ in range(count):
            response = await call()
        spent = (time.process_time_ns() - started) / count / 1000
        assert response.status_code == 200, (name, response.status_code)
    return spent


def imported(code):
    """The milliseconds of CPU of a new interpreter for this code, without those for no code."""

    def cpu(text):
        script = f"import time\ns=time.process_time_ns()\n{text}\nprint(time.process_time_ns()-s)"
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, check=True, text=True
        )
        return int(done.stdout) / 1e6

    return min(cpu(code) for _ in range(5))


attenuation = Attenuation()
clients = {}
for line in sys.stdin:
    question = json.loads(line)
    do, count = question["do"], question.get("count", 1)
    answer = {}
    try:
        if do == "town":
            URL, WALLET = question["url"], question["wallet"]
        elif do == "attenuate":
            answer["value"] = microseconds(getattr(attenuation, question["name"]), count)
        elif do == "get":
            name = question["name"]
            if name not in clients:
                clients[name] = fresh(name)
            answer["value"] = microseconds(clients[name], count)
        elif do == "get-async":
            answer["value"] = asyncio.run(routed(question["name"], count))
        elif do == "import":
            answer["value"] = imported(question["code"])
    except Exception as error:  # noqa: BLE001
        answer["error"] = f"{type(error).__name__}: {error}"
    print(json.dumps(answer), flush=True)
