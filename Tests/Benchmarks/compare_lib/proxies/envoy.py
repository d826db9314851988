# Owns Envoy's configuration.
from __future__ import annotations

import json
import pathlib

from ..processes import Launch
from ..scenario import Route, Scenario
from .base import Proxy

TYPES = "type.googleapis.com/envoy.extensions"


def address(text: str) -> dict:
    host, port = text.rsplit(":", 1)
    return {"socket_address": {"address": host, "port_value": int(port)}}


def typed(name: str, kind: str, **fields: object) -> dict:
    return {"name": name, "typed_config": {"@type": f"{TYPES}.{kind}", **fields}}


class Envoy(Proxy):
    name = "envoy"

    def version(self) -> str:
        parts = self.first_line("--version").split("/")
        return "Envoy " + (parts[-4] if len(parts) > 4 else "unknown")

    def configure(self, scenario: Scenario, directory: pathlib.Path) -> Launch:
        filters = [self._tcp(scenario) if scenario.protocol == "tcp" else self._http(scenario)]
        listener = {
            "name": "web",
            "address": address(f"127.0.0.1:{scenario.port}"),
            "filter_chains": [{"filters": filters}],
        }
        clusters = [self._cluster(route) for route in scenario.routes]
        path = directory / "envoy.json"
        path.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": clusters}}, indent=1))
        return Launch([
            self.program, "-c", str(path), "--concurrency", str(scenario.workers), "--log-level", "error",
            "--disable-hot-restart"])

    def _tcp(self, scenario: Scenario) -> dict:
        return typed(
            "envoy.filters.network.tcp_proxy", "filters.network.tcp_proxy.v3.TcpProxy", stat_prefix="web",
            cluster=scenario.routes[0].name)

    def _http(self, scenario: Scenario) -> dict:
        routes = [
            {"match": {"prefix": route.prefix}, "route": {"cluster": route.name, "timeout": "0s"}}
            for route in scenario.routes
        ]
        log = []
        if scenario.access_log:
            log = [typed(
                "envoy.access_loggers.file", "access_loggers.file.v3.FileAccessLog", path=str(scenario.access_log))]
        return typed(
            "envoy.filters.network.http_connection_manager",
            "filters.network.http_connection_manager.v3.HttpConnectionManager",
            stat_prefix="web",
            access_log=log,
            upgrade_configs=[{"upgrade_type": "websocket"}] if scenario.websocket else [],
            route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
            http_filters=[typed("envoy.filters.http.router", "filters.http.router.v3.Router")])

    def _cluster(self, route: Route) -> dict:
        limit = 1_000_000
        return {
            "name": route.name,
            "type": "STATIC",
            "connect_timeout": "5s",
            "circuit_breakers": {"thresholds": [{
                "max_connections": limit, "max_pending_requests": limit, "max_requests": limit}]},
            "load_assignment": {
                "cluster_name": route.name,
                "endpoints": [{"lb_endpoints": [
                    {"endpoint": {"address": address(endpoint)}} for endpoint in route.endpoints]}],
            },
        }
