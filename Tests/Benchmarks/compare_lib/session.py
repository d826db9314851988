# Owns the order of a comparison: rounds, the proxies in turn within each, and the samples that come of it.
from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field

from .cases import Case
from .load import LoadFailure
from .measure import Bench, NotReady, Sample
from .proxies import Proxy


@dataclass
class Outcome:
    """All samples, in rounds, and what is to be said about those that are missing."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    # The requests a second of the case with a fixed rate, and what came back without a proxy.
    rate: int | None = None
    direct_p50: list[float] = field(default_factory=list)
    direct_p99: list[float] = field(default_factory=list)

    def errors(self, case: str, proxy: str) -> dict[str, int]:
        total: dict[str, int] = {}
        for sample in self.samples.get((case, proxy), []):
            for kind, count in sample.errors.items():
                total[kind] = total.get(kind, 0) + count
        return total

    @property
    def has_errors(self) -> bool:
        return any(self.errors(*key) for key in self.samples)


class Session:
    def __init__(self, bench: Bench, proxies: list[Proxy], cases: list[Case], rounds: int):
        self.bench, self.proxies, self.cases, self.rounds = bench, proxies, cases, rounds
        self.outcome = Outcome()
        self._skipped: set[tuple[str, str]] = set()
        self._steps = rounds * len(cases) * len(proxies)
        self._step = 0
        self._began = time.monotonic()

    def run(self) -> Outcome:
        """All rounds of all cases. A proxy that fails in a case is left out of its later rounds."""
        for number in range(self.rounds):
            for case in self.cases:
                self._round(number, case)
        return self.outcome

    def _round(self, number: int, case: Case) -> None:
        direct = None
        if case.mode == "rate":
            if self.outcome.rate is None:
                self.outcome.rate = self._half_of_slowest(case)
            direct = self.bench.direct(case, self.outcome.rate)
            self.outcome.direct_p50.append(direct.p50)
            self.outcome.direct_p99.append(direct.p99)
        # Another one begins in each round, so that none always runs on the warmest or the busiest machine.
        first = number % len(self.proxies)
        for proxy in self.proxies[first:] + self.proxies[:first]:
            self._step += 1
            key = (case.name, proxy.name)
            if key in self._skipped:
                continue
            try:
                sample = self.bench.measure(case, proxy, self.outcome.rate, direct)
            except (NotReady, LoadFailure, OSError, subprocess.TimeoutExpired) as failure:
                self._skip(key, str(failure))
                continue
            if sample is None:
                self._skip(key, "this build cannot do that")
                continue
            self.outcome.samples.setdefault(key, []).append(sample)
            self._say(number, case, proxy, sample)

    def _half_of_slowest(self, case: Case) -> int:
        """Half of what the slowest peer can; of the slowest of all when no peer is measured."""
        peers = [proxy for proxy in self.proxies if proxy.is_peer] or self.proxies
        rates = []
        for proxy in peers:
            try:
                rates.append(self.bench.maximum_rate(case, proxy))
            except (NotReady, LoadFailure, OSError, subprocess.TimeoutExpired) as failure:
                self.outcome.notes.append(f"rate, {proxy.name}: maximum not measured: {failure}")
        slowest = min((rate for rate in rates if rate > 0), default=10_000)
        return max(case.connections, round(slowest / 2))

    def _skip(self, key: tuple[str, str], reason: str) -> None:
        self._skipped.add(key)
        self.outcome.notes.append(f"{key[0]}, {key[1]}: left out: {reason}")
        print(f"  {key[1]}: {key[0]} left out: {reason}", file=sys.stderr, flush=True)

    def _say(self, number: int, case: Case, proxy: Proxy, sample: Sample) -> None:
        elapsed = time.monotonic() - self._began
        left = elapsed / self._step * (self._steps - self._step)
        wrong = f"  ERRORS {sample.errors}" if sample.errors else ""
        print(
            f"[{self._step}/{self._steps}, {left / 60:.0f} min left] round {number + 1} {case.name} {proxy.name}: "
            f"{sample.cpu:.1f} us CPU, {sample.rate:,.0f}/s, p99 {sample.p99:,.0f} us{wrong}",
            file=sys.stderr, flush=True)
