# Owns the command line and the run as a whole.
from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict

from compare_lib import install
from compare_lib.load import LoadFailure

from .groups import Etcd, Group, Meridian
from .load import measure
from .report import Samples, environment, report, targets

GROUPS: dict[str, type[Group]] = {"meridian": Meridian, "etcd": Etcd}
WARM_UP_SECONDS = 1


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="consensus", description="Commits a second of three Meridian nodes beside three of etcd; see README.md.",
        epilog="Exit status: 0 done, 1 a change was answered wrongly (or, with --strict, a target missed), 2 not run.")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    parser.add_argument("--seconds", type=int, default=2, metavar="S", help="of load for each case, group and round")
    parser.add_argument("--clients", type=int, action="append", metavar="N", help="default: 1 and 64 (repeatable)")
    parser.add_argument("--to", choices=["leader", "follower", "both"], default="both", help="which node is loaded")
    parser.add_argument("--only", choices=list(GROUPS), help="only this group")
    parser.add_argument("--value-bytes", type=int, default=64, metavar="N", help="of each change, 6-256")
    parser.add_argument("--meridian", metavar="PATH", help="default: the release build, made if it is missing")
    parser.add_argument("--etcd", metavar="PATH", help="another build of etcd 3.4 or later")
    parser.add_argument("--directory", type=pathlib.Path, metavar="PATH", help="where the nodes' disks are")
    parser.add_argument(
        "--priority", type=int, metavar="NICE", help="of all that is measured, on a machine that does other work (root)")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="write all samples, too")
    parser.add_argument("--strict", action="store_true", help="a missed target is exit status 1")
    options = parser.parse_args(arguments)
    if options.rounds < 1 or options.seconds < 1 or not 6 <= options.value_bytes <= 256:
        parser.error("at least one round of 1 s, values of 6 to 256 bytes")
    options.clients = options.clients or [1, 64]
    if not all(1 <= clients <= 200 for clients in options.clients):
        parser.error("1 to 200 clients")
    return options


def programs(options: argparse.Namespace) -> dict[str, str]:
    """What is measured; installs or builds what is missing."""
    names = [options.only] if options.only else list(GROUPS)
    missing = [] if install.find("wrk") else ["wrk"]
    if "etcd" in names and not options.etcd and not install.find("etcd"):
        missing.append("etcd-server")
    install.install_packages(missing)
    found = {}
    for name in names:
        given = options.etcd or install.find("etcd") if name == "etcd" else install.meridian(options.meridian)
        if not given:
            raise install.Unavailable(f"there is no {name}, and it could not be had")
        found[name] = str(pathlib.Path(given).resolve())
    return found


def run(options: argparse.Namespace) -> int:
    found = programs(options)
    wrk = install.find("wrk")
    if not wrk:
        raise install.Unavailable("wrk is missing although it was installed")
    versions = {name: GROUPS[name].version(program) for name, program in found.items()}
    ends = {"leader": [True], "follower": [False], "both": [True, False]}[options.to]
    cases = [(to_leader, clients) for to_leader in ends for clients in options.clients]
    samples: Samples = {}
    with tempfile.TemporaryDirectory(
            prefix="meridian-consensus-", dir=options.directory, ignore_cleanup_errors=True) as name:
        directory = pathlib.Path(name)
        header = environment(directory, versions, options.rounds, options.seconds, options.value_bytes)
        print("\n".join(["# Commits on this machine", "", *header]), flush=True)
        with contextlib.ExitStack() as stack:
            groups = [
                stack.enter_context(GROUPS[name](program, directory / name, options.value_bytes))
                for name, program in found.items()]
            if options.priority is not None:
                prefer(options.priority, groups)
            measure_all(options, wrk, groups, cases, samples)
    print(report(samples, cases))
    if options.json:
        options.json.write_text(as_json(samples, versions))
    wrong = any(sample.errors for rounds in samples.values() for sample in rounds)
    missed = options.strict and not all(holds for holds, _ in targets(samples))
    return 1 if wrong or missed or not samples else 0


def prefer(priority: int, groups: list[Group]) -> None:
    """Gives all that is measured, and the load, another share of the processors than their session would have."""
    for pid in [os.getpid(), *(process.process.pid for group in groups for process in group.processes)]:
        pathlib.Path(f"/proc/{pid}/autogroup").write_text(str(priority))


def measure_all(
        options: argparse.Namespace, wrk: str, groups: list[Group], cases: list[tuple[bool, int]], samples: Samples
) -> None:
    """All rounds: in each the groups take turns at every case, so that what else the machine does meets both."""
    for group in groups:
        measure(wrk, group, True, 8, WARM_UP_SECONDS, group.directory)
    for number in range(options.rounds):
        for to_leader, clients in cases:
            for group in groups if number % 2 == 0 else reversed(groups):
                sample = measure(wrk, group, to_leader, clients, options.seconds, group.directory)
                samples.setdefault((group.name, to_leader, clients), []).append(sample)
                install.say(
                    f"{number + 1}/{options.rounds} {group.name:9} {clients:3} clients of the "
                    f"{'leader' if to_leader else 'follower'}: {sample.rate:,.0f}/s, p50 {sample.p50 / 1e3:.2f} ms, "
                    f"p99 {sample.p99 / 1e3:.2f} ms, {sample.errors} errors")


def as_json(samples: Samples, versions: dict[str, str]) -> str:
    rows = [
        {"group": name, "to": "leader" if to_leader else "follower", "clients": clients,
         "rounds": [asdict(sample) for sample in rounds]}
        for (name, to_leader, clients), rounds in samples.items()]
    return json.dumps({"versions": versions, "samples": rows}, indent=1) + "\n"


def _end(*_: object) -> None:
    raise SystemExit(143)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        return run(options)
    except (install.Unavailable, LoadFailure, OSError, subprocess.TimeoutExpired) as reason:
        print(f"consensus: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("consensus: interrupted", file=sys.stderr)
        return 130
