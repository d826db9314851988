# Owns the printed counts.
from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter

from compare_lib.report import table

from .profile import Profile

# Nothing that happens less often than once in so many requests is told of.
RAREST = 0.005
# What is always told, also when it is none: the references and the memory of Swift, the memory of C.
ALWAYS = [
    "swift_retain", "swift_release", "swift_allocObject", "swift_beginAccess", "malloc", "calloc", "realloc", "free"]
# Runtimes and the C library: a call from within them, or from a collection, is put down to those who called them.
RUNTIME = re.compile(
    r"_?swift_|(bool |void )?swift::|_mid_memalign|_int_|malloc|calloc|realloc|free$|posix_memalign|aligned_alloc|operator (new|delete)"
    r"|_?_?mem(cpy|move|set)")
# Of Swift's collections, whose code is made again in each module that uses it.
COLLECTIONS = re.compile(
    r"_?(Contiguous)?Array|_copyCollection|_?(Native)?(Dictionary|Set)\b|Deque|RangeReplaceableCollection|_?StringGuts"
    r"|String\b|RawBuffer")
# What precedes a method's type in the names of what the compiler makes of it.
PREFIXES = re.compile(
    r"(specialized |static |closure #\d+ in |protocol witness for |outlined |destroy for |assignWithTake for "
    r"|variable initialization expression of )+")


def demangled(profile: Profile) -> Profile:
    """With names as they are in the sources, where Swift's toolchain is at hand."""
    tool = shutil.which("swift-demangle")
    command = [tool] if tool else ["swift", "demangle"] if shutil.which("swift") else None
    if command is None:
        return profile
    names = sorted({*profile.own, *(name for pair in profile.calls for name in pair)})
    run = subprocess.run(
        [*command, "--simplified"], input="\n".join(names) + "\n", capture_output=True, text=True, check=False)
    lines = run.stdout.splitlines()
    return profile.renamed(dict(zip(names, lines))) if len(lines) == len(names) else profile


class Report:
    def __init__(self, profile: Profile, callers: int, functions: int):
        self.profile = demangled(profile)
        self.entries = self.profile.entries()
        self.callers, self.functions = callers, functions

    def text(self, title: str, requests: int) -> str:
        objects = ", ".join(
            f"{name} {count:,.0f}" for name, count in self.profile.objects.most_common() if count >= 1)
        lines = [
            f"## {title}", "",
            f"{self.profile.instructions:,.0f} instructions a request ({objects}), of {requests:,} requests.", ""]
        lines += table(["called of the runtime", "a request"], [
            [_short(name), f"{self.entries[name]:.2f}"] for name in self._runtime_functions()])
        for name in self._runtime_functions():
            if self.entries[name] >= RAREST:
                lines += table([f"callers of {_short(name)}", "a request"], self._callers(name))
        for kind, counts in (("of", self.profile.own), ("of the type", self._types())):
            lines += table([f"own instructions {kind}", "a request"], [
                [_short(name), f"{count:,.0f}"] for name, count in counts.most_common(self.functions) if count >= 1])
        return "\n".join(lines)

    def _types(self) -> Counter[str]:
        """Own instructions by what has the functions: a type, or the function itself where it belongs to none."""
        counts: Counter[str] = Counter()
        for name, count in self.profile.own.items():
            owner = name if RUNTIME.match(name) else re.split(r"[.<( ]", PREFIXES.sub("", name))[0]
            counts[owner] += count
        return counts

    def _runtime_functions(self) -> list[str]:
        others = [
            name for name, count in self.entries.most_common()
            if RUNTIME.match(name) and count >= RAREST and name not in ALWAYS]
        return [*ALWAYS, *others]

    def _callers(self, name: str) -> list[list[str]]:
        counts = self.origins(name)
        rows = [[_short(caller), f"{count:.2f}"] for caller, count in counts.most_common(self.callers)
                if count >= RAREST]
        rest = sum(counts.values()) - sum(count for _, count in counts.most_common(len(rows)))
        return rows + ([["others", f"{rest:.2f}"]] if rest >= RAREST else [])

    def origins(self, name: str) -> Counter[str]:
        """Who called a function; the runtime's own functions are replaced by their callers, in proportion to calls."""
        found: Counter[str] = Counter()

        def spread(called: str, share: float, above: frozenset[str]) -> None:
            callers = {caller: count for (caller, each), count in self.profile.calls.items()
                       if each == called and caller not in above and count > 0}
            total = sum(callers.values())
            if not total:
                found[called] += share
                return
            for caller, count in callers.items():
                part = share * count / total
                if _is_passed_over(caller) and part >= RAREST / 10:
                    spread(caller, part, above | {caller})
                else:
                    found[caller] += part

        spread(name, self.entries[name], frozenset({name}))
        return found


def _is_passed_over(name: str) -> bool:
    return bool(RUNTIME.match(name) or COLLECTIONS.match(PREFIXES.sub("", name)))


def _short(name: str) -> str:
    return name if len(name) <= 110 else name[:109] + "…"
