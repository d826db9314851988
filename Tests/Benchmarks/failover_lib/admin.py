# Owns how the benchmark talks to a node: its admin API on a Unix socket, which no cut link concerns.
from __future__ import annotations

import http.client
import json
import pathlib
import socket
from dataclasses import dataclass


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: pathlib.Path, timeout: float):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


@dataclass(frozen=True)
class View:
    """What one node says of the group and of the service."""

    node: str
    leader: str | None
    term: int
    quorum: bool
    primary: str | None
    epoch: int
    state: str
    is_all_up: bool


class Admin:
    def __init__(self, path: pathlib.Path):
        self.path = path

    def send(self, method: str, path: str, body: object = None, timeout: float = 20) -> tuple[int, bytes]:
        """The status and body of an answer; 0 when there is none."""
        connection = _UnixConnection(self.path, timeout)
        try:
            headers = {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 0, b""
        finally:
            connection.close()

    def view(self, timeout: float = 1) -> View | None:
        """None while the node does not answer, or knows nothing of the service yet."""
        status, text = self.send("GET", "/v1/status", timeout=timeout)
        if status != 200:
            return None
        document = json.loads(text)
        service = document["services"][0]
        states = [endpoint["state"] for place in service["datacenters"] for endpoint in place["endpoints"]]
        return View(
            document["node"], document.get("leader"), document.get("term", 0), document["quorum"],
            service.get("primary"), service.get("epoch") or 0, service.get("state", "stable"),
            all(state == "up" for state in states))

    def set_primary(self, datacenter: str, timeout: float = 20) -> int:
        """The status of the answer."""
        body = {"datacenter": datacenter, "reason": "benchmark"}
        return self.send("POST", "/v1/services/shop/primary", body, timeout)[0]
