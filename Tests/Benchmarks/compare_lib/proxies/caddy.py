# Owns Caddy's configuration.
from __future__ import annotations

import json
import pathlib

from ..processes import Launch
from ..scenario import Route, Scenario
from .base import Proxy


class Caddy(Proxy):
    name = "caddy"

    def version(self) -> str:
        return "Caddy " + self.first_line("version").split()[0]

    def supports(self, scenario: Scenario) -> bool:
        # TCP needs a plug-in that the usual build has not.
        return scenario.protocol == "http"

    def configure(self, scenario: Scenario, directory: pathlib.Path) -> Launch:
        server: dict = {
            "listen": [f"127.0.0.1:{scenario.port}"],
            "routes": [self._route(route) for route in scenario.routes],
            "automatic_https": {"disable": True},
        }
        configuration: dict = {
            "admin": {"disabled": True},
            "logging": {"logs": {"default": {"level": "ERROR"}}},
            "apps": {"http": {"servers": {"web": server}}},
        }
        if scenario.access_log:
            server["logs"] = {}
            configuration["logging"]["logs"]["access"] = {
                "writer": {"output": "file", "filename": str(scenario.access_log)},
                "include": ["http.log.access"],
            }
        path = directory / "caddy.json"
        path.write_text(json.dumps(configuration, indent=1))
        environment = {"GOMAXPROCS": str(scenario.workers), "XDG_DATA_HOME": str(directory), "HOME": str(directory)}
        return Launch([self.program, "run", "--config", str(path)], environment)

    def _route(self, route: Route) -> dict:
        handler = {
            "handler": "reverse_proxy",
            "upstreams": [{"dial": address} for address in route.endpoints],
            "load_balancing": {"selection_policy": {"policy": "round_robin"}},
            "transport": {
                "protocol": "http",
                "keep_alive": {"idle_timeout": "1h", "max_idle_conns": 20000, "max_idle_conns_per_host": 1024},
            },
        }
        matched = {} if route.prefix == "/" else {"match": [{"path": [f"{route.prefix}*"]}]}
        return matched | {"handle": [handler]}
