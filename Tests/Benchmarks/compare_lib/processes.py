# Owns the processes that a comparison starts: where they run, what they cost, and that none is left.
from __future__ import annotations

import ctypes
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field

CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Launch:
    """A command to start, where its output goes, and what runs beside it without being measured."""

    arguments: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    output: pathlib.Path | None = None
    companions: list[Launch] = field(default_factory=list)


def _prepare(processors: set[int] | None):
    def prepare() -> None:
        # No process outlives the comparison, not even one that is killed.
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        if processors:
            os.sched_setaffinity(0, processors)

    return prepare


class RunningProcess:
    """A started command with its children; a context that ends all of them."""

    def __init__(self, launch: Launch, processors: set[int] | None, directory: pathlib.Path):
        self.launch = launch
        self.errors = directory / "stderr"
        with open(self.errors, "wb") as errors, open(launch.output or os.devnull, "ab") as output:
            self.process = subprocess.Popen(
                launch.arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, cwd=directory,
                env=os.environ | launch.environment, preexec_fn=_prepare(processors), start_new_session=True)

    def __enter__(self) -> RunningProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def last_words(self) -> str:
        """The end of what it said on standard error, on one line."""
        text = self.errors.read_text(errors="replace").strip()
        return " / ".join(text.splitlines()[-3:])[-300:]

    def pids(self) -> list[int]:
        """Itself and all its descendants."""
        parents: dict[int, list[int]] = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit() and (fields := stat_fields(int(entry))):
                parents.setdefault(int(fields[1]), []).append(int(entry))
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            queue += parents.get(pid, [])
        return found

    def processor_seconds(self) -> float:
        """User and system time so far, of all its threads and processes; in steps of 10 ms."""
        total = 0
        for pid in self.pids():
            if fields := stat_fields(pid):
                total += int(fields[11]) + int(fields[12])
        return total / CLOCK_TICKS

    def proportional_set_bytes(self) -> int:
        """Memory, each shared page divided by those who share it."""
        total = 0
        for pid in self.pids():
            try:
                lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total * 1024

    def settled_set_bytes(self) -> int:
        """The same, once it no longer changes by more than one in a hundred."""
        last = self.proportional_set_bytes()
        for _ in range(20):
            time.sleep(0.25)
            now = self.proportional_set_bytes()
            if abs(now - last) * 100 <= now:
                return now
            last = now
        return last

    def stop(self) -> None:
        """Asks twice, then kills; its process group is its own, so nothing else is met."""
        for ending, patience in ((signal.SIGTERM, 3), (signal.SIGTERM, 2), (signal.SIGKILL, 5)):
            try:
                os.killpg(self.process.pid, ending)
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
            except ProcessLookupError:
                pass
            break
        self.process.poll()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def machine_seconds() -> float:
    """Time that all processors spent on anything, or lost to other virtual machines; guests' is in the users'."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _wait, interrupts, soft_interrupts, stolen = map(int, fields[:8])
    return (user + nice + system + interrupts + soft_interrupts + stolen) / CLOCK_TICKS


def own_seconds() -> float:
    """The comparison's own time, with that of the tools that have ended."""
    own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime


def stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; None when the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    return text[text.rindex(")") + 2:].split()


def run_tool(arguments: list[str], processors: set[int] | None, timeout: float) -> subprocess.CompletedProcess[str]:
    """A load tool's run to its end."""
    return subprocess.run(
        arguments, capture_output=True, text=True, errors="replace", timeout=timeout, check=False,
        stdin=subprocess.DEVNULL, preexec_fn=_prepare(processors))


def start_tool(arguments: list[str], processors: set[int] | None) -> subprocess.Popen[str]:
    """A load tool that goes on until its standard input ends."""
    return subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        preexec_fn=_prepare(processors))


def free_port() -> int:
    """A port of 127.0.0.1 that nobody uses at the moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@dataclass(frozen=True)
class Placement:
    """Which processors the proxy and everything else run on; None: any."""

    proxy: set[int] | None
    others: set[int] | None
    description: str


def placement(workers: int, pinned: bool) -> Placement:
    """The proxy gets as many processors as it has workers, and nothing else runs on them, if that leaves one."""
    processors = sorted(os.sched_getaffinity(0))
    if not pinned or len(processors) <= workers:
        return Placement(None, None, "unpinned")
    proxy, others = set(processors[:workers]), set(processors[workers:])
    return Placement(proxy, others, f"proxy on {sorted(proxy)}, generator and backend on {sorted(others)}")
