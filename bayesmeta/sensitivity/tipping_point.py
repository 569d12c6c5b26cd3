"""How much it takes to change the conclusion: scepticism about the effect, heterogeneity, trials."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.errors import BayesmetaError, ConvergenceError, ModelError, PriorError
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.priors import EffectPrior, HalfNormal, HeterogeneityPrior, Normal
from bayesmeta.sensitivity.asked import analysis, name_of_probability, side_of, trials_of
from bayesmeta.sensitivity.count_subsets import CountSubsets, rows_under
from bayesmeta.sensitivity.crossing import Crossing, Curve, crossing
from bayesmeta.sensitivity.many import Many, Question
from bayesmeta.sensitivity.part import Part, refusals
from bayesmeta.sensitivity.prior_choices import rescaled
from bayesmeta.sensitivity.refit import with_priors
from bayesmeta.sensitivity.removals import Removal, fewest_removed
from bayesmeta.sensitivity.rows import Row, completed, row_of
from bayesmeta.sensitivity.sceptics import Sceptics, asks_elsewhere
from bayesmeta.sensitivity.words import probability
from bayesmeta.trials import Trials
from bayesmeta.types import Array
from bayesmeta.wording import counted, listed, number, rounded

BOUNDS = (0.975, 0.95)
EFFECT_SCALES = (0.01, 100.0)
TAU_SCALES = (0.001, 10.0)  # tau 10 is a factor of 10^8 between settings: beyond it nothing is meant
FACTORS = (0.01, 100.0)
ALL_SMALLER = "all smaller sets tried"
BETWEEN = "; "  # names of trials may have commas
AGREE = 1e-8  # of a probability, by two routes
CURVE_POINTS, FEW_POINTS = 33, 9  # where a point costs microseconds, and where it costs a fit

Route = Callable[[float], Row]


@dataclass(frozen=True, eq=False)
class TippingPoint(Part):
    """What it takes to change the conclusion.

    Attributes
    ----------
    table : question ("sceptical prior of mu", "half-normal prior of tau", "wider prior of tau", "trials removed"),
        bound (of the probability; 0.975 is the 95% interval's taking in OR 1), status ("found", "never below" the
        bound, "always below" it), scale, prior (text), odds_ratio (of the sceptical prior: its 95% lies within 1/x
        and x), trials (those removed, with semicolons between), how ("root"; "all smaller sets tried", else up to
        which size all sets were tried, and up to which some), probability (there; of the side asked about).
    curve : question, scale, prior and the columns of `rows.COLUMNS` along each range of scales.
    """

    curve: pd.DataFrame = field(default_factory=pd.DataFrame)

    name = "tipping_point"


@dataclass(frozen=True, eq=False)
class Scan:
    """One question about a scale: the priors that belong to it, and how its curve runs."""

    question: str
    low: float
    high: float
    rising: bool
    priors: Callable[[float], tuple[HeterogeneityPrior, EffectPrior]]
    varies: str
    bounds: tuple[float, ...]


def tipping_point(
    posterior: Posterior | Trials,
    model: Model | None = None,
    *,
    bounds: tuple[float, ...] = BOUNDS,
    trials: bool = True,
) -> TippingPoint:
    """Search the point at which the conclusion flips.

    Sceptical prior: mu ~ N(0, s^2) in place of the prior of mu; the largest s at which P(effect on its side of OR 1)
    is still below a bound. Where the question is about another setting than the intercept's, in place of the prior of
    the effect there. Prior of tau: the smallest scale, of a half-normal and of the given family, at which it falls
    below 0.975, that is at which the 95% interval takes in OR 1. Trials: the fewest without which it does.

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials.
    model : with trials, the model; None for the default one.
    bounds : probabilities for the sceptical prior.
    trials : whether to search for trials to remove (the slowest part for likelihoods of counts).

    Returns
    -------
    TippingPoint

    References
    ----------
    Spiegelhalter, Freedman & Parmar 1994, J R Stat Soc A 157:357, section 6 (sceptical priors); Matthews 2018, R Soc
    Open Sci 5:171047; Atal et al. 2019, J Clin Epidemiol 111:32 (fragility of meta-analyses, by events).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> part = tipping_point(bm.load("crins2014"), bm.Model("normal"))
    >>> part.table.loc[part.table["question"] == "trials removed", "trials"].item()
    'Heffron (2003); Schuller (2005); Ganschow (2005)'
    """
    given = analysis(posterior, model)
    side = side_of(given)
    rows, curves, refused = [], [], []
    for scan in _scans(given, bounds):
        try:
            answers, curve = _answered(given, side, scan)
            rows += answers
            curves.append(curve)
        except BayesmetaError as error:
            refused.append({"question": scan.question, "reason": str(error)})
    if given.model.random_effects == "normal" and not isinstance(given.model.tau, Mapping):
        try:
            rescaled(given.model.tau_prior, 2.0)
        except PriorError as error:
            refused.append({"question": "wider prior of tau", "reason": str(error)})
    if trials:
        rows.append(_trials_row(given, side))
    table = pd.DataFrame(rows)
    along = pd.concat(curves, ignore_index=True) if curves else pd.DataFrame()
    return TippingPoint(table, _sentence(given, side, table, along), refusals(refused, "question"), given, along)


def _scans(given: Posterior, bounds: tuple[float, ...]) -> list[Scan]:
    """The questions about scales that make sense for this model."""
    tau, mu = given.model.tau_prior, given.model.prior_of("mu")
    scans = []
    if "mu" in given.design.columns:
        sceptical = "sceptical prior of mu"
        scans.append(Scan(sceptical, *EFFECT_SCALES, True, lambda s: (tau, Normal(0.0, s)), "mu", bounds))
    if given.model.random_effects != "none":
        half_normal = "half-normal prior of tau"
        scans.append(Scan(half_normal, *TAU_SCALES, False, lambda s: (HalfNormal(s), mu), "tau", (0.975,)))
        if not isinstance(tau, HalfNormal) and not isinstance(given.model.tau, Mapping) and _can_widen(tau):
            scans.append(Scan("wider prior of tau", *FACTORS, False, lambda s: (rescaled(tau, s), mu), "tau", (0.975,)))
    return scans


def _can_widen(prior: HeterogeneityPrior) -> bool:
    try:
        rescaled(prior, 2.0)
    except PriorError:
        return False
    return True


def _together(given: Posterior, scan: Scan) -> Callable[[Array], Many] | None:
    """The posteriors along a scan at once, where the model is of the kind that allows it."""
    question = Question.of(given)
    if scan.varies == "mu" and asks_elsewhere(given):
        return None
    if question is None or given.model.tau_prior.point is not None or given.model.prior_of("mu").gaussian is None:
        return None

    def at(scales: Array) -> Many:
        pairs = [scan.priors(float(scale)) for scale in scales]
        taus = list(dict.fromkeys(tau.given(given.independent.se) for tau, _ in pairs))
        return question.posteriors(taus, list(dict.fromkeys(mu for _, mu in pairs)))

    return at


def _answered(given: Posterior, side: int, scan: Scan) -> tuple[list[dict[str, object]], pd.DataFrame]:
    """Where each bound is crossed, and the answers along the range of scales."""
    at = _together(given, scan)
    scales, rows = _along(given, scan, at)
    table = completed(rows, given.trials.direction)
    known = dict(zip(scales.tolist(), table["above"].tolist()))

    def curve_of(route: Route) -> Curve:
        def curve(wanted: Array) -> Array:
            above = np.array([known[one] if one in known else route(one)["above"] for one in wanted.tolist()])
            return above if side > 0 else 1.0 - above

        return curve

    curve = curve_of(_route(given, scan, at))
    by_weights = at is None and scan.varies == "mu" and not asks_elsewhere(given)
    quick = curve_of(_reweighted(Sceptics.of(given))) if by_weights else curve
    labels: dict[str, object] = {"question": scan.question, "scale": scales}
    labels["prior"] = [str(scan.priors(float(scale))[scan.varies == "mu"]) for scale in scales]
    answers = [_row(scan, bound, _root(scan, bound, scales, curve, quick), curve) for bound in scan.bounds]
    return answers, pd.concat([pd.DataFrame(labels), table], axis=1)


def _root(scan: Scan, bound: float, scales: Array, curve: Curve, quick: Curve) -> Crossing:
    """Where the curve crosses the bound: by a quick curve where the curve itself agrees there, else by the curve."""
    if quick is not curve:
        try:
            where = crossing(quick, scales, bound, rising=scan.rising)
            if where.status != "found" or abs(float(curve(np.array([where.scale]))[0]) - bound) < AGREE:
                return where
        except ConvergenceError:
            pass  # the quick curve does not fit the grid, which is the curve's own
    return crossing(curve, scales, bound, rising=scan.rising)


def _route(given: Posterior, scan: Scan, at: Callable[[Array], Many] | None) -> Route:
    """The answer at one scale, by the same means as along the range of scales."""
    if at is not None:
        return lambda scale: {name: float(values[0]) for name, values in at(np.array([scale])).rows().items()}
    if scan.varies == "mu" and asks_elsewhere(given):
        return _reweighted(Sceptics.of(given))
    counts = CountSubsets.of(given) if scan.varies == "mu" else None
    if counts is None:
        return lambda scale: row_of(_with(given, scan, scale))
    return lambda scale: counts.sceptical(np.array([scale]))[0] or row_of(_with(given, scan, scale))


def _reweighted(sceptics: Sceptics) -> Route:
    return lambda scale: sceptics.rows(np.array([scale]))[0]


def _along(
    given: Posterior, scan: Scan, at: Callable[[Array], Many] | None
) -> tuple[Array, dict[str, Array] | list[Row]]:
    """The range of scales, and the answers there."""
    scales = np.geomspace(scan.low, scan.high, CURVE_POINTS)
    if at is not None:
        return scales, at(scales).rows()
    if scan.varies == "mu" and asks_elsewhere(given):
        sceptics = Sceptics.of(given)
        scales = scales[[sceptics.holds(scale) for scale in scales.tolist()]]
        if not len(scales):
            raise ModelError("the effect in this setting is too far from OR 1 for its posterior to answer a sceptic.")
        return scales, sceptics.rows(scales)
    counts = CountSubsets.of(given)
    if counts is None:
        scales = np.geomspace(scan.low, scan.high, FEW_POINTS)
        return scales, [row_of(_with(given, scan, scale)) for scale in scales.tolist()]
    if scan.varies == "mu":
        rows = counts.sceptical(scales)
    else:
        rows = list(rows_under(given, [scan.priors(scale)[0] for scale in scales.tolist()]))
    return scales, [row or row_of(_with(given, scan, scale)) for row, scale in zip(rows, scales.tolist(), strict=True)]


def _with(given: Posterior, scan: Scan, scale: float) -> Posterior:
    """The posterior with the prior that belongs to a scale; only the varied one is another."""
    tau, mu = scan.priors(scale)
    return with_priors(given, mu=mu) if scan.varies == "mu" else with_priors(given, tau=tau)


def _row(scan: Scan, bound: float, where: Crossing, curve: Curve) -> dict[str, object]:
    there = where.status == "found"
    end = where.scale if there else scan.high
    prior = scan.priors(where.scale)[scan.varies == "mu"] if there else None
    return {
        "question": scan.question,
        "bound": bound,
        "status": where.status,
        "scale": where.scale,
        "prior": "" if prior is None else str(prior),
        "odds_ratio": float(np.exp(1.959963984540054 * where.scale)) if there and scan.varies == "mu" else np.nan,
        "trials": "",
        "removed": np.nan,
        "how": "root",
        "probability": float(curve(np.array([end]))[0]),
    }


def _trials_row(given: Posterior, side: int) -> dict[str, object]:
    """The fewest trials without which the 95% interval takes in OR 1, unless it does already."""
    bound = 0.975
    above = given.effect().probability(above=0.0)
    now = above if side > 0 else 1.0 - above
    found = Removal((), now, True, 0, 0) if now < bound else fewest_removed(given, side, bound)
    status = "always below" if now < bound else "never below" if found.studies is None else "found"
    removed = found.studies if status == "found" and found.studies is not None else ()
    return {
        "question": "trials removed",
        "bound": bound,
        "status": status,
        "scale": np.nan,
        "prior": "",
        "odds_ratio": np.nan,
        "trials": BETWEEN.join(removed),
        "removed": float(len(removed)) if removed else np.nan,
        "how": ALL_SMALLER if found.exact else _how_far(found, len(trials_of(given))),
        "probability": found.probability,
    }


def _how_far(found: Removal, k: int) -> str:
    """Which sets were looked at."""
    if found.all_tried == k - 1:
        return "all sets tried"
    more = f", some of up to {found.some_tried}" if found.some_tried > found.all_tried else ""
    return f"all sets of up to {counted(found.all_tried)} tried{more}"


def _sentence(given: Posterior, side: int, table: pd.DataFrame, along: pd.DataFrame) -> str:
    """Each tipping point in words."""
    name = name_of_probability(side, bool(given.trials.direction))
    above = given.effect().probability(above=0.0)
    narrowest = along.groupby("question")["scale"].min().to_dict() if len(along) else {}
    parts = [_in_words(row | {"narrowest": narrowest.get(row["question"])}) for row in table.to_dict("records")]
    said = "; ".join(part for part in parts if part)
    return f"{name} is {probability(above if side > 0 else 1.0 - above)}. {said[:1].upper()}{said[1:]}."


def _in_words(row: dict[Any, Any]) -> str:
    return {"sceptical prior of mu": _sceptic, "trials removed": _removed}.get(row["question"], _wider)(row)


def _sceptic(row: dict[Any, Any]) -> str:
    falls = f"falls below {row['bound']:g}"
    if row["status"] == "always below":
        return f"it is below {row['bound']:g} even with a flat prior of mu"
    if row["status"] == "never below":
        return f"no sceptical prior down to normal(0, {row['narrowest']:.3g}) brings it below {row['bound']:g}"
    limits = f"{number(1.0 / row['odds_ratio'])} and {number(row['odds_ratio'])}"
    prior = rounded(row["prior"])
    return f"it {falls} for a sceptic whose prior of the effect is {prior}, 95% for odds ratios between {limits}"


def _wider(row: dict[Any, Any]) -> str:
    half_normal = row["question"].startswith("half")
    kind = "half-normal prior of tau" if half_normal else "prior of tau of the given family"
    if row["status"] == "found":
        return f"with a {kind} the 95% interval takes in OR 1 from {rounded(row['prior'])} on"
    if row["status"] == "always below":
        return f"it is below {row['bound']:g} with the narrowest {kind} already"
    widest = f"scale {TAU_SCALES[1]:g}" if half_normal else f"{FACTORS[1]:g} times the given width"
    return f"no {kind} up to {widest} makes the 95% interval take in OR 1"


def _removed(row: dict[Any, Any]) -> str:
    if row["status"] == "always below":
        return ""
    if row["status"] == "never below":
        return f"no removal of trials makes the 95% interval take in OR 1 ({row['how']})"
    names = row["trials"].split(BETWEEN)
    return f"without {listed(names, 6)} ({counted(len(names))}; {fewer(row)}) the 95% interval takes in OR 1"


def fewer(row: Mapping[Any, Any]) -> str:
    """Whether fewer trials might do than those of a row of the table, in words."""
    return "no fewer do it" if row["how"] == ALL_SMALLER else f"fewer might do: {row['how']}"
