"""The law table. Data file in, frozen `Law`s out."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib import resources

from gatekeeper.model import ConsentModel, Law, SignalDuty


class LawTable:
    """All laws the gate knows, by id."""

    __slots__ = ("by_id",)

    def __init__(self, laws: Iterable[Law]) -> None:
        self.by_id = {law.id: law for law in laws}

    @property
    def strictest(self) -> Law:
        """The law of a place that is not known: opt-in for everything, opt-out signals binding."""
        return self.by_id["strictest"]


def _shipped() -> LawTable:
    text = resources.files(__package__).joinpath("laws.toml").read_text("utf-8")
    return LawTable(
        Law(
            **{
                **row,
                "analytics": ConsentModel(row["analytics"]),
                "marketing": ConsentModel(row["marketing"]),
                "opt_out_signal": SignalDuty(row["opt_out_signal"]),
            }
        )
        for row in tomllib.loads(text)["law"]
    )


LAWS = _shipped()
