"""The parts of a model as they are given, read or refused by name."""

from collections.abc import Mapping
from typing import Any, cast

from bayesmeta.errors import ModelError
from bayesmeta.model.by_column import ByColumn
from bayesmeta.model.omega import OmegaPrior, parse_omega
from bayesmeta.priors import EffectPrior, HeterogeneityPrior, Prior, parse_prior

DOUBTFUL = "doubtful"  # what a model's plain data say of priors whose numbers are in doubt

#: Parts that are text in a language of their own, each with an example.
TEXTS = {
    "random_effects": "student_t(4)",
    "moderators": "~ dose + site",
    "scale": "~ dose",
    "tau_by": "site",
    "selection": "one_sided(0.025)",
}


def refuse_no_text(name: str, value: object, default: object) -> None:
    """Refuse a part that should be text and is not; None is taken where it is the default."""
    if name in TEXTS and not isinstance(value, str) and not (value is None and default is None):
        none = ", or None" if default is None else ""
        raise ModelError(f'{name} {value!r}: expected text such as "{TEXTS[name]}"{none}.')


def one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ModelError(f"{what} {value!r}: there is no such. Known: {', '.join(known)}.")


def correlation_of(value: float | str) -> float:
    try:
        correlation = float(value)
    except (TypeError, ValueError):
        correlation = float("nan")
    if not 0.0 <= correlation < 1.0:
        raise ModelError(f"arm correlation {value!r}: expected a number of at least 0 and below 1, such as 0.5.")
    return correlation


def prior_for(prior: Any, role: str) -> EffectPrior | HeterogeneityPrior:
    if isinstance(prior, str):
        return cast(EffectPrior | HeterogeneityPrior, parse_prior(prior, role))
    wanted = HeterogeneityPrior if role == "tau" else EffectPrior
    if not isinstance(prior, wanted):
        raise ModelError(
            f"{role} prior {prior!r}: expected a prior for {'heterogeneity' if role == 'tau' else 'an effect'}."
        )
    return prior


def priors_of(given: Any, role: str) -> EffectPrior | HeterogeneityPrior | ByColumn:
    if isinstance(given, Mapping):
        return ByColumn({str(name): cast(EffectPrior, prior_for(prior, role)) for name, prior in given.items()})
    return prior_for(given, role)


def prior_of_omega(prior: Any) -> OmegaPrior:
    if isinstance(prior, OmegaPrior):
        return prior
    if not isinstance(prior, str):
        raise ModelError(f'omega prior {prior!r}: expected text such as "cumulative_dirichlet" or "uniform(0, 1)".')
    return parse_omega(prior)


def plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: str(prior) for name, prior in value.items()}
    return value if value is None or isinstance(value, str | float | bool) else str(value)


def doubts_of(value: Any) -> str | dict[str, str]:
    """Why the numbers of a prior are in doubt, by column where each has its own; empty where they are not."""
    if isinstance(value, Mapping):
        return {name: reason for name, prior in value.items() if (reason := prior.doubtful)}
    return value.doubtful if isinstance(value, Prior) else ""
