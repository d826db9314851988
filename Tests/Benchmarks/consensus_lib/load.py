# Owns the load on a group: wrk with a script that makes each request another change, and what it measured.
from __future__ import annotations

import pathlib
import re
from dataclasses import dataclass

from compare_lib.load import LoadFailure
from compare_lib.processes import run_tool

from .groups import Group

SCRIPT = """
{change}
local number = 0
function request()
  number = number + 1
  return wrk.format("{method}", path(number), {{ ["Content-Type"] = "application/json" }}, body(number))
end
local wrong = 0
function response(status) if status ~= 200 then wrong = wrong + 1 end end
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function done(summary, latency)
  local errors, others = summary.errors, 0
  for _, thread in ipairs(threads) do others = others + (thread:get("wrong") or 0) end
  print(string.format("measured %d %d %d %d %d", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), errors.connect + errors.read + errors.write + errors.timeout + others))
end
"""


@dataclass(frozen=True)
class Sample:
    """One measurement: changes a second, times in microseconds, processor time of all three nodes a change in microseconds."""

    rate: float
    p50: float
    p99: float
    processor: float
    changes: int
    # Answers that were none or not 200, and changes that were answered but that the group does not have.
    errors: int


def measure(wrk: str, group: Group, to_leader: bool, clients: int, seconds: float, directory: pathlib.Path) -> Sample:
    """Loads one node with so many clients, each of which asks again once it has its answer."""
    leader = group.await_leader()
    target = leader if to_leader else (leader + 1) % len(group.clients)
    script = directory / f"{group.name}.lua"
    # A global, so that `done`, which runs elsewhere, can ask each thread for it.
    change = group.script.replace("VALUE_BYTES", str(group.value_bytes))
    script.write_text(SCRIPT.format(change=change, method=group.method).replace("local wrong", "wrong"))
    before, spent = group.committed(), group.processor_seconds()
    whole = max(1, round(seconds))
    run = run_tool(
        [wrk, "-t1", f"-c{clients}", f"-d{whole}s", "--latency", "-s", str(script), group.url(target)], None, whole + 30)
    spent = group.processor_seconds() - spent
    found = re.search(r"^measured (\d+) (\d+) (\d+) (\d+) (\d+)$", run.stdout, re.MULTILINE)
    if not found:
        raise LoadFailure(f"wrk said: {(run.stdout + run.stderr)[-300:]!r}")
    changes, microseconds, p50, p99, errors = map(int, found.groups())
    # What was acknowledged must be there; what was under way at the end may be there, too.
    missing = max(0, changes - (group.committed() - before))
    return Sample(
        changes / (microseconds / 1e6), p50, p99, spent / max(1, changes) * 1e6, changes, errors + missing)
