"""What is sampled where baselines tell of each other: the structure to compile, and the numbers that go into it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.effects import IndependentRows
from bayesmeta.errors import ModelError, PriorError
from bayesmeta.likelihoods.arms import log_odds
from bayesmeta.model import Design, Model
from bayesmeta.model.model import CONTROL_RISK
from bayesmeta.nuts.plan import (
    COLUMNS_STEP,
    COUNTS,
    NO_INFORMATION,
    SPARE_COEFFICIENT,
    TRIALS_STEP,
    Family,
    Plan,
    Structure,
    family_of,
    known_form,
)
from bayesmeta.priors import Prior
from bayesmeta.types import Array

if TYPE_CHECKING:
    import pymc as pm

#: Columns of the table before the design: coordinates of the baseline and of the effect, events, totals.
FIRST = ("baseline", "baseline se", "effect", "effect se", "r0", "r1", "n0", "n1")


@dataclass(frozen=True)
class TiedStructure(Structure):
    """What a compiled model depends on.

    Attributes
    ----------
    mean, sd : families of the priors of m and s; None where baselines are independent, m and s then being numbers.
    slope : position of the coefficient of control risk among the coefficients; -1 without it.
    """

    mean: Family | None = None
    sd: Family | None = None
    slope: int = -1

    @property
    def transformed(self) -> tuple[str, ...]:
        """Names of what is sampled on another scale than its own."""
        return ("tau", "baseline_sd")

    def model(self) -> "pm.Model":
        """The PyMC model, which loads when it is asked for."""
        from bayesmeta.nuts.control_risk.build import build

        return build(self)


@dataclass(frozen=True, eq=False)
class TiedPlan(Plan):
    """A structure with its numbers.

    Attributes
    ----------
    centre : log odds of the control arm about which the regression is centred.
    """

    centre: float = 0.0


def tied_plan(counts: Array, y: Array, se: Array, model: Model, design: Design) -> TiedPlan:
    """Structure and numbers of a fit.

    Parameters
    ----------
    counts : (k, 4) events treated, total treated, events control, total control.
    y, se : (k,) observed log odds ratios with standard errors.
    model, design : what is assumed, and the design matrix (k, p).

    Returns
    -------
    TiedPlan, centred about the mean observed log odds of the control arms.

    Raises
    ------
    ModelError
        A moderator that is called control_risk.
    PriorError
        Independent baselines whose prior is not normal.
    """
    if model.control_risk and CONTROL_RISK in design.columns:
        raise ModelError(f'moderators "{model.moderators}": control_risk names the regression. Rename the column.')
    k, p = design.matrix.shape
    names = [*design.columns, *([CONTROL_RISK] if model.control_risk else [])]
    spare = -len(names) % COLUMNS_STEP
    coefficients: list[Prior] = [*(model.prior_of(name) for name in names), *([SPARE_COEFFICIENT] * spare)]
    tau = None if model.random_effects == "none" else model.tau_prior
    size = k + -k % TRIALS_STEP
    table = np.zeros((size, len(FIRST) + len(coefficients)))
    table[:k, : len(FIRST)] = np.column_stack([*_coordinates(counts, y, se, model), counts[:, COUNTS]])
    table[k:, [1, 3]] = NO_INFORMATION
    table[:k, len(FIRST) : len(FIRST) + p] = design.matrix
    tied = model.exchangeable
    centre = float(log_odds(counts[:, 2], counts[:, 3])[0].mean())
    priors = [
        *coefficients,
        *([] if tau is None else [tau]),
        *([] if tied is None else [tied.mean_prior, tied.sd_prior]),
    ]
    structure = TiedStructure(
        likelihood="binomial",
        coefficients=tuple(family_of(prior) for prior in coefficients),
        tau=None if tau is None else family_of(tau),
        baseline=None,
        baseline_at=model.baseline_at,
        trials=size,
        mean=None if tied is None else family_of(tied.mean_prior),
        sd=None if tied is None else family_of(tied.sd_prior),
        slope=p if model.control_risk else -1,
    )
    numbers = [value for prior in priors for value in known_form(prior)[1].values()]
    numbers += [] if tied is not None else list(independent(model))
    rows = IndependentRows(y, se, None, None, 0.0)
    return TiedPlan(structure, table, np.array([*numbers, centre]), k, len(names), rows, centre=centre)


def independent(model: Model) -> tuple[float, float]:
    """m and s of the independent normal baselines of a regression on control risk.

    Raises
    ------
    PriorError
        Baselines that are not normal.
    """
    gaussian = model.baseline_prior.gaussian
    if gaussian is None or not np.isfinite(gaussian[1]):
        raise PriorError(
            f"baseline prior {model.baseline_prior}: a regression on control risk has normal baselines, such as"
            " normal(0, 5), or exchangeable ones, such as exchangeable(normal(0, 5), half_normal(1))."
        )
    return gaussian


def _coordinates(counts: Array, y: Array, se: Array, model: Model) -> tuple[Array, Array, Array, Array]:
    """Where the data alone would put each baseline and each effect, with standard errors: see `build`.

    With the baseline in the control arm the effect is what the treated arm shows beyond it, so its coordinate is the
    treated arm's log odds, from which the baseline is taken.
    """
    control, control_se = log_odds(counts[:, 2], counts[:, 3])
    treated, treated_se = log_odds(counts[:, 0], counts[:, 1])
    if model.baseline_at == "control":
        return control, control_se, treated, treated_se
    return 0.5 * (control + treated), 0.5 * np.hypot(control_se, treated_se), y, se
