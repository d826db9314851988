# Owns Traefik's configuration: a static file and the dynamic one that it names.
from __future__ import annotations

import json
import pathlib

from ..processes import Launch
from ..scenario import Scenario
from .base import Proxy


class Traefik(Proxy):
    name = "traefik"

    def version(self) -> str:
        words = self.first_line("version").split()
        return "Traefik " + (words[-1] if words else "unknown")

    def configure(self, scenario: Scenario, directory: pathlib.Path) -> Launch:
        dynamic = directory / "dynamic.json"
        content = self._tcp(scenario) if scenario.protocol == "tcp" else self._http(scenario)
        dynamic.write_text(json.dumps(content, indent=1))
        static: dict = {
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "log": {"level": "ERROR"},
            "entryPoints": {"web": {"address": f"127.0.0.1:{scenario.port}"}},
            "providers": {"file": {"filename": str(dynamic), "watch": False}},
            "serversTransport": {"maxIdleConnsPerHost": 1024},
        }
        if scenario.access_log:
            static["accessLog"] = {"filePath": str(scenario.access_log), "bufferingSize": 1000}
        path = directory / "traefik.yaml"
        path.write_text(json.dumps(static, indent=1))
        return Launch([self.program, f"--configFile={path}"], {"GOMAXPROCS": str(scenario.workers)})

    def _tcp(self, scenario: Scenario) -> dict:
        route = scenario.routes[0]
        servers = [{"address": address} for address in route.endpoints]
        return {"tcp": {
            "routers": {"web": {"entryPoints": ["web"], "rule": "HostSNI(`*`)", "service": route.name}},
            "services": {route.name: {"loadBalancer": {"servers": servers}}},
        }}

    def _http(self, scenario: Scenario) -> dict:
        routers, services = {}, {}
        for route in scenario.routes:
            routers[route.name] = {
                "entryPoints": ["web"], "rule": f"PathPrefix(`{route.prefix}`)", "service": route.name}
            servers = [{"url": f"http://{address}"} for address in route.endpoints]
            services[route.name] = {"loadBalancer": {"servers": servers}}
        return {"http": {"routers": routers, "services": services}}
