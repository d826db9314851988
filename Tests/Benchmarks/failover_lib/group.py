# Owns one group under test: its files, certificates, proxies, backends and generators, all of which end with it.
from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass

from compare_lib.backends import pattern
from compare_lib.install import Unavailable
from compare_lib.processes import Launch, RunningProcess, free_port
from compare_lib.proxies.nginx import command, temporary_paths

from . import priority
from .admin import Admin, View
from .network import PLACES, Network

BODY_BYTES = 128
# How long a client waits for an answer: longer than requests are ever held.
CLIENT_PATIENCE = 25


@dataclass(frozen=True)
class Timing:
    """The settings that decide how fast a group fails over, as they are written in its file."""

    name: str
    cluster: str
    check: str
    failover: str
    # How long a fault is watched, in seconds.
    window: float


QUICK = Timing(
    "quick", "heartbeat: 50ms, election_timeout: 300ms, lease: 1200ms", "interval: 200ms, timeout: 200ms, fall: 2",
    "confirm: 500ms, drain: 500ms", 5)
DEFAULTS = Timing("defaults", "", "", "", 30)


@dataclass(frozen=True)
class Tools:
    meridian: str
    nginx: str
    backend: str
    load: str


@dataclass(frozen=True)
class Setup:
    """What every group of a benchmark shares."""

    tools: Tools
    timing: Timing
    consistency: str
    inputs: str
    rate: int
    delay_milliseconds: float
    certificates: pathlib.Path
    # Whether the proxies write access logs.
    is_logging: bool = False


def make_certificates(directory: pathlib.Path) -> None:
    """An authority, and a certificate for each node: the members are not on loopback, so they speak TLS."""
    directory.mkdir()
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]

    def openssl(*arguments: str) -> None:
        run = subprocess.run(["openssl", *arguments], cwd=directory, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Unavailable(f"openssl {arguments[0]}: {run.stderr.strip()}")

    openssl("req", "-x509", *key, "-days", "2", "-subj", "/CN=benchmark", "-addext",
            "basicConstraints=critical,CA:true", "-keyout", "ca.key", "-out", "ca.pem")
    for place in PLACES:
        openssl("req", *key, "-subj", f"/CN=n{place}", "-keyout", f"n{place}.key", "-out", f"n{place}.csr")
        (directory / "extensions").write_text(f"subjectAltName=DNS:n{place}\nbasicConstraints=CA:false\n")
        openssl("x509", "-req", "-days", "2", "-in", f"n{place}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-extfile", "extensions", "-out", f"n{place}.pem")


class Site:
    """A datacenter: two backends of our own, nginx, a proxy, and the clients of that proxy."""

    def __init__(self, place: int, directory: pathlib.Path, setup: Setup, network: Network):
        self.place, self.directory, self.setup, self.network = place, directory, setup, network
        self.name, self.node = f"dc{place}", f"n{place}"
        self.address = network.address(place)
        directory.mkdir(parents=True)
        self.proxy_port, self.peer_port, self.nginx_port = free_port(), free_port(), free_port()
        self.admin = Admin(directory / "admin")
        self.backends: list[RunningProcess] = []
        self.stamp_files: list[pathlib.Path] = []
        self.endpoints: list[str] = []
        self.proxy: RunningProcess | None = None
        self.load: RunningProcess | None = None
        self.load_file = directory / "requests"
        self.starts = 0

    def run(self, name: str, arguments: list[str]) -> RunningProcess:
        folder = self.directory / name
        folder.mkdir()
        launch = Launch(self.network.inside(self.place, arguments), output=folder / "stdout")
        process = RunningProcess(launch, None, folder)
        priority.raise_group(process.process.pid)
        return process

    def start_backends(self) -> None:
        for number in (1, 2):
            stamps = self.directory / f"stamps{number}"
            process = self.run(f"backend{number}", [
                self.setup.tools.backend, self.address, str(self.setup.delay_milliseconds), str(stamps)])
            self.backends.append(process)
            self.stamp_files.append(stamps)
        for process in self.backends:
            port = first_line(process)
            self.endpoints.append(f'{{ address: "{self.address}:{port}", weight: 2 }}')
        self._start_nginx()

    def _start_nginx(self) -> None:
        folder = self.directory / "files"
        folder.mkdir()
        lines = [
            *(["user root;"] if os.geteuid() == 0 else []), "daemon off;", "master_process off;",
            f"pid {folder}/nginx.pid;", f"error_log {folder}/error.log error;",
            "events { worker_connections 4096; }", "http {", "    access_log off;", *temporary_paths(folder),
            "    keepalive_requests 1000000000;", "    default_type text/plain;", "    server {",
            f"        listen {self.address}:{self.nginx_port} backlog=4096;",
            f'        location / {{ return 200 "{pattern(BODY_BYTES).decode()}"; }}', "    }", "}"]
        path = folder / "nginx.conf"
        path.write_text("\n".join(lines) + "\n")
        self.backends.append(self.run("nginx", command(self.setup.tools.nginx, path)))
        self.endpoints.append(f'"{self.address}:{self.nginx_port}"')

    def write_configuration(self, sites: list[Site]) -> None:
        keys, timing = self.setup.certificates, self.setup.timing
        members = "\n".join(
            f'    - {{ id: {site.node}, address: "{site.address}:{site.peer_port}", datacenter: {site.name} }}'
            for site in sites)
        places = "\n".join(
            f"      {site.name}: {{ endpoints: [ {', '.join(site.endpoints)} ] }}" for site in sites)
        cluster = "".join(f"  {setting.strip()}\n" for setting in timing.cluster.split(",") if setting)
        (self.directory / "meridian.yaml").write_text(
            f"node: {{ id: {self.node}, datacenter: {self.name}, data_dir: {self.directory}/data }}\n"
            f'admin: {{ bind: "unix:{self.admin.path}" }}\n'
            f'cluster:\n  bind: "{self.address}:{self.peer_port}"\n{cluster}'
            f"  tls: {{ certificate: {keys}/{self.node}.pem, key: {keys}/{self.node}.key, ca: {keys}/ca.pem }}\n"
            f"  members:\n{members}\n"
            f"datacenters: [ {', '.join(site.name for site in sites)} ]\n"
            "services:\n  - name: shop\n    datacenter_policy: primary\n"
            f"    health_check: {{ http: {{ path: /healthz }}, {timing.check} }}\n"
            f"    failover: {{ {timing.failover + ', ' if timing.failover else ''}"
            f"consistency: {self.setup.consistency} }}\n"
            f"    datacenters:\n{places}\n"
            f'listeners: [ {{ name: web, bind: "{self.address}:{self.proxy_port}", service: shop }} ]\n'
            + (f'access_log: {{ path: "{self.directory}/access", format: json }}\n' if self.setup.is_logging else "")
            + "workers: 2\n")

    def start_proxy(self) -> None:
        """Starts the node, the first time or again after its end."""
        self.starts += 1
        self.admin.path.unlink(missing_ok=True)
        self.proxy = self.run(f"proxy{self.starts}", [
            self.setup.tools.meridian, "run", "-c", str(self.directory / "meridian.yaml"), "--io", self.setup.inputs])

    def start_load(self) -> None:
        self.load = self.run("load", [
            self.setup.tools.load, self.address, str(self.proxy_port), str(self.place), str(self.setup.rate), "10",
            str(CLIENT_PATIENCE), str(self.load_file)])

    def stop_load(self) -> None:
        if self.load:
            self.load.process.send_signal(signal.SIGTERM)

    def signal_backends(self, number: signal.Signals) -> None:
        for process in self.backends:
            process.process.send_signal(number)

    def signal_proxy(self, number: signal.Signals) -> None:
        assert self.proxy
        self.proxy.process.send_signal(number)
        if number == signal.SIGKILL:
            self.proxy.process.wait(10)

    def end(self) -> None:
        for process in [*self.backends, self.proxy, self.load]:
            if process and process.is_running:
                # A stopped process hears of nothing else.
                process.process.kill()
        for process in [*self.backends, self.proxy, self.load]:
            if process:
                process.stop()


class Group:
    """Three datacenters with a running group; a context that ends all of it."""

    def __init__(self, directory: pathlib.Path, setup: Setup, network: Network):
        self.directory, self.setup, self.network = directory, setup, network
        self.sites: list[Site] = []

    def __enter__(self) -> Group:
        try:
            self.network.heal()
            for place in PLACES:
                site = Site(place, self.directory / f"dc{place}", self.setup, self.network)
                self.sites.append(site)
                site.start_backends()
            for site in self.sites:
                site.write_configuration(self.sites)
                site.start_proxy()
            self.await_settled(self.sites)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for site in self.sites:
            site.end()

    def views(self, sites: list[Site]) -> list[View | None]:
        return [site.admin.view() for site in sites]

    def settled(self, sites: list[Site]) -> View | None:
        """What these nodes agree on, when they do and every endpoint is up."""
        views = self.views(sites)
        first = views[0]
        if first is None or not first.quorum or first.primary is None or first.state != "stable":
            return None
        for view in views:
            if view is None or not view.is_all_up or view.state != "stable":
                return None
            if (view.leader, view.primary, view.epoch) != (first.leader, first.primary, first.epoch):
                return None
        return first

    def await_settled(self, sites: list[Site], seconds: float = 30, primary: str | None = None) -> View:
        """Waits until these nodes agree, on this primary if one is named."""
        found: list[View] = []

        def look() -> bool:
            view = self.settled(sites)
            found[:] = [view] if view and primary in (None, view.primary) else []
            return bool(found)

        wait_until("an agreement of all nodes", look, seconds, lambda: f"{self.views(sites)} {self.last_words()}")
        return found[0]

    def site(self, name: str) -> Site:
        """By the name of the datacenter or of its node."""
        return next(site for site in self.sites if name in (site.name, site.node))

    def last_words(self) -> str:
        return "; ".join(f"{site.node}: {site.proxy.last_words()}" for site in self.sites if site.proxy)


def wait_until(what: str, condition: Callable[[], bool], seconds: float, detail: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {what} within {seconds:g} s: {detail()}")
        time.sleep(0.02)


def first_line(process: RunningProcess) -> str:
    """The first line that a process prints, such as the port it serves."""
    output = process.launch.output
    assert output
    wait_until("first line", lambda: output.read_text().endswith("\n"), 10, process.last_words)
    return output.read_text().splitlines()[0]
