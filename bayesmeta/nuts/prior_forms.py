"""Each prior as the PyMC model writes it: a family with its parameters, all of them numbers that may change."""

from bayesmeta.priors import EffectPrior, HeterogeneityPrior, Prior

KNOWN = "known"  # no distribution: the one value that the prior allows

Form = tuple[str, dict[str, float]]


def form_of(prior: Prior) -> Form | None:
    """Family and parameters: of PyMC where it has the distribution, or a known value.

    Parameters
    ----------
    prior : of an effect or of tau.

    Returns
    -------
    name of a PyMC distribution, or KNOWN, with its parameters by name; None where there is no such form.

    Examples
    --------
    >>> from bayesmeta.priors import parse_prior
    >>> form_of(parse_prior("half_normal(0.5)"))
    ('HalfNormal', {'sigma': 0.5})
    >>> form_of(parse_prior("fixed(0.3)"))
    ('known', {'value': 0.3})
    """
    if prior.pymc is not None:
        return prior.pymc
    if isinstance(prior, HeterogeneityPrior) and prior.point is not None:
        return KNOWN, {"value": float(prior.point)}
    if isinstance(prior, EffectPrior) and prior.gaussian is not None:  # a mixture of one
        location, scale = prior.gaussian
        return "Normal", {"mu": location, "sigma": scale}
    return None
