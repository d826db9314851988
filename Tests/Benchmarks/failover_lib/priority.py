# Owns the priority of what the benchmark starts: a busy machine else measures its other programs.
from __future__ import annotations

import os
import pathlib

from compare_lib.install import Unavailable

_nice = 0


def set_for_children(nice: int) -> None:
    """Takes this priority (-20 to 19) for this process and, by inheritance, all that it starts."""
    global _nice
    try:
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    except OSError as error:
        raise Unavailable(f"--nice {nice}: {error.strerror}") from None
    _nice = nice


def raise_group(pid: int) -> None:
    """The same for the scheduling group of a session that has begun: by it Linux divides time between sessions."""
    if not _nice:
        return
    try:
        pathlib.Path(f"/proc/{pid}/autogroup").write_text(str(_nice))
    except OSError:
        # A kernel without such groups goes by the priority alone.
        return
