"""A service in Python that verifies credentials: FastAPI, on uvicorn, and an agent that asks it.

    pip install "./clients/python[fastapi]" uvicorn
    python fastapi_service.py
"""

import secrets
import socket
import threading

import httpx2
import uvicorn
from fastapi import Depends, FastAPI

from l8nt.asgi import Sigil, require
from l8nt.credential import Credential
from l8nt.l402 import Minter
from l8nt.service import Grant, MemoryLedger, Service

listening = socket.create_server(("127.0.0.1", 0))
LOCATION = f"http://127.0.0.1:{listening.getsockname()[1]}"
# In a real service: os.environ["SIGIL_SECRET"], and the credential comes from `sigil mint`.
SECRET = secrets.token_hex(32)

service = Service(location=LOCATION, name="weather", secret=SECRET, ledger=MemoryLedger())
app = FastAPI()
app.add_middleware(Sigil, service=service, guard="routes")


@app.get("/forecast")
def forecast(city: str, grant: Grant = Depends(require(capability="forecast"))) -> dict[str, str]:
    return {"city": city, "for": "/".join(grant.lineage), "sky": "sunny"}


@app.post("/book", dependencies=[Depends(require(capability="book"))])
def book() -> dict[str, bool]:
    return {"booked": True}


server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
thread.start()


def ask(method: str, path: str, credential: Credential) -> httpx2.Response:
    headers = {"authorization": f"L402 {credential.text}"}
    return httpx2.request(method, LOCATION + path, headers=headers)


try:
    # The owner of the service mints a credential for an agent.
    planner = Minter(secret=SECRET, location=LOCATION).mint(
        agent="planner",
        endpoints=[f"* {LOCATION}/**"],
        capabilities={"weather": ["forecast", "book"]},
        expires_in="1h",
    )
    # The agent narrows it for another one, and nobody has to be asked.
    scout = planner.delegate(agent="scout", capabilities={"weather": ["forecast"]}, max_uses=2)

    served = ask("GET", "/forecast?city=tokyo", scout)
    print(served.status_code, served.json())
    assert served.json() == {"city": "tokyo", "for": "planner/scout", "sky": "sunny"}

    refused = ask("POST", "/book", scout)
    print(refused.status_code, refused.json()["detail"])
    assert (refused.status_code, refused.json()["code"]) == (403, "ERR_CAPABILITY")
    assert ask("POST", "/book", planner).json() == {"booked": True}

    assert ask("GET", "/forecast?city=oslo", scout).status_code == 200
    used_up = ask("GET", "/forecast?city=oslo", scout)
    print(used_up.status_code, used_up.json()["detail"])
    assert used_up.json()["code"] == "ERR_USES"
    assert httpx2.get(f"{LOCATION}/forecast?city=oslo").status_code == 401
finally:
    server.should_exit = True
    thread.join()
