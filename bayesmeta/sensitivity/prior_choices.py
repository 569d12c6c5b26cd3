"""The priors of the default grid: families, and scales about the given one."""

from collections.abc import Sequence
from typing import cast

from bayesmeta.errors import PriorError
from bayesmeta.posterior import Posterior
from bayesmeta.priors import EffectPrior, HeterogeneityPrior, parse_prior

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


def tau_priors(posterior: Posterior, asked: Sequence[HeterogeneityPrior | str] | None) -> list[HeterogeneityPrior]:
    """The priors of tau to try: the given one first, then those asked for, or the default ones; each once."""
    if posterior.model.random_effects == "none":
        return [posterior.model.tau_prior]  # it has no part in the model
    found = [cast(HeterogeneityPrior, parse_prior(prior, "tau")) for prior in (TAU if asked is None else asked)]
    return _once([posterior.model.tau_prior, *found] if asked is None else found)


def mu_priors(posterior: Posterior, asked: Sequence[EffectPrior | str] | None) -> list[EffectPrior]:
    """The priors of mu to try, likewise."""
    if "mu" not in posterior.design.columns:
        return [cast(EffectPrior, posterior.model.mu)]  # likewise
    found = [cast(EffectPrior, parse_prior(prior, "mu")) for prior in (MU if asked is None else asked)]
    return _once([posterior.model.prior_of("mu"), *found] if asked is None else found)


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
    from dataclasses import replace
    from math import log

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
