# Owns the command line and the benchmark as a whole.
from __future__ import annotations

import argparse
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

from compare_lib import install

from . import priority
from .figures import Figures, figures, unmet
from .group import DEFAULTS, QUICK, Setup, Tools, make_certificates
from .network import Network, enter_namespaces, network
from .report import report
from .run import Unsettled, measure
from .scenarios import SCENARIOS, Scenario


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="failover", description="Measures what users notice while parts of a group fail; see README.md.",
        epilog="Exit status: 0 all expectations met, 1 not all, 2 not run.")
    parser.add_argument("--runs", type=int, default=5, metavar="N", help="of each scenario (default 5)")
    parser.add_argument("--scenario", action="append", metavar="NAME", help="only this scenario (repeatable)")
    parser.add_argument("--consistency", choices=["strict", "available"], default="strict")
    parser.add_argument("--defaults", action="store_true", help="the default settings instead of quick ones")
    parser.add_argument("--rate", type=int, default=500, metavar="N", help="requests a second at each proxy")
    parser.add_argument("--answer-after", type=float, default=5, metavar="MS", help="of a backend (default 5)")
    parser.add_argument("--delay", type=float, default=0, metavar="MS", help="between datacenters, each way")
    parser.add_argument("--io", choices=["auto", "io_uring", "epoll"], default="auto")
    parser.add_argument("--nice", type=int, default=0, metavar="N", help="priority of all that is started")
    parser.add_argument("--meridian", metavar="PATH", help="default: the release build, made if it is missing")
    parser.add_argument("--keep", metavar="FOLDER", type=pathlib.Path, help="keep all files, with access logs")
    parser.add_argument("--list", action="store_true", help="list the scenarios")
    options = parser.parse_args(arguments)
    known = [scenario.name for scenario in SCENARIOS]
    for name in options.scenario or []:
        if name not in known:
            parser.error(f"no scenario {name!r}; there are {', '.join(known)}")
    if options.runs < 1 or options.rate < 1:
        parser.error("at least one run of one request a second")
    return options


def missing_packages() -> list[str]:
    programs = {"nginx": "nginx", "openssl": "openssl", "ip": "iproute2", "cc": "gcc"}
    packages = [package for program, package in programs.items() if not install.find(program)]
    return packages + (["libc6-dev"] if "gcc" in packages else [])


def run_scenario(
    scenario: Scenario, setup: Setup, place: Network, options: argparse.Namespace, directory: pathlib.Path
) -> list[Figures]:
    """The figures of all its runs; a run whose roles changed before the fault is made again."""
    found: list[Figures] = []
    attempts = 0
    while len(found) < options.runs and attempts < 3 * options.runs:
        attempts += 1
        folder = directory / f"{scenario.name}-{attempts}"
        try:
            result = figures(measure(scenario, setup, place, folder))
        except (Unsettled, TimeoutError) as reason:
            install.say(f"{scenario.name}: not measured: {reason}")
            _keep(folder, options)
            continue
        missed = unmet(scenario, result, setup.consistency, not options.defaults)
        install.say(f"{scenario.name} {len(found) + 1}/{options.runs}: " + ("; ".join(missed) or "as expected"))
        _keep(folder, options)
        shutil.rmtree(folder, ignore_errors=True)
        found.append(result)
    return found


def _keep(folder: pathlib.Path, options: argparse.Namespace) -> None:
    if options.keep and folder.exists():
        shutil.copytree(folder, options.keep / folder.name, dirs_exist_ok=True, ignore=_sockets)


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if (pathlib.Path(folder) / name).is_socket()]


def header(options: argparse.Namespace, program: str, place: Network) -> list[str]:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    settings = "the defaults" if options.defaults else (
        f"{QUICK.cluster}, {QUICK.check}, {QUICK.failover}".replace(":", ""))
    return [
        f"Meridian {version}, --io {options.io}, {platform.system()} {platform.release()}, {place.description}.",
        f"consistency {options.consistency}; {settings}; {options.rate} requests a second at each proxy, a tenth of"
        f" them POSTs; backends answer after {options.answer_after:g} ms.", ""]


def run(options: argparse.Namespace) -> int:
    install.install_packages(missing_packages())
    tools = install.build_tools()
    program, nginx = install.meridian(options.meridian), install.find("nginx")
    if not program or not nginx:
        raise install.Unavailable("there is no binary of meridian, and it could not be built")
    enter_namespaces()
    if options.nice:
        priority.set_for_children(options.nice)
    programs = Tools(str(pathlib.Path(program).resolve()), nginx, tools["stamping-backend"], tools["steady-load"])
    with tempfile.TemporaryDirectory(prefix="meridian-failover-", ignore_cleanup_errors=True) as name:
        directory = pathlib.Path(name)
        make_certificates(directory / "keys")
        timing = DEFAULTS if options.defaults else QUICK
        setup = Setup(
            programs, timing, options.consistency, options.io, options.rate, options.answer_after, directory / "keys",
            is_logging=options.keep is not None)
        with network(tools["wan"]) as place:
            if options.delay and place.can_cut:
                place.set_delay(options.delay)
            print("\n".join(header(options, program, place)), flush=True)
            results = []
            for scenario in SCENARIOS:
                if options.scenario and scenario.name not in options.scenario:
                    continue
                if scenario.needs_cuts and not place.can_cut:
                    install.say(f"{scenario.name}: left out: no link can be cut here")
                    continue
                results.append((scenario, run_scenario(scenario, setup, place, options, directory)))
    judges_times = not options.defaults
    print(report(results, options.consistency, judges_times), flush=True)
    met = all(
        runs and not any(unmet(scenario, each, options.consistency, judges_times) for each in runs)
        for scenario, runs in results)
    return 0 if met else 1


def _end(*_: object) -> None:
    raise SystemExit(143)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.list:
        for scenario in SCENARIOS:
            print(f"{scenario.name:26} {scenario.title}: {scenario.outcome.value}")
        return 0
    signal.signal(signal.SIGTERM, _end)
    try:
        return run(options)
    except install.Unavailable as reason:
        print(f"failover: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("failover: interrupted", file=sys.stderr)
        return 130
