# Owns what every proxy is configured for in one case: listener, routes, endpoints, workers, log.
from __future__ import annotations

import pathlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Route:
    """A path prefix, "/" for all, and the addresses behind it."""

    prefix: str
    endpoints: list[str]

    @property
    def name(self) -> str:
        return self.prefix.strip("/") or "web"


@dataclass(frozen=True)
class Scenario:
    protocol: str  # http | tcp
    port: int
    workers: int
    routes: list[Route]
    access_log: pathlib.Path | None = None
    websocket: bool = False
    # Large bodies, for which some proxies have other settings.
    bulk: bool = False

    @property
    def endpoint_count(self) -> int:
        return sum(len(route.endpoints) for route in self.routes)
