"""The evidence in words: what it is and what it is not."""

from bayesmeta.trials import Trials
from bayesmeta.wording import counted, spanned


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
        return f"{outcome}: {counted(trials.number)}."
    printed = spanned(published.odds_ratio, *published.odds_ratio_interval)
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
