"""The forest as a tidy table: one row a line of the picture, before anything is drawn."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.frequentist import Pools
from bayesmeta.model import Setting
from bayesmeta.plots.densities import Three
from bayesmeta.plots.settings import group_title, groups_of, new_settings, settings_of
from bayesmeta.posterior import Posterior
from bayesmeta.types import Array

#: Frequentist rows of the picture: method, interval, and what they are called.
YARDSTICKS = (("REML", "wald", "REML"), ("RevMan", "wald", "DL (RevMan)"))
_EMPTY = (np.nan, np.nan, np.nan)


@dataclass(frozen=True)
class Row:
    """One line: what it is called, and its log odds ratios.

    Parameters
    ----------
    kind : "heading", "trial", "group", "pooled", "new", "yardstick", "published".
    label : text at the left.
    observed : estimate, lower and upper of what does not come from the posterior.
    posterior : median, lower and upper of what does.
    treated, control : "events/total", or "".
    weight : percent; NaN where the row has none.
    """

    kind: str
    label: str
    observed: tuple[float, float, float] = _EMPTY
    posterior: tuple[float, float, float] = _EMPTY
    treated: str = ""
    control: str = ""
    weight: float = field(default=np.nan)


def weights(posterior: Posterior) -> Array:
    """Share of each trial in the information on the mean effect, in percent: (k,).

    w_i = E[ (s_i^2 + tau^2)^-1 / sum_j (s_j^2 + tau^2)^-1 | y ]: without moderators and with a flat prior of mu, the
    weight of y_i in the posterior mean of mu. Arms that share a control have the weight of their trial, in proportion
    to s_i^-2: by itself an arm's weight may be negative.

    References
    ----------
    Roever & Friede 2021, Res Synth Methods 12:448 (posterior mean weights).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> round(float(weights(bm.fit(bm.load("bcg"), bm.Model("normal"))).sum()), 9)
    100.0
    """
    tau = posterior.taus_of_trials()
    rows = posterior.independent
    ones = rows.of(np.ones(len(rows.se)))
    precision = ones**2 / (rows.se**2 + tau**2)
    share = np.asarray(100.0 * (precision / precision.sum(axis=1, keepdims=True)).mean(axis=0))
    for positions in posterior.effects.shared:
        arms = list(positions)
        own = posterior.effects.se[arms] ** -2.0
        share[arms] = share[arms].sum() * own / own.sum()
    return share


def forest_rows(posterior: Posterior, pools: Pools | None = None, plain: Posterior | None = None) -> list[Row]:
    """The lines of a forest plot, from top to bottom.

    Parameters
    ----------
    posterior : with its trials; a categorical moderator makes groups.
    pools : frequentist pools of the same trials, for comparison.
    plain : posterior without moderators, for the pooled effect of all trials where `posterior` has moderators.

    Raises
    ------
    ModelError
        Pools of another measure, or a `plain` posterior that has moderators.
    """
    if plain is not None and plain.design.moderators:
        raise ModelError(f'plain: the model "{plain.model.moderators}" has moderators. It must have none.')
    if pools is not None and pools.effects.measure != posterior.effects.measure:
        raise ModelError(
            f"pools are of the measure {pools.effects.measure}, the posterior of {posterior.effects.measure}:"
            " one axis cannot show both."
        )
    settings = groups_of(posterior)
    trials = _trial_rows(posterior)
    rows: list[Row] = []
    for label, setting in settings.items():
        members = [row for row, group in zip(trials, posterior.design.group_of(), strict=True) if group == label]
        rows.append(Row("heading", group_title(setting)))
        rows.extend(members)
        rows.extend(_summary(posterior, setting, "group", f"Pooled, k = {posterior.group_of_trials().count(label)}"))
    rows.extend([] if settings else trials)
    if settings and (plain is not None or pools is not None or posterior.trials.published is not None):
        rows.append(Row("heading", "All trials"))
    rows.extend(_overall(posterior, plain, grouped=bool(settings)))
    rows.extend(_yardsticks(pools))
    rows.extend(_published(posterior))
    return rows


def forest_table(posterior: Posterior, pools: Pools | None = None, *, plain: Posterior | None = None) -> pd.DataFrame:
    """The numbers of the forest plot as a table, one row a line, on the scale of log odds ratios.

    Parameters
    ----------
    posterior, pools, plain : as for `forest`.

    Returns
    -------
    DataFrame: kind, label, treated, control, observed, observed_lower, observed_upper, median, lower, upper, weight.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> table = forest_table(bm.fit(bm.load("attachment/disorganised"), bm.Model("normal")))
    >>> table["kind"].tolist()
    ['trial', 'trial', 'trial', 'pooled', 'new', 'published']
    """
    columns = ["kind", "label", "treated", "control", "observed", "observed_lower", "observed_upper"]
    records: list[tuple[Any, ...]] = [
        (row.kind, row.label, row.treated, row.control, *row.observed, *row.posterior, row.weight)
        for row in forest_rows(posterior, pools, plain)
    ]
    return pd.DataFrame(records, columns=[*columns, "median", "lower", "upper", "weight"])


def _trial_rows(posterior: Posterior) -> list[Row]:
    counts = posterior.trials.counts[posterior.effects.rows]
    studies = posterior.studies()
    share = weights(posterior)
    rows = []
    for study, four, weight in zip(studies.to_dict("records"), counts, share, strict=True):
        y, half = float(study["y"]), 1.959963984540054 * float(study["se"])
        treated, control = _fraction(four[:2]), _fraction(four[2:])
        shrunken = (float(study["median"]), float(study["lower"]), float(study["upper"]))
        rows.append(Row("trial", study["study"], (y, y - half, y + half), shrunken, treated, control, float(weight)))
    return rows


def _overall(posterior: Posterior, plain: Posterior | None, *, grouped: bool) -> Iterator[Row]:
    """The pooled effect: of the model itself, at the mean of numeric moderators, and of the plain model."""
    if not posterior.design.moderators:
        yield from _summary(posterior, None, "pooled", f"Pooled, k = {posterior.effects.number}")
        return
    if not grouped:
        for at, setting in settings_of(posterior).items():
            yield from _summary(posterior, setting, "pooled", f"At {at}")
    if plain is not None:
        yield from _summary(plain, None, "pooled", f"Pooled, no moderator, k = {plain.effects.number}")


def _summary(posterior: Posterior, setting: Setting | None, kind: str, label: str) -> Iterator[Row]:
    yield Row(kind, label, posterior=Three.of(posterior.effect(setting)).numbers)
    if posterior.model.random_effects != "none":
        for where, new in new_settings(posterior, setting).items():
            yield Row("new", f"In a new setting{where}", posterior=Three.of(new).numbers)


def _yardsticks(pools: Pools | None) -> Iterator[Row]:
    if pools is None:
        return
    table = pools.table
    found = 0
    for method, interval, name in YARDSTICKS:
        match = table[(table["method"] == method) & (table["interval"] == interval)]
        for line in match.to_dict("records"):
            found += 1
            yield Row("yardstick", f"{name}, k = {pools.k}", _interval(line))
    if not found and len(table):  # a single trial has no heterogeneity to estimate
        line = table.to_dict("records")[0]
        yield Row("yardstick", f"{line['method']}, k = {pools.k}", _interval(line))


def _published(posterior: Posterior) -> Iterator[Row]:
    published = posterior.trials.published
    if published is not None:
        numbers = (published.estimate, published.lower, published.upper)
        yield Row("published", f"Published {published.year}, k = {published.k}", numbers)


def _interval(line: dict[Any, Any]) -> tuple[float, float, float]:
    return float(line["estimate"]), float(line["lower"]), float(line["upper"])


def _fraction(events_and_total: Sequence[float] | Array) -> str:
    events, total = events_and_total
    return "" if np.isnan(events) or np.isnan(total) else f"{events:g}/{total:g}"
