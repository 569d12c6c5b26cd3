"""The priors of the default grid: families, and scales about the given one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import log
from typing import cast

from bayesmeta.errors import PriorError
from bayesmeta.model import ByColumn
from bayesmeta.model.omega import parse_omega
from bayesmeta.posterior import Posterior
from bayesmeta.posterior.several_taus import PosteriorOfSeveralTaus
from bayesmeta.priors import EffectPrior, HeterogeneityPrior, Normal, parse_prior

#: Half-normal and half-Cauchy scales from narrow to wide (Roever 2020: 0.5, and 1 as the wider check), a half-t between
#: them, the vague ones that the literature warns of, the empirical prior of Cochrane reviews (Turner 2015, all
#: outcomes), and the reference priors, which have their scale from the standard errors.
TAU = (
    *("half_normal(0.1)", "half_normal(0.25)", "half_normal(0.5)", "half_normal(1)", "half_normal(2)"),
    *("half_cauchy(0.25)", "half_cauchy(0.5)", "half_cauchy(1)"),
    *("half_t(4, 0.5)", "half_t(4, 1)"),
    *("uniform(0, 2)", "uniform(0, 10)"),
    *("exponential(2)", "exponential(1)"),
    *("lognormal(-1.28, 0.87)", "jeffreys", "dumouchel", "uniform_shrinkage"),
)
#: Wide, the unit-information prior, a doubter's (95% for odds ratios between 1/7 and 7), and flat.
MU = ("odds_ratio_within(250)", "normal(0, 4)", "normal(0, 1)", "flat")


#: Where every pair is a fit of its own: a tau for each level, log tau linear in moderators. Of counts a fit is longer.
TAU_FEW = ("half_normal(0.25)", "half_normal(1)", "half_cauchy(0.5)", "uniform(0, 2)", "lognormal(-1.28, 0.87)")
MU_FEW = ("normal(0, 1)", "flat")
TAU_FEWEST, MU_FEWEST = TAU_FEW[:3], MU_FEW[:1]
#: No opinion, weights that fall with p or need not; less significant trials published more often too; and selection
#: that is strong a priori (mean weight 1/4, 1/10). Known weights leave no omega to report: they are fits of their own.
OMEGA = ("cumulative_dirichlet", "uniform(0, 1)", "uniform(0, 2)", "beta(1, 3)", "beta(1, 9)")
FACTORS = (0.5, 2.0)  # of the scale of the prior of alpha

Tau = HeterogeneityPrior | ByColumn


def tau_priors(posterior: Posterior, asked: Sequence[HeterogeneityPrior | str] | None) -> list[Tau]:
    """The priors of tau to try: the given one first, then those asked for, or the default ones; each once.

    Where tau differs by level, a prior is that of every tau; the given one may be another for each.
    """
    if posterior.model.random_effects == "none":
        return [posterior.model.tau_prior]  # it has no part in the model
    default = (TAU_FEWEST if _of_counts(posterior) else TAU_FEW) if posterior.model.tau_differs else TAU
    found: list[Tau] = [cast(HeterogeneityPrior, parse_prior(prior, "tau")) for prior in _some("tau", asked, default)]
    return _once([prior_given(posterior), *found] if asked is None else found)


def mu_priors(posterior: Posterior, asked: Sequence[EffectPrior | str] | None) -> list[EffectPrior]:
    """The priors of mu to try, likewise."""
    if "mu" not in posterior.design.columns:
        return [cast(EffectPrior, posterior.model.mu)]  # likewise
    default = (MU_FEWEST if _of_counts(posterior) else MU_FEW) if posterior.model.tau_differs else MU
    found = [cast(EffectPrior, parse_prior(prior, "mu")) for prior in _some("mu", asked, default)]
    return _once([posterior.model.prior_of("mu"), *found] if asked is None else found)


def _some[T](parameter: str, asked: Sequence[T] | None, default: Sequence[str]) -> Sequence[T | str]:
    """Those asked for, or the default ones."""
    if asked is None:
        return default
    if not len(asked):
        raise PriorError(
            f"{parameter}=[] holds no prior to try. Name at least one, or leave it out for the default ones."
        )
    return asked


def further_priors(posterior: Posterior) -> tuple[str, dict[str, object]]:
    """What else has a prior to vary (alpha, omega, "" for nothing), and its priors by their text, the given first."""
    model = posterior.model
    if model.selection_parts is not None and model.omega_prior.sticks(weights := model.selection_parts.intervals - 1):
        # With one weight cumulative_dirichlet and uniform(0, 1) are the same distribution: each of them once.
        each: dict[object, str] = {}
        for prior in (model.omega_prior, *map(parse_omega, OMEGA)):
            each.setdefault((prior.sticks(weights), prior.chained and weights > 1), str(prior))
        return "omega", {text: text for text in each.values()}
    if model.scale is None:
        return "", {}
    names = posterior.parameters
    columns = [name[len("alpha[") : -1] for name in names if name.startswith("alpha[")]
    priors = {column: model.alpha_prior(column) for column in columns}
    found: dict[str, object] = {_words(priors): model.alpha}
    for factor in FACTORS:
        wider: dict[str, EffectPrior] = {
            column: replace(prior, scale=factor * prior.scale) if isinstance(prior, Normal) else prior
            for column, prior in priors.items()
        }
        found[_words(wider)] = wider
    return "alpha", found


def prior_given(posterior: Posterior) -> Tau:
    """The prior of tau as given: where levels have priors of their own, that of every level."""
    model = posterior.model
    if not isinstance(posterior, PosteriorOfSeveralTaus) or not isinstance(model.tau, ByColumn):
        return model.tau_prior
    own = {level: model.tau_prior_of(level) for level in posterior.heterogeneity.levels}
    first = next(iter(own.values()))
    return first if all(prior == first for prior in own.values()) else ByColumn(cast(dict[str, EffectPrior], own))


def words_of(prior: object) -> str:
    """A prior, or those of the levels, as text."""
    return _words(prior) if isinstance(prior, Mapping) else str(prior)


def proper(prior: Tau) -> bool:
    """Whether it is a density, or all of them are."""
    return all(one.proper for one in (prior.values() if isinstance(prior, Mapping) else [prior]))


def _words(priors: Mapping[str, object]) -> str:
    texts = dict.fromkeys(map(str, priors.values()))
    return next(iter(texts)) if len(texts) == 1 else ", ".join(f"{name}: {prior}" for name, prior in priors.items())


def _of_counts(posterior: Posterior) -> bool:
    return posterior.model.likelihood != "normal" or posterior.model.random_effects != "normal"


def rescaled(prior: HeterogeneityPrior, factor: float) -> HeterogeneityPrior:
    """The same prior with tau measured in units `factor` times as large: P(tau > factor x) is what P(tau > x) was.

    Parameters
    ----------
    prior : of a family with a scale (half_normal, half_cauchy, half_t), a rate, limits or a log-normal location.
    factor : > 0.

    Raises
    ------
    PriorError
        A family without any of these, such as one that has its scale from the standard errors.

    Examples
    --------
    >>> from bayesmeta.priors import Exponential, HalfT
    >>> rescaled(HalfT(3, 0.5), 2.0), rescaled(Exponential(2), 2.0)
    (HalfT(df=3.0, scale=1.0), Exponential(rate=1.0))
    """
    parts = {name: getattr(prior, name) for name in type(prior).parameters()}
    by_name = {
        "scale": lambda value: value * factor,
        "low": lambda value: value * factor,
        "high": lambda value: value * factor,
        "rate": lambda value: value / factor,
        "mu": lambda value: value + log(factor),
    }
    moved = {name: by_name[name](value) for name, value in parts.items() if name in by_name}
    other = replace(prior, **moved) if moved else prior
    if not moved or abs(other.cdf(factor * 0.7) - prior.cdf(0.7)) > 1e-12:
        raise PriorError(f"tau prior {prior}: it has no scale that could be widened.")
    return other


def _once[P](priors: list[P]) -> list[P]:
    return list(dict.fromkeys(priors))
