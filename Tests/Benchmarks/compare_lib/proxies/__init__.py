# Owns the list of proxies that can be compared.
from __future__ import annotations

from .base import Proxy
from .caddy import Caddy
from .envoy import Envoy
from .haproxy import HAProxy
from .meridian import Meridian, MeridianGroup
from .nginx import Nginx
from .relay import Relay
from .traefik import Traefik

__all__ = ["Caddy", "Envoy", "HAProxy", "Meridian", "MeridianGroup", "Nginx", "Proxy", "Relay", "Traefik"]
