# Owns one measurement: start the proxy, wait for a right answer, warm up, load it, and read what that cost.
from __future__ import annotations

import contextlib
import pathlib
import time
from dataclasses import asdict, dataclass, replace

from .backends import Backends
from .cases import Case
from .load import Generator, LoadFailure, Result
from .processes import Placement, RunningProcess, free_port, machine_seconds, own_seconds, placement
from .proxies import Proxy
from .scenario import Scenario


@dataclass(frozen=True)
class Sample:
    """The figures of one proxy in one case and round; times in microseconds, memory in bytes."""

    cpu: float
    rate: float
    p50: float
    p99: float
    memory: int
    completed: int
    errors: dict[str, int]
    # Of idle connections: bytes each. Of a fixed rate: p50 and p99 above those without a proxy.
    idle_bytes: float | None = None
    added_p50: float | None = None
    added_p99: float | None = None
    # What other programs used during the load; 100 is one processor.
    foreign_percent: float | None = None
    # Lines of the access log for each hundred requests.
    logged_percent: float | None = None

    def as_dictionary(self) -> dict:
        return {key: value for key, value in asdict(self).items() if value is not None}


class NotReady(Exception):
    """A proxy that did not answer rightly in time, with its last words."""


class Bench:
    """Measures cases; what they share is set once."""

    def __init__(self, backends: Backends, generator: Generator, directory: pathlib.Path, seconds: float, pinned: bool):
        self.backends, self.generator, self.directory = backends, generator, directory
        self.seconds, self.pinned = seconds, pinned
        self.configurations: dict[tuple[str, str], str] = {}
        self._starts = 0

    def scenario(self, case: Case, directory: pathlib.Path) -> Scenario:
        return Scenario(
            case.protocol, free_port(), case.workers, self.backends.routes(case),
            directory / "access.log" if case.access_log else None, case.mode == "websocket", case.is_bulk)

    def measure(self, case: Case, proxy: Proxy, rate: int | None = None, direct: Result | None = None) -> Sample | None:
        """One sample; None when the proxy cannot do this at all. Raises NotReady or LoadFailure."""
        self._starts += 1
        directory = self.directory / f"{self._starts:04}-{case.name}-{proxy.name}"
        directory.mkdir()
        scenario = self.scenario(case, directory)
        if not proxy.supports(scenario):
            return None
        launch = proxy.configure(scenario, directory)
        self._remember(case, proxy, directory)
        place = self._place(case)
        target = f"127.0.0.1:{scenario.port}"
        with contextlib.ExitStack() as stack:
            for number, companion in enumerate(launch.companions):
                folder = directory / f"companion-{number}"
                folder.mkdir()
                stack.enter_context(RunningProcess(companion, place.others, folder))
            running = stack.enter_context(RunningProcess(launch, place.proxy, directory))
            self._wait_until_ready(case, running, target, place)
            if case.mode == "idle":
                return self._idle(case, running, target, place)
            warm_up = self.generator.run(case, target, case.warm_up_seconds, place.others)
            if scenario.access_log:
                time.sleep(1.2)  # what the warm-up wrote is flushed once a second
                before = _lines(scenario.access_log)
            sample = self._loaded(case, running, target, place, rate, direct)
            if scenario.access_log:
                time.sleep(1.2)
                written = _lines(scenario.access_log) - before
                sample = replace(sample, logged_percent=100 * written / max(1, sample.completed))
            return replace(sample, errors=_sum(warm_up.errors, sample.errors))

    def direct(self, case: Case, rate: int) -> Result:
        """The fixed rate without a proxy."""
        place = self._place(case)
        target = self.backends.address(case)
        return self.generator.run_rate(target, rate, case.connections, self.seconds, place.others)

    def maximum_rate(self, case: Case, proxy: Proxy) -> float:
        """Requests a second when the next is sent as soon as the last is answered."""
        sample = self.measure(replace(case, mode="http", connections=64), proxy)
        return sample.rate if sample else 0

    def _place(self, case: Case) -> Placement:
        place = placement(case.workers, self.pinned)
        self.backends.move(place.others)
        return place

    def _foreign_seconds(self, running: RunningProcess) -> float:
        """Processor time that neither the proxy nor the comparison used."""
        return machine_seconds() - own_seconds() - running.processor_seconds() - self.backends.processor_seconds()

    def _loaded(
        self, case: Case, running: RunningProcess, target: str, place: Placement, rate: int | None,
        direct: Result | None
    ) -> Sample:
        began, foreign, before = time.monotonic(), self._foreign_seconds(running), running.processor_seconds()
        if case.mode == "wrk":
            result = self.generator.run_wrk(case, target, self.seconds, place.others)
        elif case.mode == "rate" and rate:
            result = self.generator.run_rate(target, rate, case.connections, self.seconds, place.others)
        else:
            result = self.generator.run(case, target, self.seconds, place.others)
        cost = running.processor_seconds() - before
        foreign = max(0, self._foreign_seconds(running) - foreign) / (time.monotonic() - began)
        memory = running.proportional_set_bytes()
        if result.completed == 0 or not running.is_running:
            raise LoadFailure(f"nothing came back: {result.errors} {running.last_words()}")
        return Sample(
            cost / result.completed * 1e6, result.rate, result.p50, result.p99, memory, result.completed,
            result.errors, foreign_percent=100 * foreign, added_p50=result.p50 - direct.p50 if direct else None,
            added_p99=result.p99 - direct.p99 if direct else None)

    def _idle(self, case: Case, running: RunningProcess, target: str, place: Placement) -> Sample:
        at_start, spent = running.settled_set_bytes(), running.processor_seconds()
        with self.generator.hold(case, target, place.others) as held:
            opened = held.wait_until_open()
            spent = running.processor_seconds() - spent
            memory = running.settled_set_bytes()
            result = held.release()
        if opened == 0:
            raise LoadFailure(f"no connection was opened: {result.errors}")
        return Sample(
            spent / max(1, result.completed) * 1e6, result.rate, result.p50, result.p99, memory, result.completed,
            result.errors, idle_bytes=(memory - at_start) / opened)

    def _wait_until_ready(self, case: Case, running: RunningProcess, target: str, place: Placement) -> None:
        # Ten thousand endpoints take some proxies a while to read.
        deadline = time.monotonic() + (60 if case.routes > 1 else 15)
        once = replace(case, mode="http") if case.mode == "idle" else case
        result = None
        while running.is_running and time.monotonic() < deadline:
            result = self.generator.run(once, target, 0, place.others, connections=1)
            if result.completed == 1 and not result.errors:
                return
            time.sleep(0.05)
        raise NotReady(f"not ready ({result.errors if result else 'ended'}): {running.last_words() or 'no message'}")

    def _remember(self, case: Case, proxy: Proxy, directory: pathlib.Path) -> None:
        texts = [
            f"# {path.name}\n{path.read_text(errors='replace')}"
            for path in sorted(directory.iterdir())
            if path.is_file() and path.suffix != ".log" and path.name != "stderr"]
        self.configurations[case.name, proxy.name] = "\n".join(texts)


def _sum(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    return {kind: first.get(kind, 0) + second.get(kind, 0) for kind in sorted(first | second)}


def _lines(path: pathlib.Path) -> int:
    if not path.exists():
        return 0
    with open(path, "rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
