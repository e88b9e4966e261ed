"""Clients of L402 from PyPI: each fetches the URLs that it is given, and prints what it got.

clients.py NAME WALLET_URL URL...
"""

import json
import sys
import urllib.request


def l402_requests(wallet_url, urls):
    from l402_requests import L402Client
    from l402_requests.wallets import WalletBase

    class Wallet(WalletBase):
        async def pay_invoice(self, bolt11):
            asked = urllib.request.Request(wallet_url + "/pay", data=bolt11.encode())
            with urllib.request.urlopen(asked) as answer:
                return answer.read().decode()

    client = L402Client(wallet=Wallet())
    for url in urls:
        response = client.get(url)
        yield [response.status_code, response.text]


def l402sdk(wallet_url, urls):
    from l402 import L402Client

    client = L402Client.with_lnd_rest(wallet_url, "00")
    for url in urls:
        response = client.get(url)
        yield [response.status, response.text()]


name, wallet_url, *urls = sys.argv[1:]
clients = {"l402-requests": l402_requests, "l402sdk": l402sdk}
print(json.dumps(list(clients[name](wallet_url, urls))))
