# Owns nginx's configuration as a proxy, and the words that nginx as a backend shares with it.
from __future__ import annotations

import os
import pathlib
import re
import subprocess

from ..processes import Launch
from ..scenario import Route, Scenario
from .base import Proxy


def top(directory: pathlib.Path, workers: int, connections: int) -> list[str]:
    """The lines before `http` or `stream`: a foreground nginx that keeps to its directory."""
    return [
        *(["user root;"] if os.geteuid() == 0 else []),
        "daemon off;",
        f"pid {directory}/nginx.pid;",
        f"error_log {directory}/error.log error;",
        f"worker_processes {workers};",
        f"events {{ worker_connections {connections}; }}",
    ]


def temporary_paths(directory: pathlib.Path) -> list[str]:
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return [f"    {kind}_temp_path {directory}/{kind};" for kind in kinds]


def command(program: str, path: pathlib.Path) -> list[str]:
    return [program, "-p", str(path.parent), "-e", str(path.parent / "error.log"), "-c", str(path)]


# The default buffers, a page each, cost many more calls for each megabyte.
TUNED_BUFFERS = [
    "    proxy_buffer_size 16k;",
    "    proxy_buffers 8 32k;",
    "    proxy_busy_buffers_size 64k;",
    "    client_body_buffer_size 64k;",
]


class Nginx(Proxy):
    name = "nginx"
    is_peer = True

    def version(self) -> str:
        return self.first_line("-v").removeprefix("nginx version: ")

    def stream_module(self) -> str | None:
        """"" when TCP is built in, the module's path when it is to be loaded, None when it is not there."""
        run = subprocess.run([self.program, "-V"], capture_output=True, text=True, timeout=30, check=False)
        options = run.stderr.split()
        if "--with-stream" in options:
            return ""
        folder = re.search(r"--modules-path=(\S+)", run.stderr)
        module = pathlib.Path(folder.group(1) if folder else "/usr/lib/nginx/modules") / "ngx_stream_module.so"
        return str(module) if module.exists() else None

    def supports(self, scenario: Scenario) -> bool:
        return scenario.protocol == "http" or self.stream_module() is not None

    def configure(self, scenario: Scenario, directory: pathlib.Path) -> Launch:
        # Descriptors: a client's and a server's are one of these connections each.
        lines = top(directory, scenario.workers, 19000)
        if scenario.protocol == "tcp":
            if module := self.stream_module():
                lines.insert(0, f"load_module {module};")
            lines += self._stream(scenario)
        else:
            lines += self._http(scenario, directory)
        path = directory / "nginx.conf"
        path.write_text("\n".join(lines) + "\n")
        return Launch(command(self.program, path))

    def _listen(self, scenario: Scenario) -> str:
        reuse = " reuseport" if scenario.workers > 1 else ""
        return f"listen 127.0.0.1:{scenario.port} backlog=4096{reuse};"

    def _stream(self, scenario: Scenario) -> list[str]:
        buffer = " proxy_buffer_size 64k;" if self.tuned else ""
        return [
            "stream {",
            f"    upstream web {{ server {scenario.routes[0].endpoints[0]}; }}",
            f"    server {{ {self._listen(scenario)} proxy_pass web; proxy_timeout 1h;{buffer} }}",
            "}",
        ]

    def _http(self, scenario: Scenario, directory: pathlib.Path) -> list[str]:
        log = f"{scenario.access_log} combined buffer=64k flush=1s" if scenario.access_log else "off"
        lines = [
            "http {",
            f"    access_log {log};",
            *temporary_paths(directory),
            "    keepalive_timeout 1h;",
            "    keepalive_requests 1000000000;",
            "    client_max_body_size 0;",
            "    proxy_http_version 1.1;",
            "    proxy_set_header Host $http_host;",
            '    proxy_set_header Connection "";',
            # Bodies are passed on as they come, as the others do.
            "    proxy_request_buffering off;",
            "    proxy_max_temp_file_size 0;",
            *(TUNED_BUFFERS if self.tuned else []),
        ]
        for route in scenario.routes:
            lines += self._upstream(route)
        lines += ["    server {", f"        {self._listen(scenario)}"]
        for route in scenario.routes:
            passing = f"{self._location(scenario)}proxy_pass http://{route.name};"
            lines.append(f"        location {route.prefix} {{ {passing} }}")
        return lines + ["    }", "}"]

    def _upstream(self, route: Route) -> list[str]:
        return [
            f"    upstream {route.name} {{",
            *(f"        server {address};" for address in route.endpoints),
            "        keepalive 1024;",
            "        keepalive_requests 1000000000;",
            "        keepalive_timeout 1h;",
            "    }",
        ]

    def _location(self, scenario: Scenario) -> str:
        if not scenario.websocket:
            return ""
        return (
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; "
            "proxy_set_header Host $http_host; proxy_read_timeout 1h; ")
