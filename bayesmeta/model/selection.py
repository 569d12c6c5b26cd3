"""Selection for publication by p value, as text: "one_sided(0.025)", "two_sided(0.05, 0.1)", "none"."""

import re
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

import numpy as np
from scipy.special import ndtri

from bayesmeta.errors import ModelError
from bayesmeta.types import Array, Integers

SIDES = {"one_sided": ("greater", "less"), "two_sided": ()}
SIDE_OF_DIRECTION = {"higher": "greater", "lower": "less"}
EXAMPLE = 'Write it like "one_sided(0.025)", "one_sided(0.025, 0.5, side=less)" or "two_sided(0.05, 0.1)".'


@dataclass(frozen=True)
class Selection:
    """A step function of the p value: trials with p in interval j are published with relative probability omega_j.

    Parameters
    ----------
    kind : "one_sided", p = 1 - Phi(side y / s), or "two_sided", p = 2 (1 - Phi(|y| / s)).
    cuts : increasing p values between 0 and 1; J - 1 of them make J intervals, the most significant first.
    side : "greater" or "less": on which side of 0 an effect is wished (one-sided); "" until the trials say.

    References
    ----------
    Hedges 1992, Stat Sci 7:246; Vevea & Hedges 1995, Psychometrika 60:419.

    Examples
    --------
    >>> Selection("one_sided", (0.025, 0.5), "less").text
    'one_sided(0.025, 0.5, side=less)'
    """

    kind: str
    cuts: tuple[float, ...]
    side: str = ""

    @property
    def text(self) -> str:
        """As it is written: parse_selection(selection.text) == selection."""
        parts = [f"{cut:.15g}" for cut in self.cuts] + ([f"side={self.side}"] if self.side else [])
        return f"{self.kind}({', '.join(parts)})"

    @property
    def intervals(self) -> int:
        """Their number J."""
        return len(self.cuts) + 1

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the J - 1 free weights: "omega[0.025,1]"; that of the most significant interval is 1."""
        ends = [*self.cuts, 1.0]
        return tuple(f"omega[{low:.15g},{high:.15g}]" for low, high in pairwise(ends))

    @property
    def sign(self) -> float:
        """+1 where large effects have small p values, -1 where small ones have."""
        return -1.0 if self.side == "less" else 1.0

    @property
    def critical(self) -> Array:
        """(J - 1,) critical values of |y| / s or side y / s, one for each cut; they fall."""
        cuts = np.array(self.cuts)
        return np.asarray(-ndtri(cuts if self.kind == "one_sided" else 0.5 * cuts))

    def towards(self, direction: str) -> "Selection":
        """The selection with its side, from the direction that the trials say is wished.

        Parameters
        ----------
        direction : "higher", "lower" or "", as in `Trials`.

        Raises
        ------
        ModelError : one-sided, and nobody said on which side.
        """
        if self.kind == "two_sided" or self.side:
            return self
        if direction not in SIDE_OF_DIRECTION:
            written = self.text.removesuffix(")")
            raise ModelError(
                f"selection {self.text}: which effects are wished, those above 0 or those below? State it as"
                f' "{written}, side=greater)" or "{written}, side=less)", or give the trials a direction'
                " (--direction higher or lower)."
            )
        return Selection(self.kind, self.cuts, SIDE_OF_DIRECTION[direction])

    def interval_of(self, y: Array, se: Array) -> Integers:
        """(k,) which interval the p value of each estimate lies in; a p value at a cut lies below it."""
        z = y / se
        z = np.abs(z) if self.kind == "two_sided" else self.sign * z
        # The larger z, the smaller p: how many critical values it does not reach.
        return np.asarray((z[:, None] < self.critical * (1.0 - 1e-14)).sum(axis=1), dtype=np.int64)


def parse_selection(text: str | None) -> Selection | None:
    """Selection from its text; None for "none".

    Raises
    ------
    ModelError : no such selection, or cut points that are none.

    Examples
    --------
    >>> parse_selection("two_sided(0.05, 0.1)").names
    ('omega[0.05,0.1]', 'omega[0.1,1]')
    """
    if text is None or text.strip() == "none":
        return None
    found = re.fullmatch(r"\s*([a-z_]+)\s*\(([^()]*)\)\s*", text)
    if found is None or found[1] not in SIDES:
        raise ModelError(f"selection {text!r}: there is no such. Known: one_sided, two_sided, none. {EXAMPLE}")
    kind = found[1]
    parts = [part.strip() for part in found[2].split(",") if part.strip()]
    stated = [part for part in parts if "=" in part]
    side = _side(text, kind, stated)
    cuts = tuple(_cut(text, part) for part in parts if part not in stated)
    if not cuts:
        raise ModelError(f"selection {text!r}: no cut point. {EXAMPLE}")
    if any(low >= high for low, high in pairwise(cuts)):
        raise ModelError(f"selection {text!r}: cut points must increase, each stated once. {EXAMPLE}")
    return Selection(kind, cuts, side)


def _side(text: str, kind: str, stated: list[str]) -> str:
    if not stated:
        return ""
    side = re.sub(r"\s*side\s*=\s*", "", stated[0]).strip("'\"")
    if len(stated) > 1 or side not in SIDES[kind]:
        wanted = " or ".join(f"side={name}" for name in SIDES[kind]) or "no side: both are looked at"
        raise ModelError(f"selection {text!r}: {', '.join(stated)}. Expected {wanted}.")
    return side


def _cut(text: str, part: str) -> float:
    try:
        cut = float(part)
    except ValueError:
        cut = float("nan")
    if not (isfinite(cut) and 0.0 < cut < 1.0):
        raise ModelError(f"selection {text!r}: cut point {part}. A cut point is a p value between 0 and 1. {EXAMPLE}")
    return cut
