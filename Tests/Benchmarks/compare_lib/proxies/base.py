# Owns what the comparison asks of a proxy.
from __future__ import annotations

import pathlib
import subprocess
from abc import ABC, abstractmethod

from ..processes import Launch
from ..scenario import Scenario


class Proxy(ABC):
    """A program and how it is configured: upstream connections are kept, and nothing is logged unless asked for."""

    name: str
    # The two that the targets are ratios to.
    is_peer = False

    def __init__(self, program: str, tuned: bool = False):
        """`tuned`: with the settings that were found to cost least, where the defaults cost more."""
        self.program, self.tuned = program, tuned

    @abstractmethod
    def version(self) -> str:
        """One line; raises OSError when the program cannot be started."""

    @abstractmethod
    def configure(self, scenario: Scenario, directory: pathlib.Path) -> Launch:
        """Writes the configuration into the directory; the command that runs it in the foreground."""

    def supports(self, scenario: Scenario) -> bool:
        return True

    def first_line(self, *arguments: str) -> str:
        run = subprocess.run([self.program, *arguments], capture_output=True, text=True, timeout=30, check=False)
        lines = (run.stdout + run.stderr).strip().splitlines()
        return lines[0].strip() if lines else "unknown"
