# Owns the reading of what the tools have written down: tools/records.h in Python.
from __future__ import annotations

import mmap
import pathlib
import struct
from dataclasses import dataclass

GET, POST = 0, 1
FAILURES = ("none", "connect", "closed", "broken", "timeout", "crowded")
_STAMP = struct.Struct("<QQIBBxx")
_SENT = struct.Struct("<QQQIHBB")


@dataclass(frozen=True)
class Stamp:
    """A head that a backend has read; times in nanoseconds of CLOCK_MONOTONIC."""

    read_at: int
    epoch: int
    number: int
    source: int
    method: int
    datacenter: int


@dataclass(frozen=True)
class Request:
    """A request of the generator at one proxy."""

    scheduled_at: int
    begun_at: int
    ended_at: int
    number: int
    status: int
    method: int
    failure: int

    @property
    def is_success(self) -> bool:
        return self.status == 200 and self.failure == 0

    @property
    def outcome(self) -> str:
        return FAILURES[self.failure] if self.failure else str(self.status)


def _records(path: pathlib.Path, form: struct.Struct) -> list[tuple[int, ...]]:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        count = int.from_bytes(memory[:8], "little")
        return list(form.iter_unpack(memory[8:8 + count * form.size]))


def stamps(path: pathlib.Path, datacenter: int) -> list[Stamp]:
    return [Stamp(*fields, datacenter) for fields in _records(path, _STAMP)]


def requests(path: pathlib.Path) -> list[Request]:
    return [Request(*fields) for fields in _records(path, _SENT)]
