"""Do both engines give the same posterior?"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaError, ModelError
from bayesmeta.nuts import NutsJointPosterior, NutsPosterior
from bayesmeta.posterior import JointPosterior, Marginal, Posterior
from bayesmeta.posterior.draws import DrawsMarginal
from bayesmeta.tables import records
from bayesmeta.types import Json

LIMIT = 4.0
PROBABILITIES = (0.025, 0.5, 0.975)


@dataclass(frozen=True, eq=False)
class SamePosterior:
    """Every compared number, in units of its Monte Carlo standard error.

    Attributes
    ----------
    table : one row a number: quantity, statistic ("mean", "2.5%", "50%", "97.5%"), exact, draws, mcse, z.
    worst : the row with the largest |z|.
    ok : whether |z| < 4 in every row.
    sentence : the finding in words.
    """

    table: pd.DataFrame
    worst: "pd.Series[Any]"
    ok: bool
    sentence: str

    def require(self) -> Self:
        """The same, or a BayesmetaError where the engines disagree."""
        if not self.ok:
            raise BayesmetaError(self.sentence)
        return self

    def to_dict(self) -> Json:
        """Plain data."""
        return {"ok": self.ok, "sentence": self.sentence, "comparisons": records(self.table)}


def same_posterior(exact: Posterior | JointPosterior, draws: Posterior | JointPosterior) -> SamePosterior:
    """Compare a posterior without Monte Carlo error with one by draws.

    z = (from draws - exact) / MCSE, for the mean and the 2.5%, 50% and 97.5% quantiles of each coefficient, tau,
    theta_new and each study effect. The engines agree where |z| < 4 throughout.

    The rows are many and depend on each other. Were they 50, independent and normal, two right engines would exceed 4
    once in 300 comparisons, and 3 once in 8: so the limit is 4 for every row, and the row furthest out is named.

    The MCSE of a quantile is sqrt(p (1 - p) / ESS) / p(x) with the exact density. Taken from the spacing of the draws,
    as is usual where no density is known, it is now and then far too small, and two right engines seem to disagree.

    Parameters
    ----------
    exact : of the exact engine.
    draws : of the NUTS engine, of the same model and trials.

    Returns
    -------
    SamePosterior

    Raises
    ------
    ModelError
        Other engines than these, or posteriors of different models or trials.

    References
    ----------
    Vehtari et al. 2021, Bayesian Analysis 16:667 (effective sample sizes for means and quantiles).
    """
    sampled_ones = NutsPosterior | NutsJointPosterior
    if not isinstance(draws, sampled_ones) or isinstance(exact, sampled_ones):
        raise ModelError(
            f"same_posterior compares a posterior without Monte Carlo error with one by draws; it was given engines"
            f' "{exact.engine}" and "{draws.engine}". Fit once with --engine exact, once with --engine nuts.'
        )
    _refuse_other_question(exact, draws)
    rows: list[dict[str, object]] = []
    for name, sampled in draws.quantities.items():
        if isinstance(sampled, DrawsMarginal):
            rows += _rows(name, _known(exact, name), sampled)
    table = pd.DataFrame(rows)
    size = np.nan_to_num(table["z"].abs().to_numpy(), nan=np.inf)
    worst, ok = table.iloc[int(size.argmax())], bool((size < LIMIT).all())
    return SamePosterior(table, worst, ok, f"{draws.label}: {_sentence(worst, len(table), ok)}")


def _known(exact: Posterior | JointPosterior, name: str) -> Marginal:
    """The exact marginal of a quantity by the name that it has among the draws."""
    if not name.startswith("theta["):
        return exact[name]
    if isinstance(exact, JointPosterior):
        study, outcome = name[6:-1].rsplit(", ", 1)
        return exact.study(study, outcome)
    return exact.study(name[6:-1])


def _rows(name: str, known: Marginal, sampled: DrawsMarginal) -> list[dict[str, object]]:
    """Mean, where it exists, and quantiles."""
    import arviz as az

    found = []
    if known.mean is not None and known.sd is not None:  # without a variance an average has no standard error
        found.append(("mean", known.mean, float(sampled.chains.mean()), az.mcse(sampled.chains, method="mean")))
    for p, value, estimate in zip(PROBABILITIES, known.quantile(_P), sampled.quantile(_P)):
        size = az.ess(sampled.chains, method="quantile", prob=p)
        with np.errstate(divide="ignore", invalid="ignore"):
            error = np.sqrt(p * (1.0 - p) / size) / known.pdf(value)
        found.append((f"{p:.1%}".replace(".0%", "%"), float(value), float(estimate), error))
    return [
        {
            "quantity": name,
            "statistic": statistic,
            "exact": value,
            "draws": estimate,
            "mcse": float(error),
            "z": (estimate - value) / float(error),
        }
        for statistic, value, estimate, error in found
    ]


_P = np.array(PROBABILITIES)


def _refuse_other_question(exact: Posterior | JointPosterior, draws: Posterior | JointPosterior) -> None:
    if exact.model != draws.model:
        one, other = exact.model.to_dict(), draws.model.to_dict()
        part = next(name for name in one if one[name] != other[name])
        raise ModelError(
            f"same_posterior: the models differ in {part}: {one[part]} (exact) and {other[part]} (nuts). Fit one model"
            " by both."
        )
    if exact.trials.fingerprint != draws.trials.fingerprint:
        raise ModelError(
            f"same_posterior: the trials differ: {exact.trials.name}, {len(exact.studies_in_model)} trials (exact) and"
            f" {draws.trials.name}, {len(draws.studies_in_model)} trials (nuts). Fit the same trials by both."
        )


def _sentence(worst: "pd.Series[Any]", rows: int, ok: bool) -> str:
    what = worst["statistic"] if worst["statistic"] == "mean" else f"{worst['statistic']} quantile"
    furthest = f"{what} of {worst['quantity']}, {worst['draws']:.4f} by NUTS and {worst['exact']:.4f} exactly"
    if ok:
        return (
            f"exact quadrature and NUTS agree on all {rows} numbers within Monte Carlo error; furthest apart is the"
            f" {furthest}, {abs(worst['z']):.1f} standard errors (limit {LIMIT:.0f})."
        )
    return (
        f"Exact quadrature and NUTS disagree: {furthest}, {abs(worst['z']):.1f} Monte Carlo standard errors apart"
        f" (limit {LIMIT:.0f}). One of the engines is wrong for this model: do not use either, and report it."
    )
