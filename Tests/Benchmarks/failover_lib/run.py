# Owns one run: a fresh group gets its roles and its load, something happens to it, and what it left is collected.
from __future__ import annotations

import pathlib
import time

from .figures import Record
from .group import Group, Setup, Site
from .network import Network
from .records import requests, stamps
from .scenarios import Scenario, Stage

WARM_UP_SECONDS = 1
BASELINE_SECONDS = 2


class Unsettled(Exception):
    """The roles changed before anything was done: nothing was measured."""


def _assign_roles(group: Group, leads_at_primary: bool) -> Stage:
    """Moves the primary to where the scenario wants it."""
    for _ in range(3):
        view = group.await_settled(group.sites)
        assert view.leader and view.primary
        leader, primary = group.site(view.leader), group.site(view.primary)
        if (leader is primary) == leads_at_primary:
            third = next(site for site in group.sites if site not in (leader, primary))
            return Stage(group, leader, primary, third)
        target = leader if leads_at_primary else next(site for site in group.sites if site is not leader)
        status = leader.admin.set_primary(target.name)
        if status != 200:
            raise Unsettled(f"the primary could not be set: {status}")
        group.await_settled(group.sites, 15, target.name)
    raise Unsettled("the roles could not be assigned")


def _check_roles(stage: Stage) -> None:
    views = stage.group.views(stage.group.sites)
    for view in views:
        if view is None or (view.leader, view.primary) != (stage.leader.node, stage.primary.name) or not view.is_all_up:
            raise Unsettled(f"the group changed before the fault: {views}")


def _final_view(stage: Stage, sites: list[Site]) -> tuple[str, int]:
    views = [view for view in stage.group.views(sites) if view and view.primary]
    if not views:
        stage.problems.append("no proxy tells where the primary is")
        return stage.primary.name, 0
    if len({(view.primary, view.epoch) for view in views}) > 1:
        stage.problems.append("the proxies disagree about the primary")
    newest = max(views, key=lambda view: view.epoch)
    assert newest.primary
    return newest.primary, newest.epoch


def measure(scenario: Scenario, setup: Setup, network: Network, directory: pathlib.Path) -> Record:
    """One run in a folder that does not exist yet."""
    with Group(directory, setup, network) as group:
        stage = _assign_roles(group, scenario.leads_at_primary)
        before = group.await_settled(group.sites)
        for site in group.sites:
            site.start_load()
        time.sleep(WARM_UP_SECONDS)
        began_at = time.monotonic_ns()
        time.sleep(BASELINE_SECONDS)
        _check_roles(stage)
        scenario.fault(stage)
        remaining = setup.timing.window - (time.monotonic_ns() - stage.fault_at) / 1e9
        time.sleep(max(remaining, 2))
        counted = scenario.counted(stage)
        primary, epoch = _final_view(stage, counted)
        ended_at = time.monotonic_ns()
        for site in group.sites:
            site.stop_load()
        for site in counted:
            assert site.load
            site.load.process.wait(60)
    return Record(
        began_at, stage.fault_at, ended_at, {site.place: requests(site.load_file) for site in group.sites},
        [stamp for site in group.sites for file in site.stamp_files for stamp in stamps(file, site.place)],
        [site.place for site in counted], stage.primary.place, group.site(primary).place, before.epoch, epoch,
        stage.problems)
