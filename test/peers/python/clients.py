"""Clients of L402 from PyPI: each fetches what it is given, and prints what it got.

clients.py NAME WALLET_URL ASKED..., each a JSON object with `url`, and `body` if it is to be posted.
"""

import json
import sys
import urllib.request


def l402_requests(wallet_url, asked):
    from l402_requests import L402Client
    from l402_requests.wallets import WalletBase

    class Wallet(WalletBase):
        async def pay_invoice(self, bolt11):
            order = urllib.request.Request(wallet_url + "/pay", data=bolt11.encode())
            with urllib.request.urlopen(order) as answer:
                return answer.read().decode()

    client = L402Client(wallet=Wallet())
    for one in asked:
        body = one.get("body")
        response = client.get(one["url"]) if body is None else client.post(one["url"], json=body)
        yield [response.status_code, response.text]


def l402sdk(wallet_url, asked):
    from l402 import L402Client

    client = L402Client.with_lnd_rest(wallet_url, "00")
    for one in asked:
        body = one.get("body")
        response = client.get(one["url"]) if body is None else client.post(one["url"], json.dumps(body))
        yield [response.status, response.text()]


name, wallet_url, *asked = sys.argv[1:]
clients = {"l402-requests": l402_requests, "l402sdk": l402sdk}
print(json.dumps(list(clients[name](wallet_url, map(json.loads, asked)))))
