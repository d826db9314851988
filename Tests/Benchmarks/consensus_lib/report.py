# Owns the printed report: medians over the rounds, and whether the targets hold.
from __future__ import annotations

import os
import pathlib
import platform
import statistics
import time
from collections.abc import Callable

from compare_lib.report import table

from .load import Sample

# Meridian's commits a second at 64 clients over etcd's, and its p50 at one client over etcd's.
RATE_TARGET, TIME_TARGET = 2.0, 1.0
Samples = dict[tuple[str, bool, int], list[Sample]]


def median(samples: Samples, name: str, to_leader: bool, clients: int, figure: Callable[[Sample], float]) -> float:
    """The median over the rounds; raises KeyError where nothing was measured."""
    return statistics.median(figure(sample) for sample in samples[name, to_leader, clients])


def ratio(samples: Samples, to_leader: bool, clients: int, figure: Callable[[Sample], float]) -> float:
    """The median of what Meridian's figure is to etcd's in the same round."""
    rounds = zip(samples["meridian", to_leader, clients], samples["etcd", to_leader, clients], strict=True)
    return statistics.median(figure(own) / figure(other) if figure(other) else 0 for own, other in rounds)


def environment(directory: pathlib.Path, versions: dict[str, str], rounds: int, seconds: float, size: int) -> list[str]:
    return [
        f"- {os.cpu_count()} processors, Linux {platform.release()}, load average {os.getloadavg()[0]:.2f} at the start",
        f"- one fdatasync of 512 bytes in the nodes' folder: {sync_milliseconds(directory):.2f} ms (median of 100)",
        *(f"- {name}: {version}" for name, version in versions.items()),
        f"- three nodes each, on loopback without TLS, every commit synced; values of {size} bytes; {rounds} rounds of "
        f"{seconds:g} s in turn; medians, and medians of the rounds' ratios",
        "",
    ]


def sync_milliseconds(directory: pathlib.Path) -> float:
    """How long the disk takes for what every commit needs once."""
    path, times = directory / "sync", []
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        os.pwrite(descriptor, bytes(512 * 101), 0)
        os.fsync(descriptor)
        for place in range(100):
            began = time.perf_counter()
            os.pwrite(descriptor, os.urandom(512), 512 * place)
            os.fdatasync(descriptor)
            times.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        path.unlink()
    return statistics.median(times) * 1e3


def report(samples: Samples, cases: list[tuple[bool, int]]) -> str:
    rows = []
    for to_leader, clients in cases:
        where = "leader" if to_leader else "follower"
        row = [f"{clients} client{'s' if clients > 1 else ''} of the {where}"]
        for name in ("meridian", "etcd"):
            if (name, to_leader, clients) not in samples:
                row += ["–", "–", "–"]
                continue
            row.append(f"{median(samples, name, to_leader, clients, lambda sample: sample.rate):,.0f}")
            times = [median(samples, name, to_leader, clients, figure) / 1e3
                     for figure in (lambda sample: sample.p50, lambda sample: sample.p99)]
            row.append(f"{times[0]:.2f} / {times[1]:.2f}")
            row.append(f"{median(samples, name, to_leader, clients, lambda sample: sample.processor):,.0f}")
        rows.append([*row, ratios(samples, to_leader, clients)])
    header = ["case"]
    for name in ("meridian", "etcd"):
        header += [f"{name}: commits/s", "p50 / p99 ms", "CPU µs"]
    return "\n".join([*table([*header, "rate, p50 to etcd's"], rows), *judgements(samples), *failures(samples)])


def ratios(samples: Samples, to_leader: bool, clients: int) -> str:
    try:
        rate = ratio(samples, to_leader, clients, lambda sample: sample.rate)
        time = ratio(samples, to_leader, clients, lambda sample: sample.p50)
    except KeyError:
        return "–"
    return f"{rate:.2f}, {time:.2f}"


def judgements(samples: Samples) -> list[str]:
    lines = []
    for holds, text in targets(samples):
        lines.append(f"- {'met' if holds else 'MISSED'}: {text}")
    return lines


def targets(samples: Samples) -> list[tuple[bool, str]]:
    """What the figures have to be, and whether they are, as far as they were measured."""
    found = []
    if ("meridian", True, 64) in samples and ("etcd", True, 64) in samples:
        rate = ratio(samples, True, 64, lambda sample: sample.rate)
        found.append((rate >= RATE_TARGET, f"{rate:.2f} times etcd's commits a second at 64 clients (>= {RATE_TARGET:g})"))
    if ("meridian", True, 1) in samples and ("etcd", True, 1) in samples:
        time = ratio(samples, True, 1, lambda sample: sample.p50)
        found.append((time <= TIME_TARGET, f"{time:.2f} of etcd's p50 at one client (<= {TIME_TARGET:g})"))
    return found


def failures(samples: Samples) -> list[str]:
    counts = {key: sum(sample.errors for sample in rounds) for key, rounds in samples.items()}
    if not any(counts.values()):
        return [f"- every one of {sum(s.changes for rounds in samples.values() for s in rounds):,} changes was answered "
                "with 200, and the groups have as many"]
    return [f"- {name}, {clients} clients: {counts[name, to_leader, clients]} errors"
            for name, to_leader, clients in counts if counts[name, to_leader, clients]]
