"""Worker threads: a team of its own for each thread of Python that computes."""

from __future__ import annotations

import operator
import threading

from ._library import Context, lib, owned
from .errors import ArgumentError

_threads = 0


class Team:
    """A team of the library. A fork's child may use it on: the library starts its threads anew."""

    def __init__(self, threads: int) -> None:
        self.context = Context()
        self.address: int = self.context.made(lib.il_team_new(self.context.address, threads))
        owned(self, lib.il_team_free, self.address, self.context)


class Owner:
    """What a thread alone refers to: when it is gone, so is the thread, or its team is another."""


class _Local(threading.local):
    team: Team | None = None
    owner: Owner | None = None
    threads = -1


_local = _Local()


def set_threads(threads: int) -> None:
    """How many threads compute, from the next call on; 0 (from the start): one per available core.

    Results never depend on it.
    """
    global _threads
    threads = operator.index(threads)
    if threads < 0:
        raise ArgumentError(f"set_threads: {threads} threads, expected 0 or more")
    _threads = threads


def team() -> Team:
    """The team of the calling thread."""
    if _local.team is None or _local.threads != _threads:
        _local.team, _local.owner, _local.threads = Team(_threads), Owner(), _threads
    return _local.team


def owner() -> Owner:
    """Of the calling thread's team."""
    team()
    assert _local.owner is not None
    return _local.owner
