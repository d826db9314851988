# Owns Meridian's configuration: the defaults, but for what a case itself asks for.
from __future__ import annotations

import pathlib

from ..processes import Launch, free_port
from ..scenario import Route, Scenario
from .base import Proxy


class Meridian(Proxy):
    def __init__(self, program: str, backend: str):
        super().__init__(program)
        self.backend = backend
        self.name = {"io_uring": "meridian-uring", "epoll": "meridian-epoll"}.get(backend, f"meridian-{backend}")

    def version(self) -> str:
        return f"{self.first_line('--version')}, --io {self.backend}"

    def configure(self, scenario: Scenario, directory: pathlib.Path) -> Launch:
        lines = [f"workers: {scenario.workers}", f"admin: {{ bind: 127.0.0.1:{free_port()} }}"]
        if scenario.access_log:
            lines.append(f"access_log: {{ path: {scenario.access_log}, format: combined }}")
        lines.append("services:")
        for route in scenario.routes:
            lines += self._service(scenario, route)
        lines += ["listeners:", f"  - name: {scenario.protocol}", f"    bind: 127.0.0.1:{scenario.port}"]
        lines.append(f"    protocol: {scenario.protocol}")
        if scenario.protocol == "tcp":
            lines.append(f"    service: {scenario.routes[0].name}")
        else:
            lines.append("    routes:")
            for route in scenario.routes:
                path = "" if route.prefix == "/" else f"path: {route.prefix.rstrip('/')}, "
                lines.append(f"      - {{ {path}service: {route.name} }}")
        path = directory / "meridian.yaml"
        path.write_text("\n".join(lines) + "\n")
        return Launch([self.program, "run", "-c", str(path), "--io", self.backend])

    def _service(self, scenario: Scenario, route: Route) -> list[str]:
        lines = [f"  - name: {route.name}", f"    protocol: {scenario.protocol}"]
        if scenario.endpoint_count > 1000:
            # Ten thousand checks every two seconds would be measured as requests; the peers check nothing.
            lines.append("    health_check: off")
        endpoints = ", ".join(f'"{address}"' for address in route.endpoints)
        return lines + ["    datacenters:", f"      local: {{ endpoints: [ {endpoints} ] }}"]
