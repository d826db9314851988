# Owns Meridian's configuration: the defaults, but for what a case itself asks for.
from __future__ import annotations

import pathlib
from dataclasses import replace

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
        return self._launch(directory / "meridian.yaml", [*self._head(scenario), *self._listeners(scenario)])

    def _launch(self, path: pathlib.Path, lines: list[str]) -> Launch:
        path.write_text("\n".join(lines) + "\n")
        return Launch([self.program, "run", "-c", str(path), "--io", self.backend])

    def _head(self, scenario: Scenario) -> list[str]:
        lines = [f"workers: {scenario.workers}", f"admin: {{ bind: 127.0.0.1:{free_port()} }}"]
        if scenario.access_log:
            lines.append(f"access_log: {{ path: {scenario.access_log}, format: combined }}")
        lines.append("services:")
        for route in scenario.routes:
            lines += self._service(scenario, route)
        return lines

    def _listeners(self, scenario: Scenario) -> list[str]:
        lines = ["listeners:", f"  - name: {scenario.protocol}", f"    bind: 127.0.0.1:{scenario.port}"]
        lines.append(f"    protocol: {scenario.protocol}")
        if scenario.protocol == "tcp":
            lines.append(f"    service: {scenario.routes[0].name}")
        else:
            lines.append("    routes:")
            for route in scenario.routes:
                path = "" if route.prefix == "/" else f"path: {route.prefix.rstrip('/')}, "
                lines.append(f"      - {{ {path}service: {route.name} }}")
        return lines

    def _service(self, scenario: Scenario, route: Route) -> list[str]:
        lines = [f"  - name: {route.name}", f"    protocol: {scenario.protocol}"]
        if scenario.endpoint_count > 1000:
            # Ten thousand checks every two seconds would be measured as requests; the peers check nothing.
            lines.append("    health_check: off")
        return lines + self._places(", ".join(f'"{address}"' for address in route.endpoints))

    def _places(self, endpoints: str) -> list[str]:
        return ["    datacenters:", f"      local: {{ endpoints: [ {endpoints} ] }}"]


class MeridianGroup(Meridian):
    """One of three nodes that agree, with strict services: each request passes a gate under a lease. The others idle."""

    PLACES = ("dc1", "dc2", "dc3")

    def __init__(self, program: str, backend: str):
        super().__init__(program, backend)
        self.name += "-group"

    def configure(self, scenario: Scenario, directory: pathlib.Path) -> Launch:
        peers = [f"127.0.0.1:{free_port()}" for _ in self.PLACES]
        launches = []
        for number, place in enumerate(self.PLACES):
            own = scenario if number == 0 else replace(scenario, port=free_port())
            lines = self._node(number, place, peers, directory) + self._head(own) + self._listeners(own)
            launches.append(self._launch(directory / f"meridian-{number + 1}.yaml", lines))
        return replace(launches[0], companions=launches[1:])

    def _node(self, number: int, place: str, peers: list[str], directory: pathlib.Path) -> list[str]:
        names = [f"n{each + 1}" for each in range(len(peers))]
        members = ", ".join(
            f'{{ id: {name}, address: "{peer}", datacenter: {where} }}'
            for name, peer, where in zip(names, peers, self.PLACES))
        return [
            f"node: {{ id: {names[number]}, datacenter: {place}, data_dir: \"{directory / f'data-{number}'}\" }}",
            f"cluster: {{ bind: \"{peers[number]}\", members: [ {members} ] }}",
            f"datacenters: [ {', '.join(f'{{ name: {each} }}' for each in self.PLACES)} ]"]

    def _places(self, endpoints: str) -> list[str]:
        return ["    datacenter_policy: primary", "    datacenters:"] + [
            f"      {place}: {{ endpoints: [ {endpoints} ] }}" for place in self.PLACES]
