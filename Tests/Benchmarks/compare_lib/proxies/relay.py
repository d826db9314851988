# Owns the bare relay among the proxies: not one of them, but what the kernel takes of each.
from __future__ import annotations

import pathlib

from ..processes import Launch
from ..scenario import Scenario
from .base import Proxy


class Relay(Proxy):
    name = "relay"

    def version(self) -> str:
        return "passes bytes on and looks at none of them"

    def supports(self, scenario: Scenario) -> bool:
        return scenario.endpoint_count == 1 and scenario.workers == 1 and not scenario.access_log

    def configure(self, scenario: Scenario, directory: pathlib.Path) -> Launch:
        port = scenario.routes[0].endpoints[0].rpartition(":")[2]
        return Launch([self.program, str(scenario.port), port])
