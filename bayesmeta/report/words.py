"""Numbers in words: odds ratios, probabilities, and what the evidence is and is not."""

from bayesmeta.trials import Trials


def odds_ratio(median: float, lower: float, upper: float) -> str:
    """An odds ratio with its interval: three significant digits below 10, fewer above.

    Examples
    --------
    >>> odds_ratio(1.8512, 1.362, 25.23)
    '1.85 (1.36 to 25.2)'
    """
    return f"{number(median)} ({number(lower)} to {number(upper)})"


def number(value: float) -> str:
    """Two decimals below 10, one below 100, whole numbers above; small ones with two significant digits.

    Examples
    --------
    >>> number(0.0312), number(9.994), number(73.19), number(572.3)
    ('0.031', '9.99', '73.2', '572')
    """
    size = abs(value)
    if size >= 1e5 or (0 < size < 1e-4):
        return f"{value:.1e}"
    if size < 0.1 and size > 0:
        return f"{value:.2g}"
    return f"{value:.{2 if size < 9.995 else 1 if size < 99.95 else 0}f}"


def probability(value: float) -> str:
    """A probability that never reads as certainty.

    Examples
    --------
    >>> probability(0.99991), probability(0.9752), probability(1e-7)
    ('> 0.999', '0.975', '< 0.001')
    """
    if value >= 0.9995:
        return "> 0.999"
    if value < 0.0005:
        return "< 0.001"
    return f"{value:.3f}"


def evidence(trials: Trials) -> str:
    """What the table holds of what was published, in one or two sentences.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> evidence(bm.load("attachment/disorganised")).split(".")[0]
    'disorganised attachment: counts of 3 of the 20 published trials can be read'
    """
    outcome = trials.outcome or trials.name
    published = trials.published
    if published is None:
        return f"{outcome}: {trials.number} trial{'s' if trials.number != 1 else ''}."
    printed = odds_ratio(published.odds_ratio, *published.odds_ratio_interval)
    if trials.number < published.k:
        aside = (
            f" {len(trials.set_aside)} further rows of the data file are set aside, each with its reason."
            if len(trials.set_aside)
            else ""
        )
        return (
            f"{outcome}: counts of {trials.number} of the {published.k} published trials can be read. They are not a"
            f" fair sample of them, and this is not a replication of the published pooled OR {printed}.{aside}"
        )
    return f"{outcome}: {trials.number} trials; published were {published.k}, pooled OR {printed}."
