# Owns the printed report: one Markdown table a figure.
from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Callable

from .cases import Case
from .processes import placement
from .proxies import Proxy
from .results import ADDED_P99_ALLOWANCE_MICROSECONDS, Figure, Results, added_p50, added_p99, cpu, idle_bytes

NOTHING = "–"


def table(header: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(cells: list[str]) -> str:
        padded = [cells[0].ljust(widths[0])]
        padded += [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "| " + " | ".join(padded) + " |"

    rules = ["-" * (width + 1) + ("-" if column == 0 else ":") for column, width in enumerate(widths)]
    return [line(header), "|" + "|".join(rules) + "|", *(line(row) for row in rows), ""]


class Report:
    def __init__(self, results: Results, cases: list[Case]):
        self.results, self.proxies = results, results.proxies
        self.cases = [case for case in cases if any(
            (case.name, proxy.name) in results.outcome.samples for proxy in results.proxies)]

    def text(self) -> str:
        loaded = [case for case in self.cases if case.mode != "idle"]
        lines = ["## CPU time a request, µs (ratio to the better of HAProxy and nginx)", ""]
        lines += self._judged(loaded, cpu, lambda value: f"{value:.1f}")
        lines += self._grouped(loaded)
        lines += ["## Requests a second", ""]
        lines += self._plain(
            loaded, lambda case, proxy: self._number(case, proxy, lambda sample: sample.rate, "{:,.0f}"))
        lines += ["## Time of a request, p50 / p99 in µs", ""]
        lines += self._plain(loaded, self._times)
        lines += ["## Memory under load, PSS in MiB", ""]
        lines += self._plain(
            self.cases, lambda case, proxy: self._number(case, proxy, lambda sample: sample.memory / 2**20, "{:,.1f}"))
        if idle := [case for case in self.cases if case.mode == "idle"]:
            lines += ["## Memory an idle connection after one request, bytes of PSS (ratio to the better peer)", ""]
            lines += self._judged(idle, idle_bytes, lambda value: f"{value:,.0f}")
        if rate := [case for case in self.cases if case.mode == "rate"]:
            lines += self._rate(rate[0])
        return "\n".join(lines + self._notes())

    def _grouped(self, cases: list[Case]) -> list[str]:
        """What being one of a group adds to a request: medians of CPU time, to those of the same proxy alone."""
        alone = {proxy.name: proxy for proxy in self.proxies}
        pairs = [(proxy, alone[base]) for proxy in self.proxies
                 if proxy.name.endswith("-group") and (base := proxy.name.removesuffix("-group")) in alone]
        if not pairs:
            return []
        rows = []
        for case in cases:
            row = [case.title]
            for grouped, single in pairs:
                one, other = (self.results.median(case, proxy, cpu) for proxy in (grouped, single))
                row.append(f"{one / other:.2f}" if one and other else NOTHING)
            rows.append([*row, "<= 1.05"])
        return ["## CPU time with a group over that without", "",
                *table(["case", *(grouped.name for grouped, _ in pairs), "target"], rows)]

    def _header(self) -> list[str]:
        return ["case", *(proxy.name for proxy in self.proxies)]

    def _plain(self, cases: list[Case], cell: Callable[[Case, Proxy], str]) -> list[str]:
        return table(self._header(), [[case.title, *(cell(case, proxy) for proxy in self.proxies)] for case in cases])

    def _judged(self, cases: list[Case], figure: Figure, form: Callable[[float], str]) -> list[str]:
        rows = []
        for case in cases:
            row = [case.title]
            for proxy in self.proxies:
                own, ratio = self.results.median(case, proxy, figure), self.results.ratio(case, proxy, figure)
                text = NOTHING if own is None else form(own)
                text += f" ({ratio:.2f})" if ratio is not None else ""
                if case.mode != "rate" or self.results.outcome.errors(case.name, proxy.name):
                    text += self._mark(case, proxy)
                row.append(text)
            rows.append([*row, self._target(case)])
        return table([*self._header(), "target"], rows)

    def _target(self, case: Case) -> str:
        target = case.target
        if target is None:
            return ""
        if target.uring == target.epoll:
            return f"<= {target.uring:.2f}"
        return f"<= {target.uring:.2f} io_uring, {target.epoll:.2f} epoll"

    def _mark(self, case: Case, proxy: Proxy) -> str:
        if errors := self.results.outcome.errors(case.name, proxy.name):
            return f" ✗ {sum(errors.values())} errors"
        return {True: " ✓", False: " ✗", None: ""}[self.results.meets(case, proxy)]

    def _number(self, case: Case, proxy: Proxy, figure: Figure, form: str) -> str:
        value = self.results.median(case, proxy, figure)
        return NOTHING if value is None else form.format(value)

    def _times(self, case: Case, proxy: Proxy) -> str:
        middle = self._number(case, proxy, lambda sample: sample.p50, "{:,.0f}")
        return middle if middle == NOTHING else (
            middle + " / " + self._number(case, proxy, lambda sample: sample.p99, "{:,.0f}"))

    def _rate(self, case: Case) -> list[str]:
        outcome = self.results.outcome
        direct = f"{statistics.median(outcome.direct_p50):,.0f} / {statistics.median(outcome.direct_p99):,.0f}"
        lines = [
            f"## Added time at {outcome.rate:,} requests/s (half of the slowest peer's maximum), p50 / p99 in µs", "",
            f"Without a proxy: {direct} µs.", ""]
        row = [case.title]
        for proxy in self.proxies:
            middle = self._number(case, proxy, added_p50, "{:,.0f}")
            late = self._number(case, proxy, added_p99, "{:,.0f}")
            row.append(NOTHING if middle == NOTHING else f"{middle} / {late}{self._mark(case, proxy)}")
        row.append(f"p99 <= better peer's + {ADDED_P99_ALLOWANCE_MICROSECONDS:.0f}")
        return lines + table([*self._header(), "target"], [row])

    def _notes(self) -> list[str]:
        outcome = self.results.outcome
        notes = list(outcome.notes)
        for (case, proxy), samples in outcome.samples.items():
            if errors := outcome.errors(case, proxy):
                notes.append(f"{case}, {proxy}: wrong answers or broken connections: {errors}")
            logged = [sample.logged_percent for sample in samples if sample.logged_percent is not None]
            if logged and min(logged) < 99.9:
                notes.append(f"{case}, {proxy}: only {min(logged):.1f} % of the requests were logged")
        foreign = [
            sample.foreign_percent for samples in outcome.samples.values() for sample in samples
            if sample.foreign_percent is not None]
        if foreign:
            notes.insert(0, f"meanwhile other programs used {statistics.median(foreign):.0f} % of one processor "
                         f"(median; {max(foreign):.0f} % at most): with much more than 5 %, figures are rough")
        if not outcome.has_errors and outcome.samples:
            notes.insert(0, "every answer had the right status, length and bytes: 0 errors")
        return ["## Notes", "", *(f"- {note}" for note in notes)]


def environment(versions: dict[str, str], options: argparse.Namespace) -> list[str]:
    """What the figures depend on, for the top of the report."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    pinned, rounds = not options.no_pinning, options.rounds
    peers = "tuned (HAProxy splices large bodies, nginx has larger buffers)" if options.tuned else "default settings"
    return [
        "# Meridian compared with other proxies on this machine", "",
        f"- {model}, {len(os.sched_getaffinity(0))} processors, Linux {platform.release()}; "
        f"load average before: {os.getloadavg()[0]:.1f}",
        f"- one worker: {placement(1, pinned).description}; two workers: {placement(2, pinned).description}",
        f"- {rounds} round{'s' if rounds != 1 else ''} of {options.seconds:g} s a case, proxies in turn; medians",
        "- CPU time is user + system of the proxy's processes (/proc), over the load's requests",
        "- every proxy keeps upstream connections and writes no log, but for the log's case; "
        f"Meridian runs its defaults; HAProxy and nginx: {peers}",
        *(f"- {name}: {version}" for name, version in versions.items()), ""]
