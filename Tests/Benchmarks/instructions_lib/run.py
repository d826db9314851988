# Owns one proxy under callgrind: its start, the loads, and the profile of one request.
from __future__ import annotations

import contextlib
import pathlib
import shutil
import subprocess
import time
from dataclasses import replace

from compare_lib.backends import Backends
from compare_lib.cases import Case
from compare_lib.install import Unavailable
from compare_lib.load import Generator
from compare_lib.processes import Launch, RunningProcess, free_port
from compare_lib.proxies import Nginx, Proxy
from compare_lib.scenario import Scenario

from .profile import Profile, read


def readable(program: str, directory: pathlib.Path) -> str:
    """A copy with symbols and without debug information, which older versions of valgrind give up on."""
    copy = directory / pathlib.Path(program).name
    command = ["objcopy", "--strip-debug", program, str(copy)]
    if not shutil.which("objcopy") or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        shutil.copy(program, copy)
    return str(copy)


class Run:
    """Counts a case's requests through one proxy; everything runs below one directory."""

    def __init__(self, backends: Backends, generator: Generator, directory: pathlib.Path, seconds: float):
        self.backends, self.generator, self.directory, self.seconds = backends, generator, directory, seconds

    def profile(self, case: Case, proxy: Proxy) -> tuple[Profile, int]:
        """Counts a request, and of how many requests they are the mean.

        Two loads, the second twice as long: their difference has neither the start of the connections nor their end.
        """
        directory = self.directory / f"{case.name}-{proxy.name}"
        directory.mkdir()
        scenario = Scenario(
            case.protocol, free_port(), case.workers, self.backends.routes(case),
            directory / "access.log" if case.access_log else None, case.mode == "websocket", case.is_bulk)
        if not proxy.supports(scenario):
            raise Unavailable("this build cannot do that")
        launch = proxy.configure(scenario, directory)
        valgrind = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={directory}/profile.%p"]
        program, *arguments = launch.arguments
        # callgrind gives the files of a process that was forked no name of their own.
        alone = ["-g", "master_process off;"] if isinstance(proxy, Nginx) else []
        launch = replace(launch, arguments=[*valgrind, readable(program, directory), *arguments, *alone])
        with contextlib.ExitStack() as stack:
            for number, companion in enumerate(launch.companions):
                folder = directory / f"companion-{number}"
                folder.mkdir()
                stack.enter_context(RunningProcess(companion, None, folder))
            running = stack.enter_context(RunningProcess(launch, None, directory))
            return self._counted(case, running, directory, f"127.0.0.1:{scenario.port}")

    def _counted(
        self, case: Case, running: RunningProcess, directory: pathlib.Path, target: str
    ) -> tuple[Profile, int]:
        self._wait_until_ready(case, running, target)
        self._load(case, target, self.seconds / 2)
        self._dump(running, directory)
        few, short = self._load(case, target, self.seconds), self._dump(running, directory)
        many, long = self._load(case, target, self.seconds * 2), self._dump(running, directory)
        if many <= few:
            raise Unavailable(f"{few} requests, then {many} in twice the time: nothing to compare")
        return long.less(short, many - few), many - few

    def _load(self, case: Case, target: str, seconds: float) -> int:
        result = self.generator.run(case, target, seconds, None)
        if result.errors:
            raise Unavailable(f"wrong answers or broken connections: {result.errors}")
        return result.completed

    def _dump(self, running: RunningProcess, directory: pathlib.Path) -> Profile:
        """What all of its processes did since the last dump."""
        before = set(directory.glob("profile.*.*"))
        pids = running.pids()
        for pid in pids:
            control = subprocess.run(
                ["callgrind_control", "--dump", str(pid)], capture_output=True, text=True, timeout=60, check=False)
            if control.returncode != 0:
                raise Unavailable(f"callgrind_control: {(control.stdout + control.stderr).strip()[-200:]}")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            new = [path for path in directory.glob("profile.*.*") if path not in before and _is_whole(path)]
            if len(new) == len(pids):
                total = Profile()
                for path in new:
                    total.add(read(path))
                return total
            time.sleep(0.05)
        raise Unavailable("callgrind wrote no profile")

    def _wait_until_ready(self, case: Case, running: RunningProcess, target: str) -> None:
        deadline = time.monotonic() + 60
        while running.is_running and time.monotonic() < deadline:
            result = self.generator.run(case, target, 0, None, connections=1)
            if result.completed == 1 and not result.errors:
                return
            time.sleep(0.1)
        raise Unavailable(f"not ready: {running.last_words() or 'no message'}")


def _is_whole(path: pathlib.Path) -> bool:
    """Whether a profile is written to its end, which is a line of totals."""
    with open(path, "rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 200))
        return b"\ntotals:" in file.read()
