# Owns the list of scenarios: what is done to a group, and what is expected of it, said beforehand.
from __future__ import annotations

import enum
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .group import Group, Site

# How long the stopped leader stays so: far beyond every time limit of the group.
STOPPED_SECONDS = 10


class Outcome(enum.Enum):
    MOVES = "the primary moves once"
    STAYS = "nothing moves"
    RETURNS = "the primary is where it was, at a later epoch"


@dataclass
class Stage:
    """A group whose roles are known, to which something is about to happen."""

    group: Group
    leader: Site
    primary: Site
    # Neither the primary's nor, where that is another one, the leader's.
    third: Site
    fault_at: int = 0
    # What went wrong with the fault itself, such as a command that was refused.
    problems: list[str] = field(default_factory=list)

    def mark(self) -> None:
        self.fault_at = time.monotonic_ns()

    def others(self, *sites: Site) -> list[Site]:
        return [site for site in self.group.sites if site not in sites]


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    # Whether the leader is to be in the primary's datacenter.
    leads_at_primary: bool
    fault: Callable[[Stage], None]
    # The proxies whose clients are looked at: those that nothing was done to, and that can reach the primary.
    counted: Callable[[Stage], list[Site]]
    outcome: Outcome
    # The most failed GETs, and failed requests of any method, of a strict service; None: any number.
    failed_gets: int | None = None
    failed: int | None = None
    # The same holds without holding requests, for an available service.
    holds_when_available: bool = False
    # The longest pause in milliseconds with the quick settings; how far above the run's own baseline, when that counts.
    pause: float | None = None
    pause_above_baseline: float | None = None
    needs_cuts: bool = False


def _kill_backends(stage: Stage) -> None:
    stage.mark()
    stage.primary.signal_backends(signal.SIGKILL)


def _hang_backends(stage: Stage) -> None:
    stage.mark()
    stage.primary.signal_backends(signal.SIGSTOP)


def _kill_datacenter(stage: Stage) -> None:
    stage.mark()
    stage.primary.signal_backends(signal.SIGKILL)
    stage.primary.signal_proxy(signal.SIGKILL)


def _kill_leader(stage: Stage) -> None:
    stage.mark()
    stage.leader.signal_proxy(signal.SIGKILL)


def _both_ways(one: Site, other: Site) -> list[tuple[int, int]]:
    return [(one.place, other.place), (other.place, one.place)]


def _cut_off_primary(stage: Stage) -> None:
    stage.mark()
    stage.group.network.cut(*[way for site in stage.others(stage.primary) for way in _both_ways(stage.primary, site)])


def _cut_link(stage: Stage) -> None:
    stage.mark()
    stage.group.network.cut(*_both_ways(stage.primary, stage.leader))


def _cut_one_way(stage: Stage) -> None:
    stage.mark()
    stage.group.network.cut((stage.leader.place, stage.primary.place))


def _stop_leader(stage: Stage) -> None:
    stage.mark()
    stage.leader.signal_proxy(signal.SIGSTOP)
    time.sleep(STOPPED_SECONDS)
    stage.leader.signal_proxy(signal.SIGCONT)


def _ask(stage: Stage, target: Site, at: Site) -> None:
    status = at.admin.set_primary(target.name)
    if status != 200:
        stage.problems.append(f"primary set {target.name} was answered {status}")


def _switch(stage: Stage) -> None:
    stage.mark()
    _ask(stage, stage.third, stage.leader)


def _switch_and_back(stage: Stage) -> None:
    stage.mark()
    # The first answer may not come before the switch is complete, which the second command is to interrupt.
    first = threading.Thread(target=stage.leader.admin.set_primary, args=(stage.third.name,))
    first.start()
    time.sleep(0.01)
    _ask(stage, stage.primary, stage.leader)
    first.join()


def _switch_during_restart(stage: Stage) -> None:
    stage.mark()
    stage.third.signal_proxy(signal.SIGKILL)
    switch = threading.Thread(target=_ask, args=(stage, stage.leader, stage.leader))
    switch.start()
    stage.third.start_proxy()
    switch.join()


def _all(stage: Stage) -> list[Site]:
    return stage.group.sites


SCENARIOS = [
    Scenario(
        "backends-killed", "all backends of the primary are killed", False, _kill_backends, _all, Outcome.MOVES,
        failed_gets=0, pause=1500),
    Scenario(
        "backends-hung", "all backends of the primary hang", False, _hang_backends, _all, Outcome.MOVES,
        failed_gets=0, pause=2500),
    Scenario(
        "datacenter-killed", "they and the primary's proxy, a follower, are killed", False, _kill_datacenter,
        lambda stage: stage.others(stage.primary), Outcome.MOVES, failed_gets=0, pause=1800),
    Scenario(
        "datacenter-killed-leader", "they and the primary's proxy, the leader, are killed", True, _kill_datacenter,
        lambda stage: stage.others(stage.primary), Outcome.MOVES, failed_gets=0, pause=2500),
    Scenario(
        "leader-killed", "the leader alone is killed", False, _kill_leader,
        lambda stage: stage.others(stage.leader), Outcome.STAYS, failed_gets=0, failed=0, holds_when_available=True,
        pause_above_baseline=100),
    Scenario(
        "primary-cut-off", "the primary's datacenter is cut off", False, _cut_off_primary,
        lambda stage: stage.others(stage.primary), Outcome.MOVES, failed_gets=0, needs_cuts=True),
    Scenario(
        "link-cut", "the link between primary and leader is cut", False, _cut_link,
        lambda stage: stage.others(stage.leader), Outcome.STAYS, failed_gets=0, failed=0, holds_when_available=True,
        pause_above_baseline=100, needs_cuts=True),
    Scenario(
        "one-way-cut", "that link is cut from the leader to the primary", False, _cut_one_way,
        lambda stage: stage.others(stage.leader), Outcome.STAYS, failed_gets=0, failed=0, holds_when_available=True,
        pause_above_baseline=100, needs_cuts=True),
    Scenario(
        "leader-stopped", f"the leader stops for {STOPPED_SECONDS} s and goes on", False, _stop_leader,
        lambda stage: stage.others(stage.leader), Outcome.STAYS, failed_gets=0, failed=0, holds_when_available=True,
        pause_above_baseline=100),
    Scenario(
        "switch", "an operator moves the primary", False, _switch, _all, Outcome.MOVES, failed_gets=0, failed=0,
        holds_when_available=True, pause=100),
    Scenario(
        "switch-reversed", "and takes it back in the middle", False, _switch_and_back, _all, Outcome.RETURNS,
        failed_gets=0, failed=0, holds_when_available=True),
    Scenario(
        "switch-restart", "a proxy is killed and started again in the middle of a switch", False,
        _switch_during_restart, lambda stage: stage.others(stage.third), Outcome.MOVES, failed_gets=0, failed=0,
        holds_when_available=True),
]
