"""How fast the posterior of tau falls, and the refusal where that is no distribution."""

from bayesmeta.errors import PriorError
from bayesmeta.priors.base import HeterogeneityPrior
from bayesmeta.wording import counted


def posterior_tail(prior: HeterogeneityPrior, trials: int, flat: int, what: str = "") -> float:
    """The power with which p(tau | y) falls: a + b - q.

    p(y | tau) falls as tau^-(b - q) with b trials and q flat coefficients, the prior as tau^-a (a infinite for light
    tails); tau^r has an expectation where the sum of both exceeds r + 1.

    Parameters
    ----------
    prior : of tau.
    trials : b, those that bound tau.
    flat : q, coefficients with a flat prior.
    what : which trials these are, in the words of the refusal: "that bound tau".

    Returns
    -------
    float > 1

    Raises
    ------
    PriorError : it does not fall fast enough to be a distribution.

    References
    ----------
    Gelman 2006, Bayesian Analysis 1:515, section 2; Roever 2020, J Stat Softw 93(6), section 2.

    Examples
    --------
    >>> from bayesmeta.priors import HalfCauchy
    >>> posterior_tail(HalfCauchy(0.5), trials=3, flat=1)
    4.0
    """
    tail = prior.tail_exponent + trials - flat
    if not tail > 1.0:
        # Where every coefficient has a proper prior, only that of tau is left to be changed.
        coefficients = f" and {counted(flat, 'flat coefficient')}" if flat else ""
        instead = "a proper prior for mu, such as odds_ratio_within(250), or " if flat else ""
        raise PriorError(
            f"tau prior {prior} with {counted(trials)}{what and ' '}{what}{coefficients}: the posterior is improper."
            f" State {instead}a tau prior with a lighter tail, such as half_normal(0.5)."
        )
    return tail
