"""Priors and likelihood made a little weaker and stronger: p(y | mu, tau)^a p(mu, tau)^b for a and b near 1."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.exact.variations import Powers as Variation
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.sensitivity.asked import analysis
from bayesmeta.sensitivity.many import Question
from bayesmeta.sensitivity.nodes import CommonNodes, common_nodes
from bayesmeta.sensitivity.part import Part, refusals
from bayesmeta.sensitivity.scaled_draws import scaled_draws
from bayesmeta.tables import rows as each
from bayesmeta.trials import Trials
from bayesmeta.types import Array
from bayesmeta.wording import listed, number

DELTA = 0.01
DRAWS = 4000
THRESHOLD = 0.05
CONFLICT, STRONG, NOTHING = "prior-data conflict", "strong prior / weak likelihood", "none"
PANELS, NODES = 40, 12  # of the integral over the quantity


@dataclass(frozen=True)
class Powers:
    """Powers of the likelihood, and of the priors of the coefficients, of tau (with alpha), of selection weights."""

    likelihood: float = 1.0
    coefficients: float = 1.0
    tau: float = 1.0
    weights: float = 1.0


#: What is scaled together: all top-level priors, the likelihood, and the two priors apart.
COMPONENTS: dict[str, Callable[[float], Powers]] = {
    "prior": lambda alpha: Powers(coefficients=alpha, tau=alpha, weights=alpha),
    "likelihood": lambda alpha: Powers(likelihood=alpha),
    "prior_of_mu": lambda alpha: Powers(coefficients=alpha),
    "prior_of_tau": lambda alpha: Powers(tau=alpha),
}


@dataclass(frozen=True, eq=False)
class PowerScaling(Part):
    """Sensitivity of each parameter to its priors and to the likelihood.

    Attributes
    ----------
    table : one row a parameter (mu and the other columns, tau, theta_new, others): prior, likelihood, prior_of_mu (with
        the priors of all coefficients), prior_of_tau: the sensitivities; diagnosis.
    """

    name = "power_scaling"


@dataclass(frozen=True, eq=False)
class PowerScaled:
    """The posteriors at several powers on common nodes of tau, which are normal mixtures of the coefficients.

    Attributes
    ----------
    nodes : of tau; `nodes.weights` is (n, T).
    mean, root : (n, T, p) and (n, T, p, p) of the coefficients at each node.
    """

    nodes: CommonNodes
    mean: Array
    root: Array

    def linear_cdf(self, row: Array, x: Array, *, new: bool = False) -> Array:
        """P(x'beta <= x), or of the effect in a new setting there: (n, len(x))."""
        mean = self.mean @ row
        spread = np.einsum("p,ntpq->ntq", row, self.root)
        sd = np.sqrt(np.einsum("ntq,ntq->nt", spread, spread) + (self.nodes.tau**2 if new else 0.0))
        kept = self.nodes.weights.max(axis=0) > 1e-17
        parts = zip(self.nodes.weights[:, kept], mean[:, kept], sd[:, kept], strict=True)
        return np.stack([w @ ndtr((x - m[:, None]) / s[:, None]) for w, m, s in parts])


def power_scaled(posterior: Posterior, powers: list[Powers]) -> PowerScaled:
    """The posterior with its likelihood and its top-level priors raised to powers.

    A power b of N(m, s^2) is N(m, s^2 / b), of p(tau) is p(tau)^b. A power a of N(y; m, s^2 + tau^2) is the
    likelihood at s^2 / a and tau^2 / a, times (s^2 + tau^2)^((1 - a) / 2).

    Parameters
    ----------
    posterior : of a normal model.
    powers : n of them.

    Raises
    ------
    ModelError
        A model that is not normal throughout.
    """
    question = Question.required(posterior, "power scaling")
    problem, prior = question.problem, posterior.tau_prior

    def problem_at(power: Powers) -> NormalProblem:
        root = np.sqrt(power.likelihood)
        return replace(problem, se=problem.se / root, prior_scale=problem.prior_scale / np.sqrt(power.coefficients))

    problems = [problem_at(power) for power in powers]

    def log_densities(tau: Array) -> Array:
        log_prior = prior.log_density(tau)
        log_variance = np.log(problem.se**2 + tau[:, None] ** 2).sum(axis=1)
        rows = [
            one.given(tau / np.sqrt(power.likelihood)).log_evidence
            + power.tau * log_prior
            + 0.5 * (1.0 - power.likelihood) * log_variance
            for one, power in zip(problems, powers, strict=True)
        ]
        return np.stack(rows)

    nodes = common_nodes(log_densities, question.scale, prior.breaks)
    known = [one.given(nodes.tau / np.sqrt(power.likelihood)) for one, power in zip(problems, powers, strict=True)]
    return PowerScaled(nodes, np.stack([one.mean for one in known]), np.stack([one.root for one in known]))


def power_scaling(
    posterior: Posterior | Trials, model: Model | None = None, *, delta: float = DELTA, draws: int = DRAWS
) -> PowerScaling:
    """Power-scaling sensitivity of each parameter.

    D = (CJS(1 - delta) / -log2(1 - delta) + CJS(1 + delta) / log2(1 + delta)) / 2, with CJS(alpha) the cumulative
    Jensen-Shannon distance between the posterior and the one with a component raised to alpha: for the cdfs P and Q

    CJS^2 = int P log2(2 P / (P + Q)) + Q log2(2 Q / (P + Q)) / int (P + Q), the larger of this and of the same for -x.

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials.
    model : with trials, the model; None for the default one.
    delta : how far the powers are from 1.
    draws : int (P + Q) has no finite limit as its range grows; Kallioinen's range is that of the draws, and here that
        of the middle (the medians of the smallest and the largest) of so many draws.

    Returns
    -------
    PowerScaling, with the sensitivities of `arviz.psense_summary` for the top-level priors. Normal models, and under
    any likelihood a pooled effect or a design of two columns: by quadrature, without Monte Carlo error. By weighting so
    many independent draws: likelihoods of counts with more columns or a known tau, selection (its weights have a prior
    too: it is among `prior`), and a tau that differs (`prior_of_tau` with that of alpha).

    References
    ----------
    Kallioinen, Paananen, Buerkner & Vehtari 2024, Stat Comput 34:57, sections 2.3 and 4.1 (threshold 0.05).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> part = power_scaling(bm.load("crins2014"), bm.Model("normal"))
    >>> part.table["parameter"].tolist()
    ['mu', 'tau', 'theta_new']
    """
    given = analysis(posterior, model)
    exact = _by_variations if Question.of(given) is None else _by_quadrature
    found = exact(given, delta, draws)
    by_draws = found is None
    cdfs = _by_draws(given, delta, draws) if found is None else found
    table = []
    for parameter, (own, measure) in cdfs.items():
        distances = [max(_cjs(own[0], one, measure), _cjs(1.0 - own[0], 1.0 - one, measure)) for one in own[1:]]
        sensitivity = {
            name: 0.5 * (-low / np.log2(1.0 - delta) + high / np.log2(1.0 + delta))
            for name, low, high in zip(COMPONENTS, distances[::2], distances[1::2])
        }
        diagnosis = _diagnosis(sensitivity["prior"], sensitivity["likelihood"])
        table.append({"parameter": parameter, **sensitivity, "diagnosis": diagnosis})
    frame = pd.DataFrame(table)
    said = _sentence(frame) + (f" By {draws} weighted draws." if by_draws else "")
    return PowerScaling(frame, said, refusals([], "parameter"), given)


def _powers(delta: float) -> list[Powers]:
    """As given, then each component weaker and stronger."""
    return [Powers(), *(make(1.0 + side * delta) for make in COMPONENTS.values() for side in (-1.0, 1.0))]


def _by_quadrature(given: Posterior, delta: float, draws: int) -> dict[str, tuple[Array, Array]] | None:
    """Of each parameter the cdfs (n, X) at all powers, and the weights of the points (X,)."""
    scaled = power_scaled(given, _powers(delta))
    columns = given.design.columns
    rows = {name: np.eye(len(columns))[j] for j, name in enumerate(columns)} | {"theta_new": given.design.reference}
    found = {}
    for parameter in given.parameters:
        x, measure = _range(given[parameter].quantile(_extremes(draws)))
        if parameter == "tau":
            found[parameter] = scaled.nodes.cdf(x), measure
        else:
            found[parameter] = scaled.linear_cdf(rows[parameter], x, new=parameter == "theta_new"), measure
    return found


def _by_variations(given: Any, delta: float, draws: int) -> dict[str, tuple[Array, Array]] | None:
    """The same for one or two columns under likelihoods of counts; None where the engine keeps no such integrals."""
    variations = given.prepared.variations if hasattr(given, "prepared") else None
    if variations is None:
        return None
    powers, prior = _powers(delta), given.model.tau_prior.given(given.prepared.standard_errors)
    likelihood, mu, tau = np.array([[one.likelihood, one.coefficients, one.tau] for one in powers]).T
    trials = np.repeat(likelihood[:, None], len(given.effects.y), axis=1)
    variation, columns = Variation(trials, [prior] * len(powers), mu, tau), given.design.columns
    found = {}
    for parameter in given.parameters:
        row = np.eye(len(columns))[columns.index(parameter)] if parameter in columns else given.design.reference
        scaled = variations.along(row).posteriors(variation)
        if scaled is None:
            return None
        x, measure = _range(given[parameter].quantile(_extremes(draws)))
        if parameter == "tau":
            found[parameter] = np.stack([scaled.heterogeneity(s).cdf(x) for s in range(len(powers))]), measure
        else:
            found[parameter] = (scaled.new if parameter == "theta_new" else scaled.effect).cdf(x), measure
    return found


def _by_draws(given: Posterior, delta: float, draws: int) -> dict[str, tuple[Array, Array]]:
    """The same from weighted independent draws, for the other models."""
    drawn = scaled_draws(given, draws)
    found = {}
    for name, values in drawn.values.items():
        order = np.argsort(values)
        cdfs = []
        for power in _powers(delta):
            log_weight = (power.likelihood - 1.0) * drawn.likelihood + (power.coefficients - 1.0) * drawn.coefficients
            log_weight += (power.tau - 1.0) * drawn.tau + (power.weights - 1.0) * drawn.weights
            weight = np.exp(log_weight)[order]
            cdfs.append((np.cumsum(weight) / weight.sum())[:-1])
        found[name] = np.stack(cdfs), np.diff(values[order])
    return found


def _extremes(draws: int) -> Array:
    """Probabilities of the medians of the smallest and the largest of so many draws."""
    return np.array([-np.expm1(np.log(0.5) / draws), 0.5 ** (1.0 / draws)])


def _range(ends: Array) -> tuple[Array, Array]:
    """Gauss-Legendre points between two ends, with their weights."""
    x, w = np.polynomial.legendre.leggauss(NODES)
    edges = np.linspace(float(ends[0]), float(ends[1]), PANELS + 1)
    half = 0.5 * np.diff(edges)[:, None]
    return (edges[:-1, None] + half * (1.0 + x)).ravel(), (half * w).ravel()


def _cjs(p: Array, q: Array, measure: Array) -> float:
    """The cumulative Jensen-Shannon distance of two cdfs on the same points."""
    middle = 0.5 * (p + q)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(p > 0.0, p * np.log2(p / middle), 0.0) + np.where(q > 0.0, q * np.log2(q / middle), 0.0)
    total = float(measure @ (p + q))
    return float(np.sqrt(max(float(measure @ terms), 0.0) / total)) if total > 0.0 else 0.0


def _diagnosis(prior: float, likelihood: float) -> str:
    if prior < THRESHOLD:
        return NOTHING
    return CONFLICT if likelihood >= THRESHOLD else STRONG


def _sentence(table: pd.DataFrame) -> str:
    """The diagnoses, with the sensitivities that lead to them."""
    shown = {
        row.parameter: f"{row.parameter} (prior {number(row.prior)}, likelihood {number(row.likelihood)})"
        for row in each(table)
    }
    meaning = {
        CONFLICT: "prior and trials both move it, a sign that they disagree",
        STRONG: "the prior moves it and the trials hardly do: what is said of it rests on the prior",
    }
    found = [
        f"{listed([shown[name] for name in group['parameter']])}: {meaning[str(diagnosis)]} ({diagnosis})"
        for diagnosis, group in table.groupby("diagnosis", sort=False)
        if diagnosis != NOTHING
    ]
    quiet = [shown[name] for name in table.loc[table["diagnosis"] == NOTHING, "parameter"]]
    if quiet:
        found.append(f"{listed(quiet)}: the prior moves {'it' if len(quiet) == 1 else 'them'} by less than {THRESHOLD}")
    return f"Power scaling, sensitivities above {THRESHOLD} count. {'; '.join(found)}."
