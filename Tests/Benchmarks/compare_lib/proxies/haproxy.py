# Owns HAProxy's configuration.
from __future__ import annotations

import pathlib

from ..processes import Launch
from ..scenario import Scenario
from .base import Proxy

# Of 20,000 descriptors: a client's and a server's for most connections, with room for the idle ones.
MAXIMUM_CONNECTIONS = 12000


class HAProxy(Proxy):
    name = "haproxy"
    is_peer = True

    def version(self) -> str:
        return self.first_line("-v").split(" - ")[0]

    def configure(self, scenario: Scenario, directory: pathlib.Path) -> Launch:
        path = directory / "haproxy.cfg"
        lines = self._global(scenario) + self._frontend(scenario, directory) + self._backends(scenario)
        path.write_text("\n".join(lines) + "\n")
        return Launch([self.program, "-f", str(path)], output=scenario.access_log)

    def _global(self, scenario: Scenario) -> list[str]:
        lines = [
            "global",
            f"    nbthread {scenario.workers}",
            f"    maxconn {MAXIMUM_CONNECTIONS}",
            "    no strict-limits",
            # Otherwise it drops idle upstream connections once a quarter of the descriptors is used.
            "    tune.pool-low-fd-ratio 80",
            "    tune.pool-high-fd-ratio 90",
        ]
        if scenario.access_log:
            lines.append("    log stdout format raw local0 info")
        lines += [
            "defaults",
            f"    mode {scenario.protocol}",
            "    timeout connect 5s",
            "    timeout client 1h",
            "    timeout server 1h",
            # Splicing halves the cost of large bodies, and adds a fifth to small ones.
            *(["    option splice-request", "    option splice-response"] if self.tuned and scenario.bulk else []),
        ]
        if scenario.protocol == "http":
            lines += ["    timeout http-keep-alive 1h", "    timeout tunnel 1h", "    http-reuse always"]
        if scenario.access_log:
            lines += ["    log global", "    option httplog"]
        return lines

    def _frontend(self, scenario: Scenario, directory: pathlib.Path) -> list[str]:
        shards = " shards by-thread" if scenario.workers > 1 else ""
        # Backends are named by their routes; since 3.3 no frontend may have the name of a backend.
        lines = ["frontend users", f"    bind 127.0.0.1:{scenario.port} backlog 4096{shards}"]
        if len(scenario.routes) == 1:
            return lines + [f"    default_backend {scenario.routes[0].name}"]
        # A map is a prefix tree, where a `use_backend` a route would be tried one after the other.
        routes = directory / "routes.map"
        routes.write_text("".join(f"{route.prefix} {route.name}\n" for route in scenario.routes))
        return lines + [f"    use_backend %[path,map_beg({routes})]"]

    def _backends(self, scenario: Scenario) -> list[str]:
        lines = []
        for route in scenario.routes:
            lines.append(f"backend {route.name}")
            lines.append("    balance roundrobin")
            lines += [f"    server e{index} {address}" for index, address in enumerate(route.endpoints)]
        return lines
