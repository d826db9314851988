# Owns the load tools: our own generator, wrk and h2load, and what they report in one form.
from __future__ import annotations

import json
import pathlib
import re
import subprocess
from dataclasses import dataclass, field

from .cases import SMALL_BYTES, Case
from .processes import run_tool, start_tool


@dataclass(frozen=True)
class Result:
    """What a load came to: times in microseconds, errors by kind (none = every answer was right)."""

    completed: int
    seconds: float
    p50: float
    p99: float
    errors: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        return self.completed / self.seconds if self.seconds > 0 else 0


class LoadFailure(Exception):
    """A load tool that did not say what it measured."""


class Generator:
    """Runs the load tools on the processors that are theirs."""

    def __init__(self, tool: str, wrk: str, h2load: str, directory: pathlib.Path):
        self.tool, self.wrk, self.h2load = tool, wrk, h2load
        self.directory = directory

    def run(
        self, case: Case, target: str, seconds: float, processors: set[int] | None, connections: int | None = None
    ) -> Result:
        """Our own generator's run of a case; of 0 seconds: one request a connection."""
        arguments = self._arguments(case, target, seconds, connections or case.connections)
        return self._result(run_tool(arguments, processors, seconds + 30).stdout)

    def hold(self, case: Case, target: str, processors: set[int] | None) -> Held:
        """Opens idle connections, one request on each, and holds them."""
        return Held(start_tool(self._arguments(case, target, 30, case.connections), processors), self)

    def _arguments(self, case: Case, target: str, seconds: float, connections: int) -> list[str]:
        requests = self.directory / f"{case.name}.requests"
        requests.write_text("".join(case.requests))
        mode = case.mode if case.mode in ("close", "echo", "websocket", "idle") else "http"
        arguments = [
            self.tool, "--mode", mode, "--target", target, "--connections", str(connections), "--seconds",
            str(seconds), "--body", str(case.body), "--length", str(case.length)]
        return arguments + (["--requests", str(requests)] if case.requests else [])

    def _result(self, output: str) -> Result:
        try:
            report = json.loads(output.strip().splitlines()[-1])
        except (IndexError, ValueError):
            raise LoadFailure(f"the load generator said: {output[:200]!r}") from None
        errors = {kind: count for kind, count in report["errors"].items() if count}
        return Result(report["completed"], report["seconds"], report["p50"], report["p99"], errors)

    def run_wrk(self, case: Case, target: str, seconds: float, processors: set[int] | None) -> Result:
        """wrk's run, to check our own generator by; it checks statuses, but no lengths."""
        whole = max(1, round(seconds))
        arguments = [
            self.wrk, "-t1", f"-c{case.connections}", f"-d{whole}s", "--latency", "-s", self._wrk_script(),
            f"http://{target}/small"]
        output = run_tool(arguments, processors, whole + 30).stdout
        found = re.search(r"^measured (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$", output, re.MULTILINE)
        if not found:
            raise LoadFailure(f"wrk said: {output[:200]!r}")
        completed, microseconds, p50, p99, *failures = map(int, found.groups())
        kinds = ("connect", "closed", "status", "unfinished")
        errors = {kind: count for kind, count in zip(kinds, failures, strict=True) if count}
        return Result(completed, microseconds / 1e6, p50, p99, errors)

    def _wrk_script(self) -> str:
        path = self.directory / "report.lua"
        path.write_text(
            "done = function(summary, latency)\n"
            "  local errors = summary.errors\n"
            '  print(string.format("measured %d %d %d %d %d %d %d %d", summary.requests, summary.duration,\n'
            "    latency:percentile(50), latency:percentile(99), errors.connect, errors.read + errors.write,\n"
            "    errors.status, errors.timeout))\n"
            "end\n")
        return str(path)

    def run_rate(
        self, target: str, rate: int, connections: int, seconds: float, processors: set[int] | None
    ) -> Result:
        """h2load's run at a fixed rate: requests go out by the clock, whatever became of the last ones."""
        log = self.directory / "h2load.log"
        log.unlink(missing_ok=True)
        arguments = [
            self.h2load, "--h1", f"--clients={connections}", "--threads=1", f"--rps={rate / connections:.3f}",
            f"--requests={round(rate * seconds)}", f"--log-file={log}", f"http://{target}/small"]
        output = run_tool(arguments, processors, seconds * 4 + 30).stdout
        counts = re.search(r"requests: \d+ total, \d+ started, \d+ done, (\d+) succeeded, (\d+) failed", output)
        elapsed = re.search(r"finished in ([\d.]+)(us|ms|s)", output)
        data = re.search(r"\((\d+)\) data", output)
        if not counts or not elapsed or not data or not log.exists():
            raise LoadFailure(f"h2load said: {output[-300:]!r}")
        succeeded, failed = int(counts.group(1)), int(counts.group(2))
        errors = {"failed": failed} if failed else {}
        if int(data.group(1)) != succeeded * SMALL_BYTES:
            errors["length"] = abs(int(data.group(1)) - succeeded * SMALL_BYTES)
        lines = (line.split("\t") for line in log.read_text().splitlines())
        times = sorted(int(fields[2]) for fields in lines if len(fields) == 3)
        log.unlink()
        if not times:
            raise LoadFailure("h2load logged no request")
        scale = {"us": 1e-6, "ms": 1e-3, "s": 1.0}[elapsed.group(2)]
        middle, late = times[len(times) // 2], times[min(len(times) - 1, len(times) * 99 // 100)]
        return Result(succeeded, float(elapsed.group(1)) * scale, middle, late, errors)


class Held:
    """Idle connections that are open until released; a context that ends the generator."""

    def __init__(self, process: subprocess.Popen[str], generator: Generator):
        self.process, self.generator = process, generator

    def __enter__(self) -> Held:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def wait_until_open(self) -> int:
        """How many are open, each after one right answer."""
        assert self.process.stdout
        words = self.process.stdout.readline().split()
        if len(words) != 2 or words[0] != "holding":
            raise LoadFailure("the idle connections could not be opened")
        return int(words[1])

    def release(self) -> Result:
        """Ends them; one that the proxy closed meanwhile is an error."""
        output, _ = self.process.communicate("\n", timeout=30)
        return self.generator._result(output)
