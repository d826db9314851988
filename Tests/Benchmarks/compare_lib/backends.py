# Owns what stands behind the proxies: an nginx that serves small answers and files, and the C backend.
from __future__ import annotations

import json
import os
import pathlib
import time

from .cases import DYNAMIC, ECHO, ENDPOINTS_A_ROUTE, FILES, KILOBYTES_10, MEGABYTE, ROUTES, SMALL_BYTES, Case
from .install import Unavailable
from .processes import Launch, RunningProcess, free_port
from .proxies.nginx import command, temporary_paths, top
from .scenario import Route

# The pattern of tools/pattern.c, by which the generator checks each byte.
ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxy"


def pattern(count: int) -> bytes:
    return (ALPHABET * (count // len(ALPHABET) + 1))[:count]


class Backends:
    """Both backends, running; a context that ends them."""

    def __init__(self, nginx: str, tool: str, directory: pathlib.Path):
        self.files_port = free_port()
        self._running: list[RunningProcess] = []
        try:
            self._start_files(nginx, directory / "files")
            ports = self._start_dynamic(tool, directory / "dynamic")
        except BaseException:
            self.stop()
            raise
        self.http_port, self.echo_port = ports["http"], ports["echo"]

    def __enter__(self) -> Backends:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        for process in self._running:
            process.stop()

    def move(self, processors: set[int] | None) -> None:
        """Lets both run on these processors only; None: on all that the comparison has."""
        for process in self._running:
            for pid in process.pids():
                os.sched_setaffinity(pid, processors or os.sched_getaffinity(0))

    def processor_seconds(self) -> float:
        return sum(process.processor_seconds() for process in self._running)

    def routes(self, case: Case) -> list[Route]:
        """The routes of a case, each with its endpoints."""
        if case.routes == 1:
            return [Route("/", [self.address(case)])]
        # The C backend answers on every loopback address, so each endpoint is another one.
        return [
            Route(f"/service-{route:02}/", [
                f"127.1.{route}.{endpoint + 1}:{self.http_port}" for endpoint in range(ENDPOINTS_A_ROUTE)])
            for route in range(ROUTES)
        ]

    def address(self, case: Case) -> str:
        ports = {FILES: self.files_port, DYNAMIC: self.http_port, ECHO: self.echo_port}
        return f"127.0.0.1:{ports[case.backend]}"

    def _start_files(self, nginx: str, directory: pathlib.Path) -> None:
        root = directory / "root"
        root.mkdir(parents=True)
        (root / "10k").write_bytes(pattern(KILOBYTES_10))
        (root / "1m").write_bytes(pattern(MEGABYTE))
        lines = top(directory, 1, 19000) + [
            "http {",
            "    access_log off;",
            *temporary_paths(directory),
            "    keepalive_timeout 1h;",
            "    keepalive_requests 1000000000;",
            "    sendfile on;",
            "    tcp_nopush on;",
            "    open_file_cache max=100 inactive=1h;",
            "    default_type text/plain;",
            "    server {",
            f"        listen 127.0.0.1:{self.files_port} backlog=4096;",
            f"        root {root};",
            f'        location = /small {{ return 200 "{pattern(SMALL_BYTES).decode()}"; }}',
            "    }",
            "}",
        ]
        path = directory / "nginx.conf"
        path.write_text("\n".join(lines) + "\n")
        self._running.append(RunningProcess(Launch(command(nginx, path)), None, directory))

    def _start_dynamic(self, tool: str, directory: pathlib.Path) -> dict[str, int]:
        directory.mkdir()
        output = directory / "ports"
        process = RunningProcess(Launch([tool], output=output), None, directory)
        self._running.append(process)
        deadline = time.monotonic() + 10
        while process.is_running and time.monotonic() < deadline:
            if (text := output.read_text()).endswith("\n"):
                return json.loads(text)
            time.sleep(0.02)
        raise Unavailable(f"the backend did not start: {process.last_words()}")
