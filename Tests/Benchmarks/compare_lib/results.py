# Owns what is made of samples: medians, ratios to the better peer, and whether the targets are met.
from __future__ import annotations

import statistics
from collections.abc import Callable

from .cases import Case
from .measure import Sample
from .proxies import Proxy
from .session import Outcome

# The most that Meridian's added p99 at a fixed rate may be above the better peer's.
ADDED_P99_ALLOWANCE_MICROSECONDS = 50.0

Figure = Callable[[Sample], "float | None"]


class Results:
    def __init__(self, outcome: Outcome, proxies: list[Proxy]):
        self.outcome, self.proxies = outcome, proxies

    def median(self, case: Case, proxy: Proxy, figure: Figure) -> float | None:
        """The median over the rounds; None when there is no sample."""
        values = [figure(sample) for sample in self.outcome.samples.get((case.name, proxy.name), [])]
        known = [value for value in values if value is not None]
        return statistics.median(known) if known else None

    def better_peer(self, case: Case, figure: Figure) -> float | None:
        """The least of the peers' medians."""
        values = [self.median(case, proxy, figure) for proxy in self.proxies if proxy.is_peer]
        return min((value for value in values if value is not None), default=None)

    def ratio(self, case: Case, proxy: Proxy, figure: Figure) -> float | None:
        own, peer = self.median(case, proxy, figure), self.better_peer(case, figure)
        return None if own is None or not peer or peer <= 0 else own / peer

    def allowed(self, case: Case, proxy: Proxy) -> float | None:
        """The target for this proxy: only Meridian has one."""
        if not case.target or not proxy.name.startswith("meridian"):
            return None
        return case.target.epoll if proxy.name.startswith("meridian-epoll") else case.target.uring

    def meets(self, case: Case, proxy: Proxy) -> bool | None:
        """Whether the case's target holds; None when there is none, or nothing to compare."""
        if self.outcome.errors(case.name, proxy.name):
            return False
        if case.mode == "rate":
            if not proxy.name.startswith("meridian"):
                return None
            own, peer = self.median(case, proxy, added_p99), self.better_peer(case, added_p99)
            return None if own is None or peer is None else own <= peer + ADDED_P99_ALLOWANCE_MICROSECONDS
        allowed, ratio = self.allowed(case, proxy), self.ratio(case, proxy, target_figure(case))
        # As the table shows it: two digits after the point.
        return None if allowed is None or ratio is None else round(ratio, 2) <= allowed


def cpu(sample: Sample) -> float | None:
    return sample.cpu


def idle_bytes(sample: Sample) -> float | None:
    return sample.idle_bytes


def added_p50(sample: Sample) -> float | None:
    return sample.added_p50


def added_p99(sample: Sample) -> float | None:
    return sample.added_p99


def target_figure(case: Case) -> Figure:
    return idle_bytes if case.mode == "idle" else cpu
