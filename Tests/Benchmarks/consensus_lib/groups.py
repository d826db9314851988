# Owns the groups that are measured: three nodes each on loopback, their disks, their leader, and how much they committed.
from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import subprocess
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod

from compare_lib.install import Unavailable
from compare_lib.processes import Launch, RunningProcess, free_port

NODES = ("n1", "n2", "n3")
PLACES = ("dc1", "dc2", "dc3")
START_SECONDS = 30


class Group(ABC):
    """Three running nodes with their disks in a folder; a context that ends them."""

    name: str
    # What the load sends: its method, and the lines of a Lua function `body(number)` and `path(number)`.
    method: str
    script: str

    def __init__(self, program: str, directory: pathlib.Path, value_bytes: int):
        self.program, self.directory, self.value_bytes = program, directory, value_bytes
        self.peers = [free_port() for _ in NODES]
        self.clients = [free_port() for _ in NODES]
        self._stack = contextlib.ExitStack()
        self.processes: list[RunningProcess] = []

    def __enter__(self) -> Group:
        try:
            for number, name in enumerate(NODES):
                folder = self.directory / name
                folder.mkdir(parents=True)
                process = RunningProcess(self.launch(number, folder), None, folder)
                self.processes.append(self._stack.enter_context(process))
            self.await_leader()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @staticmethod
    @abstractmethod
    def version(program: str) -> str:
        """One line; raises OSError when the program cannot be started."""

    @abstractmethod
    def launch(self, number: int, folder: pathlib.Path) -> Launch:
        """The command that runs a node, whose disk is in the folder."""

    @abstractmethod
    def leader(self) -> int | None:
        """The number of the node that leads, once all three say so."""

    def takes_changes(self, leader: int) -> bool:
        """Whether everything is there that the load changes."""
        return True

    @abstractmethod
    def committed(self) -> int:
        """A count that grows by one with each change, as the leader has it."""

    def processor_seconds(self) -> float:
        return sum(process.processor_seconds() for process in self.processes)

    def url(self, number: int, path: str = "") -> str:
        return f"http://127.0.0.1:{self.clients[number]}{path}"

    def ask(self, number: int, path: str, body: object | None = None) -> dict:
        """A JSON answer of a node; raises OSError while there is none."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url(number, path), data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)

    def await_leader(self) -> int:
        """The number of the node that leads; waits until one does."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for process in self.processes:
                if not process.is_running:
                    raise Unavailable(f"a node of {self.name} ended: {process.last_words()}")
            with contextlib.suppress(OSError, ValueError, KeyError, urllib.error.URLError):
                leader = self.leader()
                if leader is not None and self.takes_changes(leader):
                    return leader
            time.sleep(0.05)
        raise Unavailable(f"{self.name} has no leader after {START_SECONDS} s: {self.processes[0].last_words()}")


class Meridian(Group):
    """Weights of datacenters, set through the admin API; each change carries a reason of so many bytes."""

    name = "meridian"
    method = "PUT"
    script = """
        local reason = string.rep("r", VALUE_BYTES)
        function path(number) return "/v1/services/shop/datacenters/dc" .. (number % 3 + 1) .. "/weight" end
        function body(number)
          return '{"weight":' .. (math.floor(number / 3) % 250 + 1) .. ',"reason":"' .. reason .. '"}'
        end
    """

    @staticmethod
    def version(program: str) -> str:
        run = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
        return (run.stdout + run.stderr).strip().splitlines()[0]

    def launch(self, number: int, folder: pathlib.Path) -> Launch:
        members = ", ".join(
            f"{{ id: {name}, address: 127.0.0.1:{port}, datacenter: {place} }}"
            for name, port, place in zip(NODES, self.peers, PLACES, strict=True))
        # Nobody listens behind the services: only what is agreed is measured.
        places = ", ".join(
            f'{place}: {{ endpoints: [ "127.0.0.1:{9 + index}" ] }}' for index, place in enumerate(PLACES))
        lines = [
            f"node: {{ id: {NODES[number]}, datacenter: {PLACES[number]}, data_dir: {folder / 'data'} }}",
            f"admin: {{ bind: 127.0.0.1:{self.clients[number]} }}",
            f"cluster: {{ bind: 127.0.0.1:{self.peers[number]}, members: [ {members} ] }}",
            f"datacenters: [ {', '.join(PLACES)} ]",
            "services:",
            "  - name: shop",
            "    datacenter_policy: weighted",
            "    health_check: off",
            f"    datacenters: {{ {places} }}",
            "listeners:",
            f"  - {{ name: web, bind: 127.0.0.1:{free_port()}, service: shop }}",
        ]
        path = folder / "meridian.yaml"
        path.write_text("\n".join(lines) + "\n")
        return Launch([self.program, "run", "-c", str(path)])

    def leader(self) -> int | None:
        answers = [self.ask(number, "/v1/status") for number in range(len(NODES))]
        names = {answer.get("leader") for answer in answers}
        if len(names) != 1 or not all(answer["quorum"] and answer["services"] for answer in answers):
            return None
        name = names.pop()
        return NODES.index(name) if name in NODES else None

    def takes_changes(self, leader: int) -> bool:
        # What the group agrees on has to hold the service before its weights can be changed.
        path = "/v1/services/shop/datacenters/dc1/weight"
        request = urllib.request.Request(self.url(leader, path), b'{"weight":256}', method="PUT")
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status == 200

    def committed(self) -> int:
        return max(self.ask(number, "/v1/status")["index"] for number in range(len(NODES)))


class Etcd(Group):
    """Keys with values of so many bytes, set through the JSON gateway."""

    name = "etcd"
    method = "POST"
    # In its gateway keys and values are written in base64: of "dc1" to "dc3", and of bytes that differ in the last three.
    script = """
        local names = { "ZGMx", "ZGMy", "ZGMz" }
        local start = string.rep("cnJy", math.floor(VALUE_BYTES / 3) - 1)
        local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        local tail = ({ [0] = "", "cg==", "cnI=" })[VALUE_BYTES % 3]
        local function digit(value) value = value % 64 + 1 return digits:sub(value, value) end
        function path(number) return "/v3/kv/put" end
        function body(number)
          local turn = math.floor(number / 3)
          local changing = "r" .. digit(turn / 4096) .. digit(turn / 64) .. digit(turn)
          return '{"key":"' .. names[number % 3 + 1] .. '","value":"' .. start .. changing .. tail .. '"}'
        end
    """

    @staticmethod
    def version(program: str) -> str:
        run = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
        return "etcd " + run.stdout.splitlines()[0].split(":")[1].strip()

    def launch(self, number: int, folder: pathlib.Path) -> Launch:
        cluster = ",".join(f"{name}=http://127.0.0.1:{port}" for name, port in zip(NODES, self.peers, strict=True))
        return Launch([
            self.program, "--name", NODES[number], "--data-dir", str(folder / "data"), "--logger", "zap",
            "--log-level", "error", "--listen-peer-urls", f"http://127.0.0.1:{self.peers[number]}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{self.peers[number]}", "--listen-client-urls",
            self.url(number), "--advertise-client-urls", self.url(number), "--initial-cluster", cluster,
            "--initial-cluster-state", "new"])

    def leader(self) -> int | None:
        answers = [self.ask(number, "/v3/maintenance/status", {}) for number in range(len(NODES))]
        leaders = {answer["leader"] for answer in answers}
        own = [answer["header"]["member_id"] for answer in answers]
        leader = leaders.pop()
        return own.index(leader) if not leaders and leader in own else None

    def committed(self) -> int:
        key = base64.b64encode(b"dc1").decode()
        return int(self.ask(self.leader() or 0, "/v3/kv/range", {"key": key})["header"]["revision"])
