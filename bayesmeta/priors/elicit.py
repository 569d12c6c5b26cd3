"""A prior from what somebody believes: probabilities of a few values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, fields
from itertools import product
from typing import Any

import numpy as np

from bayesmeta.errors import PriorError
from bayesmeta.priors.base import Array, HeterogeneityPrior, Prior, key, register
from bayesmeta.priors.parameters import ABOVE_ONE, NOT_NEGATIVE, POSITIVE, ParameterError, number_text, quoted
from bayesmeta.priors.uniform import Uniform

ATTAINED = 1e-9  # within which a probability must be met
FAR = 1e6  # residual where parameters leave the range of floats


def elicit(family: str | type[Prior], *quantiles: tuple[float, float], **known: float) -> Prior:
    """The member of a family with the stated quantiles: P(X <= value) = p for each (p, value).

    As many quantiles as the family has parameters that are not given by name. What somebody believes about tau comes
    best as "a typical value" (p = 0.5) and "hardly beyond" (p = 0.95). For whole distributions drawn by hand or fitted
    to many quantiles there is PreliZ, which is not part of this package.

    Parameters
    ----------
    family : name or class of a family whose parameters are numbers, such as "half_normal" or HalfNormal.
    quantiles : pairs (p, value), p between 0 and 1, value on the scale of the parameter (log odds ratio).
    known : parameters that are fixed beforehand, such as df=4.

    Returns
    -------
    Prior : its cdf at each value is p to 1e-9.

    Raises
    ------
    PriorError : no such family, the wrong number of quantiles, a fixed parameter out of its range, or quantiles that no
        member has.

    References
    ----------
    O'Hagan et al. 2006, Uncertain Judgements, section 5 (fitting a distribution to elicited quantiles).

    Examples
    --------
    >>> print(f"{elicit('half_normal', (0.95, 1.0)).scale:.4f}")
    0.5102
    >>> prior = elicit("lognormal", (0.5, 0.3), (0.975, 1.5))
    >>> [round(prior.quantile(p), 6) for p in (0.5, 0.975)]
    [0.3, 1.5]
    >>> round(elicit("half_t", (0.95, 1.0), df=4).scale, 4)
    0.3602
    """
    cls = _family(family)
    free = _free(cls, known, len(quantiles))
    _refuse_known(cls, known)
    p, value = _points(cls, quantiles)
    if len(free) == 1:
        solution = _one(cls, free[0], known, float(p[0]), float(value[0]))
    else:
        solution = _several(cls, free, known, p, value)
    if solution is not None and np.all(np.abs(np.asarray(solution.cdf(value)) - p) <= ATTAINED):
        return solution
    asked = " and ".join(f"P(X <= {number_text(v)}) = {number_text(q)}" for q, v in zip(p, value, strict=True))
    why = _why_none(cls, p, value)
    raise PriorError(
        f"{cls.text_name} prior with {asked}: there is none{why}. Change a value, or choose another family."
    )


def _family(family: str | type[Prior]) -> type[Prior]:
    if isinstance(family, type) and issubclass(family, Prior):
        return family
    families = {key(name): cls for name, cls in register().items()}
    if not isinstance(family, str) or key(family) not in families:
        raise PriorError(f"prior {quoted(str(family))}: no family of that name. `bayesmeta priors` lists all.")
    return families[key(family)]


def _free(cls: type[Prior], known: dict[str, float], given: int) -> list[Field[Any]]:
    """The parameters to solve for."""
    numbers = [parameter for parameter in fields(cls) if parameter.type == "float"]
    for name in known:
        if name not in cls.parameters():
            raise PriorError(
                f"{cls.text_name} prior: no parameter {name!r}, only {', '.join(cls.parameters()) or 'none'}."
            )
    free = [parameter for parameter in numbers if parameter.name not in known]
    if not free or cls.text_name == "fixed":
        raise PriorError(f"{cls.text_name} prior: it has no parameters to choose.")
    if len(free) != given:
        names = " and ".join(parameter.name for parameter in free)
        stated = f"{given} quantile{'s are' if given != 1 else ' is'} stated to find {names}"
        remedy = "State one (p, value) for each, or fix parameters by name."
        raise PriorError(f"{cls.text_name} prior: {stated}. {remedy}")
    return free


def _refuse_known(cls: type[Prior], known: dict[str, float]) -> None:
    """Refuse a parameter that is fixed at a value that no member of the family has."""
    member = object.__new__(cls)
    for parameter in fields(cls):
        object.__setattr__(member, parameter.name, known.get(parameter.name, 0.0))
    for parameter in fields(cls):
        if parameter.name in known:
            try:
                member._checked(parameter, known[parameter.name])
            except ParameterError as error:
                raise PriorError(f"{cls.text_name} prior: {error.finding}") from None


def _why_none(cls: type[Prior], p: Array, value: Array) -> str:
    """Why a family has no member with these quantiles, where that can be seen."""
    if cls is Uniform and len(p) > 1:
        lower = float(value[0] - p[0] * (value[1] - value[0]) / (p[1] - p[0]))
        if lower < 0.0:
            return f", for its lower end would be {lower:.2g}, below 0"
    return ""


def _points(cls: type[Prior], quantiles: Sequence[tuple[float, float]]) -> tuple[Array, Array]:
    try:
        pairs = np.array(quantiles, dtype=float).reshape(len(quantiles), 2)
    except (TypeError, ValueError):
        raise PriorError(f"{cls.text_name} prior: a quantile is a pair (p, value), such as (0.95, 1.0).") from None
    p, value = pairs[np.argsort(pairs[:, 0])].T
    low = 0.0 if issubclass(cls, HeterogeneityPrior) else -np.inf
    if not (np.all((p > 0) & (p < 1)) and np.all((value > low) & np.isfinite(value))):
        domain = "positive" if low == 0.0 else "finite"
        raise PriorError(f"{cls.text_name} prior: p must lie between 0 and 1, and each value must be {domain}.")
    if np.any(np.diff(p) <= 0) or np.any(np.diff(value) <= 0):
        raise PriorError(f"{cls.text_name} prior: with a higher p must come a higher value.")
    return p, value


def _parameter(parameter: Field[Any], x: float) -> float:
    """A parameter from a number on the whole line, so that its bounds need no care."""
    wanted = parameter.metadata.get("must be")
    if wanted == NOT_NEGATIVE["must be"]:
        return abs(x)
    if wanted == ABOVE_ONE["must be"]:
        return 1.0 + float(np.exp(x))
    return x if wanted is None else float(np.exp(x))


def _member(cls: type[Prior], free: Sequence[Field[Any]], known: dict[str, float], x: Array) -> Prior | None:
    try:
        with np.errstate(over="ignore", under="ignore"):
            values = {parameter.name: _parameter(parameter, float(xi)) for parameter, xi in zip(free, x, strict=True)}
        return cls(**{**known, **values})
    except PriorError:
        return None


def _one(cls: type[Prior], free: Field[Any], known: dict[str, float], p: float, value: float) -> Prior | None:
    """One parameter: the first sign change of the cdf's deviation, from common values outwards."""
    from scipy.optimize import brentq

    def deviation(x: float) -> float:
        prior = _member(cls, [free], known, np.array([x]))
        return np.nan if prior is None else float(prior.cdf(value)) - p

    grid = np.linspace(-30.0, 30.0, 241)
    if free.metadata.get("must be") is None:
        grid = value + np.sinh(grid / 3.0)
    found = np.array([deviation(x) for x in grid])
    changes = np.flatnonzero(found[:-1] * found[1:] <= 0)
    if not len(changes):
        return None
    start = changes[np.argmin(np.abs(changes - len(grid) // 2))]
    x = brentq(deviation, grid[start], grid[start + 1], xtol=1e-15, rtol=4 * np.finfo(float).eps)
    return _member(cls, [free], known, np.array([x]))


def _several(
    cls: type[Prior], free: Sequence[Field[Any]], known: dict[str, float], p: Array, value: Array
) -> Prior | None:
    """Two or more parameters: least squares on the quantiles, from several starts."""
    from scipy.optimize import least_squares

    positive = bool(np.all(value > 0)) and issubclass(cls, HeterogeneityPrior)
    spread = float(value[-1] - value[0])

    def deviation(x: Array) -> Array:
        prior = _member(cls, free, known, x)
        if prior is None:
            return np.full(len(p), FAR)
        quantile = np.asarray(prior.quantile(p))
        with np.errstate(divide="ignore"):
            found = np.log(quantile / value) if positive else (quantile - value) / spread
        return np.clip(np.nan_to_num(found, nan=FAR), -FAR, FAR)

    centre, width = (float(np.log(value).mean()), np.log(spread)) if positive else (float(value.mean()), np.log(spread))
    best: tuple[float, Prior | None] = (np.inf, None)
    for shift, other in product((0.0, -1.0, 1.0, 2.0, -3.0), (centre, 2.0 * float(value[-1]))):
        starts = {POSITIVE["must be"]: width + shift, NOT_NEGATIVE["must be"]: 0.5 * float(value[0])}
        start = [starts.get(parameter.metadata.get("must be", ""), other) for parameter in free]
        fit = least_squares(deviation, start, x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15)
        if fit.cost < best[0]:
            best = float(fit.cost), _member(cls, free, known, fit.x)
        if best[0] < 1e-24:
            break
    return best[1]
