# Owns the command line.
from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import replace

from compare_lib import install
from compare_lib.backends import Backends
from compare_lib.cases import CASES
from compare_lib.load import Generator, LoadFailure
from compare_lib.proxies import HAProxy, Meridian, Nginx, Proxy

from .report import Report
from .run import Run

# Those with a load of our own generator that goes on for a while, and few addresses: all is fifty times slower here.
CHOICES = {case.name: case for case in CASES if case.mode not in ("idle", "rate", "wrk") and case.routes == 1}
PROXIES = ["meridian", "haproxy", "nginx"]


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="instructions",
        description="Counts what a proxy's own code does for a request: instructions, references, allocations.",
        epilog="Exit status: 0 done, 1 a proxy could not be counted, 2 not run.")
    parser.add_argument("--case", action="append", choices=CHOICES, metavar="NAME",
                        help="of the comparison (repeatable); default: small-1")
    parser.add_argument("--only", action="append", choices=PROXIES, metavar="PROXY",
                        help="repeatable; default: meridian, with epoll, as valgrind knows no io_uring")
    parser.add_argument("--connections", type=int, metavar="N", help="default: the case's")
    parser.add_argument("--seconds", type=float, default=2, metavar="S", help="of the shorter one of two loads")
    parser.add_argument("--callers", type=int, default=12, metavar="N", help="named for each function")
    parser.add_argument("--functions", type=int, default=40, metavar="N", help="named for their own instructions")
    parser.add_argument("--meridian", metavar="PATH", help="default: the release build, made if it is missing")
    for name in ("haproxy", "nginx"):
        parser.add_argument(f"--{name}", metavar="PATH", default=os.environ.get(name.upper()) or None)
    options = parser.parse_args(arguments)
    if options.seconds < 0.2:
        parser.error("at least 0.2 s")
    return options


def proxies(options: argparse.Namespace) -> list[Proxy]:
    wanted = options.only or ["meridian"]
    result: list[Proxy] = []
    if "meridian" in wanted:
        program = install.meridian(options.meridian)
        if program is None:
            raise install.Unavailable("there is no binary of Meridian and it could not be built")
        result.append(Meridian(str(pathlib.Path(program).resolve()), "epoll"))
    if "haproxy" in wanted:
        result.append(HAProxy(options.haproxy or install.find("haproxy") or "haproxy"))
    if "nginx" in wanted:
        result.append(Nginx(options.nginx or install.find("nginx") or "nginx"))
    return result


def run(options: argparse.Namespace) -> int:
    wanted = options.only or ["meridian"]
    missing = install.missing_packages(
        options.haproxy if "haproxy" in wanted else "unused", options.nginx if "nginx" in wanted else None)
    unused = {"wrk", "nghttp2-client"}
    install.install_packages(
        [each for each in missing if each not in unused] + ([] if shutil.which("valgrind") else ["valgrind"]))
    tools = install.build_tools()
    backend = install.find("nginx") or options.nginx
    if not backend:
        raise install.Unavailable("nginx is missing although it was installed")
    status = 0
    with tempfile.TemporaryDirectory(prefix="meridian-instructions-", ignore_cleanup_errors=True) as name:
        directory = pathlib.Path(name)
        with Backends(backend, tools["backend"], directory) as backends:
            counting = Run(backends, Generator(tools["load"], "", "", directory), directory, options.seconds)
            for case in [CHOICES[each] for each in options.case or ["small-1"]]:
                case = replace(case, connections=options.connections or case.connections)
                for proxy in proxies(options):
                    title = f"{proxy.name}, {proxy.version()}: {case.title}"
                    try:
                        profile, requests = counting.profile(case, proxy)
                    except (install.Unavailable, LoadFailure, OSError, subprocess.TimeoutExpired) as reason:
                        print(f"## {title}\n\nNot counted: {reason}\n", flush=True)
                        status = 1
                        continue
                    print(Report(profile, options.callers, options.functions).text(title, requests), flush=True)
    return status


def _end(*_: object) -> None:
    raise SystemExit(143)


def main(arguments: list[str]) -> int:
    options = parse(arguments)
    signal.signal(signal.SIGTERM, _end)
    try:
        return run(options)
    except install.Unavailable as reason:
        print(f"instructions: {reason}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("instructions: interrupted", file=sys.stderr)
        return 130
