# Owns the printed report: one row a scenario, and below it what was not as expected.
from __future__ import annotations

import collections
import statistics
from collections.abc import Callable, Sequence

from compare_lib.report import NOTHING, table

from .figures import Figures, unmet
from .scenarios import Scenario

HEADER = [
    "scenario", "expected", "runs", "failed GETs", "failed POSTs", "longest pause, ms", "before the fault, ms",
    "new primary after, ms", "gap between writes, ms", "target", "met"]


def _pair(values: Sequence[float | None], worst: Callable[[Sequence[float]], float] = max) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return NOTHING
    form = "{:,.0f}" if max(abs(value) for value in known) >= 10 or known == [0] * len(known) else "{:.1f}"
    return f"{form.format(statistics.median(known))} / {form.format(worst(known))}"


def _target(scenario: Scenario, consistency: str, judges_times: bool) -> str:
    parts = []
    if consistency == "strict" or scenario.holds_when_available:
        if scenario.failed is not None:
            parts.append(f"{scenario.failed} failed")
        elif scenario.failed_gets is not None:
            parts.append(f"{scenario.failed_gets} failed GETs")
    if judges_times and scenario.pause is not None:
        parts.append(f"pause <= {scenario.pause:,.0f}")
    if judges_times and scenario.pause_above_baseline is not None:
        parts.append(f"pause <= before + {scenario.pause_above_baseline:.0f}")
    if consistency == "strict":
        parts.append("gap >= 0")
    return ", ".join(parts) or NOTHING


def row(scenario: Scenario, runs: list[Figures], consistency: str, judges_times: bool) -> list[str]:
    met = bool(runs) and not any(unmet(scenario, run, consistency, judges_times) for run in runs)
    return [
        scenario.title, scenario.outcome.value, str(len(runs)), _pair([run.failed_gets for run in runs]),
        _pair([run.failed_posts for run in runs]), _pair([run.pause for run in runs]),
        _pair([run.baseline_pause for run in runs]), _pair([run.time_to_primary for run in runs]),
        _pair([run.gap for run in runs], min), _target(scenario, consistency, judges_times), "✓" if met else "✗"]


def notes(scenario: Scenario, runs: list[Figures], consistency: str, judges_times: bool) -> list[str]:
    """What was not as expected, and how requests failed."""
    lines = []
    for number, run in enumerate(runs, 1):
        missed = unmet(scenario, run, consistency, judges_times)
        lines += [f"- {scenario.name}, run {number}: {text}" for text in missed]
    failures: collections.Counter[str] = collections.Counter()
    for run in runs:
        failures.update(run.failures)
    if failures:
        kinds = ", ".join(f"{kind}: {count}" for kind, count in sorted(failures.items()))
        lines.append(f"- {scenario.name}: failures over all runs by status or reason: {kinds}")
    if elsewhere := sum(run.failed_elsewhere for run in runs):
        lines.append(f"- {scenario.name}: {elsewhere} requests failed at proxies that are not counted")
    return lines


def report(results: list[tuple[Scenario, list[Figures]]], consistency: str, judges_times: bool) -> str:
    rows = [row(scenario, runs, consistency, judges_times) for scenario, runs in results]
    lines = ["Median / worst over the runs.", "", *table(HEADER, rows)]
    for scenario, runs in results:
        lines += notes(scenario, runs, consistency, judges_times)
    return "\n".join(lines)
