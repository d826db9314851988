# Owns what is computed of a run: failures, pauses, the time to the new primary, the gap between writes, the checks.
from __future__ import annotations

import collections
from dataclasses import dataclass, field

from .records import POST, Request, Stamp
from .scenarios import Outcome, Scenario

MILLISECOND = 1_000_000


@dataclass
class Record:
    """All that a run left behind."""

    began_at: int
    fault_at: int
    ended_at: int
    # Of each proxy, by its place.
    requests: dict[int, list[Request]]
    stamps: list[Stamp]
    counted: list[int]
    old_primary: int
    new_primary: int
    old_epoch: int
    new_epoch: int
    problems: list[str] = field(default_factory=list)


@dataclass
class Figures:
    """Of one run; times in milliseconds, None where there is nothing to measure."""

    failed_gets: int
    failed_posts: int
    failed_elsewhere: int
    failures: collections.Counter[str]
    pause: float
    baseline_pause: float
    time_to_primary: float | None
    gap: float | None
    outcome: Outcome | None
    problems: list[str]


def longest_pause(requests: list[Request], begin: int, end: int) -> float:
    """The longest time within [begin, end] without an answer that is a success, in milliseconds."""
    times = sorted(each.ended_at for each in requests if each.is_success and begin <= each.ended_at <= end)
    marks = [begin, *times, end]
    return max(after - before for before, after in zip(marks, marks[1:])) / MILLISECOND


def least_gap(stamps: list[Stamp]) -> float | None:
    """The least time between the last head read in one datacenter and the first of a later epoch in another one.

    Over all proxies; negative when the two were written to at the same time.
    """
    spans: dict[int, tuple[int, int, int]] = {}
    for stamp in stamps:
        first, last, place = spans.get(stamp.epoch, (stamp.read_at, stamp.read_at, stamp.datacenter))
        spans[stamp.epoch] = (min(first, stamp.read_at), max(last, stamp.read_at), place)
    ordered = [spans[epoch] for epoch in sorted(spans)]
    gaps = [
        (late[0] - early[1]) / MILLISECOND for early, late in zip(ordered, ordered[1:]) if early[2] != late[2]]
    return min(gaps) if gaps else None


def misplaced(stamps: list[Stamp]) -> int:
    """Heads that were read in another datacenter than others of the same epoch."""
    places: dict[int, collections.Counter[int]] = collections.defaultdict(collections.Counter)
    for stamp in stamps:
        places[stamp.epoch][stamp.datacenter] += 1
    return sum(sum(counts.values()) - max(counts.values()) for counts in places.values())


def _outcome(record: Record) -> Outcome | None:
    epochs = record.new_epoch - record.old_epoch
    if record.new_primary == record.old_primary:
        return Outcome.STAYS if epochs == 0 else Outcome.RETURNS
    return Outcome.MOVES if epochs == 1 else None


def figures(record: Record) -> Figures:
    failed = {
        place: [each for each in requests if not each.is_success and each.ended_at >= record.fault_at]
        for place, requests in record.requests.items()}
    counted = [each for place in record.counted for each in failed[place]]
    posts = sum(each.method == POST for each in counted)
    pauses = [
        longest_pause(record.requests[place], record.fault_at, record.ended_at) for place in record.counted]
    baselines = [
        longest_pause(record.requests[place], record.began_at, record.fault_at) for place in record.counted]
    outcome = _outcome(record)
    arrival = min((
        stamp.read_at for stamp in record.stamps
        if stamp.datacenter == record.new_primary and stamp.read_at >= record.fault_at), default=None)
    moved = outcome is Outcome.MOVES and arrival is not None
    problems = list(record.problems)
    early = [
        each for requests in record.requests.values() for each in requests
        if not each.is_success and each.ended_at < record.fault_at]
    if early:
        problems.append(f"{len(early)} requests failed before the fault")
    if count := misplaced(record.stamps):
        problems.append(f"{count} heads were read in another datacenter than that of their epoch")
    return Figures(
        len(counted) - posts, posts, sum(len(each) for each in failed.values()) - len(counted),
        collections.Counter(each.outcome for each in counted), max(pauses), max(baselines),
        (arrival - record.fault_at) / MILLISECOND if moved and arrival is not None else None,
        least_gap([stamp for stamp in record.stamps if stamp.epoch]), outcome, problems)


def unmet(scenario: Scenario, figures: Figures, consistency: str, judges_times: bool) -> list[str]:
    """The expectations that a run has not met, in words."""
    found = list(figures.problems)
    strict = consistency == "strict"
    if figures.outcome is not scenario.outcome:
        seen = figures.outcome.value if figures.outcome else "another number of moves"
        found.append(f"expected: {scenario.outcome.value}; found: {seen}")
    if strict or scenario.holds_when_available:
        failed = figures.failed_gets + figures.failed_posts
        if scenario.failed_gets is not None and figures.failed_gets > scenario.failed_gets:
            found.append(f"{figures.failed_gets} failed GETs")
        if scenario.failed is not None and failed > scenario.failed:
            found.append(f"{failed} failed requests")
    if strict and figures.gap is not None and figures.gap < 0:
        found.append(f"two datacenters were written to, over {-figures.gap:.1f} ms")
    if judges_times and scenario.pause is not None and figures.pause > scenario.pause:
        found.append(f"a pause of {figures.pause:.0f} ms")
    above = figures.pause - figures.baseline_pause
    if judges_times and scenario.pause_above_baseline is not None and above > scenario.pause_above_baseline:
        found.append(f"a pause {above:.0f} ms above the baseline")
    return found
