"""Borrowing of strength: what two outcomes together say beyond what each says alone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesmeta.posterior.marginal import Marginal
from bayesmeta.posterior.posterior import Posterior
from bayesmeta.tables import records
from bayesmeta.types import Json

if TYPE_CHECKING:
    from bayesmeta.posterior.joint import JointPosterior

QUANTITIES = ("mu", "tau", "theta_new")
LEVELS = np.array([0.5, 0.025, 0.975])


@dataclass(frozen=True, eq=False)
class Borrowing:
    """The joint fit beside the two separate ones.

    Attributes
    ----------
    table : one row for each quantity and outcome: fit, quantity, outcome, median, lower, upper and sd of the joint
        fit, the same of the separate one with `_alone`, sd_ratio (joint / alone: below 1, the other outcome helped) and
        shift (joint mean - separate mean, in separate sds). On the model's scale.
    sentence : the finding in words.
    about : the likelihood, which tells one from another: in the name of its file.
    """

    table: pd.DataFrame
    sentence: str
    about: str

    def to_dict(self) -> Json:
        """Plain data."""
        return {"sentence": self.sentence, "quantities": records(self.table)}


def borrowing(joint: "JointPosterior", separate: tuple[Posterior, Posterior]) -> Borrowing:
    """Compare a joint fit with the separate fits of its two outcomes.

    Parameters
    ----------
    joint : of both outcomes.
    separate : of each alone, in the order of the outcomes, with the same priors.

    Returns
    -------
    Borrowing

    References
    ----------
    Riley 2009, J R Stat Soc A 172:789; Jackson, White, Price, Copas & Riley 2017, Stat Methods Med Res 26:2853
    (borrowing of strength).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> found = bm.fit(bm.load("attachment/classification"), bm.JointModel("normal")).borrowing()
    >>> bool((found.table["sd_ratio"] < 1).all())
    True
    """
    rows: list[dict[str, object]] = []
    for kind in QUANTITIES:
        for outcome, alone in zip(joint.outcomes, separate):
            together = joint[f"{kind}[{outcome}]"]
            row: dict[str, object] = {"fit": joint.label, "quantity": kind, "outcome": outcome}
            rows.append(row | _columns(together, "") | _columns(alone[kind], "_alone"))
    table = pd.DataFrame(rows)
    table["sd_ratio"] = table["sd"] / table["sd_alone"]
    table["shift"] = (table["mean"] - table["mean_alone"]) / table["sd_alone"]
    return Borrowing(table, _sentence(joint, table), joint.model.likelihood)


def _columns(marginal: Marginal, suffix: str) -> dict[str, object]:
    numbers = [*marginal.quantile(LEVELS).tolist(), *(np.nan if m is None else m for m in (marginal.mean, marginal.sd))]
    return {f"{name}{suffix}": value for name, value in zip(("median", "lower", "upper", "mean", "sd"), numbers)}


def _sentence(joint: "JointPosterior", table: pd.DataFrame) -> str:
    parts = []
    for row in table[table["quantity"] == "mu"].to_dict("records"):
        together, alone = (
            "{:.2f} ({:.2f} to {:.2f})".format(
                *np.exp([row[f"{name}{suffix}"] for name in ("median", "lower", "upper")])
            )
            for suffix in ("", "_alone")
        )
        ratio = "" if np.isnan(row["sd_ratio"]) else f", sd of the log OR times {row['sd_ratio']:.2f}"
        parts.append(f"{row['outcome']} OR {together} jointly, {alone} alone{ratio}")
    k = len(joint.studies_in_model)
    both = int(joint.effects.reported.all(axis=1).sum())
    return f"Borrowing of strength ({joint.label}; {both} of {k} trials report both outcomes): {'; '.join(parts)}."
