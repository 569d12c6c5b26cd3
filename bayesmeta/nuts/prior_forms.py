"""Each prior as the PyMC model writes it: a family with its parameters, all of them numbers that may change."""

from bayesmeta.priors import EffectPrior, HeterogeneityPrior, Prior

KNOWN = "known"  # no distribution: the one value that the prior allows
MIXTURE = "normal mixture"
ACCURACY = 1e-6  # relative, of the density of a Student-t component as a mixture of normals

Form = tuple[str, dict[str, float]]


def form_of(prior: Prior) -> Form | None:
    """Family and parameters: of PyMC where it has the distribution, else a known value or a mixture of normals.

    Parameters
    ----------
    prior : of an effect or of tau.

    Returns
    -------
    name of a PyMC distribution, KNOWN or MIXTURE, with its parameters by name; None where there is no such form.

    Examples
    --------
    >>> from bayesmeta.priors import parse_prior
    >>> form_of(parse_prior("half_normal(0.5)"))
    ('HalfNormal', {'sigma': 0.5})
    >>> name, parameters = form_of(parse_prior("mixture(0.9, normal(0.6, 0.2), 0.1, normal(0, 2))", "mu"))
    >>> name, list(parameters.values())
    ('normal mixture', [0.9, 0.1, 0.6, 0.0, 0.2, 2.0])
    """
    if prior.pymc is not None:
        return prior.pymc
    if isinstance(prior, HeterogeneityPrior) and prior.point is not None:
        return KNOWN, {"value": float(prior.point)}
    parts = prior.as_normal_mixture(ACCURACY) if isinstance(prior, EffectPrior) else None
    if parts is None:
        return None
    names = [f"{letter}{j}" for letter in ("w", "mu", "sigma") for j in range(len(parts[0]))]
    return MIXTURE, dict(zip(names, (float(value) for part in parts for value in part), strict=True))
