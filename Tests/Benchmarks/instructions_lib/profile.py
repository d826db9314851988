# Owns what callgrind's files say: the instructions of each function, and who called whom how often.
from __future__ import annotations

import pathlib
import re
from collections import Counter
from dataclasses import dataclass, field

# A name that is given a number at its first use, and is only the number afterwards.
NUMBERED = re.compile(r"\((\d+)\)(?: (.*))?")
# callgrind's mark of a function that was entered again before it ended.
RECURSION = re.compile(r"'\d+$")


@dataclass
class Profile:
    """Counts of one stretch of time."""

    # Instructions by function, without those of the functions it called.
    own: Counter[str] = field(default_factory=Counter)
    # The same by program or library.
    objects: Counter[str] = field(default_factory=Counter)
    # Calls by caller and called function.
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)

    @property
    def instructions(self) -> int:
        return sum(self.own.values())

    def entries(self) -> Counter[str]:
        """How often each function was called."""
        counts: Counter[str] = Counter()
        for (_, called), count in self.calls.items():
            counts[called] += count
        return counts

    def add(self, other: Profile) -> None:
        self.own.update(other.own)
        self.objects.update(other.objects)
        self.calls.update(other.calls)

    def less(self, other: Profile, scale: float) -> Profile:
        """What this has more than the other, divided by `scale`; what fell to nothing is left out."""
        def difference(mine: Counter, theirs: Counter) -> Counter:
            return Counter({
                key: (mine[key] - theirs[key]) / scale for key in mine.keys() | theirs.keys()
                if mine[key] != theirs[key]})

        return Profile(
            difference(self.own, other.own), difference(self.objects, other.objects),
            difference(self.calls, other.calls))

    def renamed(self, names: dict[str, str]) -> Profile:
        """The same under other names; functions that get one name become one."""
        result = Profile(objects=self.objects)
        for name, count in self.own.items():
            result.own[names.get(name, name)] += count
        for (caller, called), count in self.calls.items():
            result.calls[names.get(caller, caller), names.get(called, called)] += count
        return result


class _Reader:
    """Reads one file of callgrind's, in the format its manual describes."""

    def __init__(self) -> None:
        self.profile = Profile()
        self._names: dict[str, dict[str, str]] = {"object": {}, "function": {}}
        self._object = self._function = self._called = "?"
        self._is_call = False

    def _name(self, kind: str, text: str) -> str:
        found = NUMBERED.fullmatch(text)
        if not found:
            return text
        number, name = found.groups()
        if name is not None:
            self._names[kind][number] = name
        return self._names[kind].get(number, number)

    def line(self, line: str) -> None:
        key, separator, value = line.partition("=")
        if separator:
            self._word(key, value)
        elif line[:1] in "+-*0123456789" and (numbers := line.split()) and len(numbers) > 1:
            self._cost(int(numbers[1]))

    def _word(self, key: str, value: str) -> None:
        if key == "ob":
            self._object = self._name("object", value)
        elif key == "cob":
            self._name("object", value)
        elif key == "fn":
            self._function = RECURSION.sub("", self._name("function", value))
        elif key == "cfn":
            self._called = RECURSION.sub("", self._name("function", value))
        elif key == "calls":
            self.profile.calls[self._function, self._called] += int(value.split()[0])
            self._is_call = True

    def _cost(self, count: int) -> None:
        # The line after `calls=` has the called function's cost, which that function has already.
        if self._is_call:
            self._is_call = False
            return
        self.profile.own[self._function] += count
        self.profile.objects[pathlib.Path(self._object).name] += count


def read(path: pathlib.Path) -> Profile:
    reader = _Reader()
    with open(path, errors="replace") as file:
        for line in file:
            reader.line(line.rstrip("\n"))
    return reader.profile
