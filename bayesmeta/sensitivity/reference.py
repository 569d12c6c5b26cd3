"""How far the prior of tau moves the posterior from that under a reference prior, and in which direction."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.model import Model
from bayesmeta.posterior import Marginal, Posterior
from bayesmeta.priors import HalfNormal, HeterogeneityPrior, parse_prior
from bayesmeta.sensitivity.asked import analysis, effect_name, names_asked, names_beside
from bayesmeta.sensitivity.many import Many, Question
from bayesmeta.sensitivity.part import Part, refusals
from bayesmeta.sensitivity.prior_choices import prior_given, words_of
from bayesmeta.sensitivity.refit import with_priors
from bayesmeta.sensitivity.rows import beside, row_of
from bayesmeta.trials import Trials
from bayesmeta.types import Array
from bayesmeta.wording import number, ratio

NO_HETEROGENEITY = HalfNormal(1 / 500)  # Ott 2021: all but certain that there is none
POINTS = 1200
CONSERVATIVE, ANTICONSERVATIVE = "conservative", "anticonservative"


@dataclass(frozen=True, eq=False)
class Reference(Part):
    """The informativeness of the prior of tau.

    Attributes
    ----------
    table : one row a quantity (mu, the effect in question; tau; theta_new): distance (Hellinger, 0 to 1, between the
        posterior as given and that under the reference prior), signed (negative where anticonservative), side
        ("conservative": a wider 95% interval than under the reference prior, for tau a larger median; else
        "anticonservative"), lower, median, upper as given, reference_lower, reference_median, reference_upper;
        to_anticonservative and reference_to_anticonservative (distances of both to the posterior under
        half_normal(1/500)).
    prior : the reference prior, as text.
    """

    prior: str = "jeffreys"

    name = "reference"


def reference(
    posterior: Posterior | Trials, model: Model | None = None, *, prior: HeterogeneityPrior | str = "jeffreys"
) -> Reference:
    """Compare the posterior with that under a reference prior of tau, the prior of mu as given.

    H(p, q) = sqrt(1 - int sqrt(p q)). The source takes its sign from the distances to a posterior that all but rules
    out heterogeneity, H(p, p0) > H(p_ref, p0) being conservative; where these are nearly equal that can contradict
    the intervals, so the sign here is read from the intervals themselves, and the distances are in the table
    (docs/decisions/sensitivity.md).

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials.
    model : with trials, the model; None for the default one.
    prior : the reference prior; Jeffreys's (of tau, mu fixed) as in the source.

    Returns
    -------
    Reference

    Raises
    ------
    ModelError, PriorError
        A model whose tau is known, or too few trials for the reference prior.

    References
    ----------
    Ott, Plummer & Roos 2021, Stat Med 40:4505, doi 10.1002/sim.9076, sections 3.3-3.4.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> part = reference(bm.load("crins2014"), bm.Model("normal", tau=bm.HalfNormal(0.1)))
    >>> part.table["side"].unique().tolist()
    ['anticonservative']
    """
    given = analysis(posterior, model)
    if given.model.random_effects == "none" or given.model.tau_prior.point is not None:
        raise ModelError("tau is known in this model: there is no prior of tau to compare with a reference prior.")
    wanted = cast(HeterogeneityPrior, parse_prior(prior, "tau"))
    rows, affinities = _compared(given, wanted)
    of_tau, of_new = names_asked(given)
    keys = {"mu": ("lower", "median", "upper"), of_tau: ("tau_lower", "tau", "tau_upper")}
    keys |= {name: beside(name) for name in names_beside(given) if name.startswith("tau[") and name != of_tau}
    keys[of_new] = ("new_lower", "new_median", "new_upper")
    table = pd.DataFrame([_row(name, affinities[name], [rows[key] for key in keys[name]]) for name in keys])
    return Reference(table, _sentence(given, table, str(wanted)), refusals([], "quantity"), given, str(wanted))


def _compared(given: Posterior, wanted: HeterogeneityPrior) -> tuple[dict[str, Array], dict[str, Array]]:
    """Computed columns of three posteriors (as given, reference, no heterogeneity), and their affinities."""
    question = Question.of(given)
    if question is None:
        three = [given, with_priors(given, tau=wanted), with_priors(given, tau=NO_HETEROGENEITY)]
        listed = [row_of(one) for one in three]
        rows = {name: np.array([row[name] for row in listed]) for name in listed[0]}
        names = *names_asked(given), *(name for name in names_beside(given) if name.startswith("tau["))
        marginals = {"mu": [one.effect() for one in three]} | {name: [one[name] for one in three] for name in names}
        return rows, {name: _affinities(*_roots(some)) for name, some in marginals.items()}
    mu, se = given.model.prior_of("mu"), given.independent.se
    reference_prior, flat = wanted.given(se), int(np.isinf(given.design.prior_scale).sum())
    needed = reference_prior.least_k(flat)
    if needed > len(se):
        raise ModelError(f"the reference prior {wanted} needs {needed} trials, there are {len(se)}.")
    many = question.posteriors([given.model.tau_prior.given(se), reference_prior, NO_HETEROGENEITY], [mu])
    return many.rows(), {
        "mu": _affinities(*_densities(many, new=False)),
        "tau": _affinities(np.sqrt(many.nodes.weights), np.ones(len(many.nodes.tau))),
        "theta_new": _affinities(*_densities(many, new=True)),
    }


def _roots(marginals: list[Marginal]) -> tuple[Array, Array]:
    """Square roots of densities, and the weights of their points, from the marginals themselves."""
    centre, low, high = (np.array([float(one.quantile(p)) for one in marginals]) for p in (0.5, 1e-9, 1.0 - 1e-9))
    middle = 0.0 if marginals[0].name.startswith("tau") else float(centre[2])
    unit = float(min(one.quantile(0.8) - one.quantile(0.2) for one in marginals))
    first, last = (float(np.arcsinh((end - middle) / unit)) for end in (low.min(), high.max()))
    v = np.linspace(first, last, POINTS)
    if middle == 0.0 and low.min() >= 0.0:
        v = np.linspace(0.0, v[-1], POINTS)
    measure = unit * np.cosh(v) * (v[1] - v[0])
    measure[[0, -1]] *= 0.5
    density = np.stack([one.pdf(middle + unit * np.sinh(v)) for one in marginals])
    return np.sqrt(np.maximum(density, 0.0)), measure


def _densities(many: Many, *, new: bool) -> tuple[Array, Array]:
    """Square roots of the three densities (3, X) on points that resolve the narrowest and reach the widest; weights dx.

    The trapezoid rule after x = centre + s sinh(v): both ends have died out, so it converges faster than any power.
    """
    mean = many.given.mean[0]
    sd = np.sqrt(many.given.variance[0] + (many.nodes.tau**2 if new else 0.0))
    seen = many.nodes.weights.max(axis=0) > 1e-15
    mean, sd, weights = mean[seen], sd[seen], many.nodes.weights[:, seen]
    centre, unit = float(mean[np.argmin(sd)]), float(sd.min())
    reach = float(np.arcsinh(np.max(np.abs(mean - centre) + 9.0 * sd) / unit))
    v = np.linspace(-reach, reach, POINTS)
    x = centre + unit * np.sinh(v)
    z = (x - mean[:, None]) / sd[:, None]
    density = weights @ (np.exp(-0.5 * z * z) / (np.sqrt(2.0 * np.pi) * sd[:, None]))
    return np.sqrt(density), unit * np.cosh(v) * (v[1] - v[0])


def _affinities(roots: Array, measure: Array) -> Array:
    """(3, 3) int sqrt(p_i p_j)."""
    return np.asarray((roots * measure) @ roots.T)


def _row(name: str, affinity: Array, ends: list[Array]) -> dict[str, object]:
    distance = np.sqrt(np.maximum(1.0 - affinity, 0.0))
    lower, median, upper = ends
    size = median if name.startswith("tau") else upper - lower
    conservative = bool(size[0] >= size[1])
    columns = dict(zip(("lower", "median", "upper"), (float(end[0]) for end in ends)))
    columns |= dict(zip(("reference_lower", "reference_median", "reference_upper"), (float(end[1]) for end in ends)))
    return {
        "quantity": name,
        "distance": distance[0, 1],
        "signed": distance[0, 1] if conservative else -distance[0, 1],
        "side": CONSERVATIVE if conservative else ANTICONSERVATIVE,
        **columns,
        "to_anticonservative": distance[0, 2],
        "reference_to_anticonservative": distance[1, 2],
    }


def _sentence(given: Posterior, table: pd.DataFrame, prior: str) -> str:
    by_name = table.set_index("quantity").to_dict("index")
    mu, others = by_name["mu"], [name for name in by_name if str(name).startswith("tau")]
    ends = [f"{ratio(mu[f'{of}lower'])} to {ratio(mu[f'{of}upper'])}" for of in ("", "reference_")]
    return (
        f"Against the reference prior {prior}, {words_of(prior_given(given))} is {mu['side']} for the"
        f" {effect_name(given)}: its 95% interval is {ends[0]} and not {ends[1]} (Hellinger distance"
        f" {number(mu['distance'])}); {'; '.join(_of_tau(str(name), by_name[name]) for name in others)}."
    )


def _of_tau(name: str, row: dict[Any, Any]) -> str:
    medians = f"{number(row['median'])} and not {number(row['reference_median'])}"
    return f"{name} is {medians} ({row['side']}, {number(row['distance'])})"
