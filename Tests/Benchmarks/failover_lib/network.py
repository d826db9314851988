# Owns the three datacenters' network: namespaces joined by a switch of our own, or else plain loopback addresses.
from __future__ import annotations

import os
import signal
import subprocess
import sys

from compare_lib.install import Unavailable
from compare_lib.processes import LIBC, PR_SET_PDEATHSIG

from . import priority

PLACES = (1, 2, 3)
# Set in the process that runs inside namespaces of its own.
MARK = "MERIDIAN_FAILOVER_NAMESPACE"


def enter_namespaces() -> None:
    """Runs the command again in network and mount namespaces of its own, which end with the last of its processes.

    Returns only where that is not to be had, or has been done.
    """
    if MARK in os.environ:
        return
    as_user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    unshare = ["unshare", *as_user, "--net", "--mount"]
    # `ip netns` keeps its names in /run/netns: in a /run that nobody else sees, they need no cleaning up.
    script = 'mount -t tmpfs tmpfs /run && exec "$@"'
    try:
        allowed = subprocess.run(
            [*unshare, "sh", "-c", script, "sh", "ip", "netns", "add", "probe"], capture_output=True, check=False)
    except FileNotFoundError:
        return
    if allowed.returncode != 0:
        return
    sys.stdout.flush()
    arguments = [*unshare, "sh", "-c", script, "sh", sys.executable, *sys.argv]
    os.execvpe("unshare", arguments, os.environ | {MARK: "1"})


class Namespaces:
    """A namespace for each datacenter, and the switch between them; a context that ends the switch."""

    can_cut = True
    description = "three network namespaces, joined by a switch in user space"

    def __init__(self, switch: str):
        for place in PLACES:
            name, address = f"dc{place}", self.address(place)
            self._ip("netns", "add", name)
            self._ip("link", "add", f"wan{place}", "type", "veth", "peer", "name", "lan", "netns", name)
            self._ip("link", "set", f"wan{place}", "up")
            self._ip("-n", name, "link", "set", "lo", "up")
            self._ip("-n", name, "link", "set", "lan", "address", self._hardware(place))
            self._ip("-n", name, "address", "add", f"{address}/24", "dev", "lan")
            self._ip("-n", name, "link", "set", "lan", "up")
            # Nobody asks who has an address: only unicast frames pass, and none is lost while a question waits.
            for other in PLACES:
                if other != place:
                    self._ip("-n", name, "neighbor", "replace", self.address(other), "lladdr", self._hardware(other),
                             "dev", "lan", "nud", "permanent")
        self._switch = subprocess.Popen(
            [switch, *(f"wan{place}" for place in PLACES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            bufsize=1, start_new_session=True, preexec_fn=lambda: LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
        priority.raise_group(self._switch.pid)
        assert self._switch.stdout
        if self._switch.stdout.readline().strip() != "ready":
            raise Unavailable("the switch between the datacenters did not start")

    def __enter__(self) -> Namespaces:
        return self

    def __exit__(self, *_: object) -> None:
        self._switch.kill()
        self._switch.communicate()

    @staticmethod
    def _ip(*arguments: str) -> None:
        run = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
        if run.returncode != 0:
            raise Unavailable(f"ip {' '.join(arguments)}: {run.stderr.strip()}")

    @staticmethod
    def _hardware(place: int) -> str:
        return f"02:00:00:00:00:{place:02}"

    @staticmethod
    def address(place: int) -> str:
        return f"10.88.0.{place}"

    @staticmethod
    def inside(place: int, arguments: list[str]) -> list[str]:
        """The command that runs in a datacenter; `ip` becomes it, so it is no further process."""
        return ["ip", "netns", "exec", f"dc{place}", *arguments]

    def _say(self, line: str) -> None:
        assert self._switch.stdin and self._switch.stdout
        self._switch.stdin.write(line + "\n")
        if self._switch.stdout.readline().strip() != "done":
            raise Unavailable(f"the switch did not take {line!r}")

    def cut(self, *directions: tuple[int, int]) -> None:
        """Loses all frames from the one place to the other, without a word to either."""
        for sender, receiver in directions:
            self._say(f"cut {sender} {receiver}")

    def set_delay(self, milliseconds: float) -> None:
        """How long every frame is on its way, each way."""
        for sender in PLACES:
            for receiver in PLACES:
                if sender != receiver:
                    self._say(f"delay {sender} {receiver} {milliseconds}")

    def heal(self) -> None:
        for sender in PLACES:
            for receiver in PLACES:
                if sender != receiver:
                    self._say(f"heal {sender} {receiver}")


class Loopback:
    """Addresses of the loopback device: nothing between them can be cut."""

    can_cut = False
    description = "three loopback addresses (no namespaces are to be had here: no links can be cut)"

    def __enter__(self) -> Loopback:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @staticmethod
    def address(place: int) -> str:
        return f"127.0.0.{place}"

    @staticmethod
    def inside(_: int, arguments: list[str]) -> list[str]:
        return arguments

    def heal(self) -> None:
        pass


Network = Namespaces | Loopback


def network(switch: str) -> Network:
    """The best that this process can have."""
    return Namespaces(switch) if MARK in os.environ else Loopback()
