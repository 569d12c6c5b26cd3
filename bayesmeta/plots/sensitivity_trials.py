"""Trials left out one at a time, and trials as they came in."""

from matplotlib.figure import Figure

from bayesmeta.plots.captions import title_of
from bayesmeta.plots.sensitivity_rows import Row, draw_rows, numbers_of
from bayesmeta.plots.style import in_style
from bayesmeta.sensitivity import Cumulative, LeaveOneOut

INCHES = 6.0


@in_style
def sensitivity_leave_one_out(part: LeaveOneOut) -> Figure:
    """The pooled odds ratio without each trial.

    Parameters
    ----------
    part : from `bayesmeta.sensitivity.leave_one_out`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-leave-one-out".

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity import leave_one_out
    >>> sensitivity_leave_one_out(leave_one_out(bm.load("crins2014"), bm.Model("normal"))).get_label()
    'sensitivity-leave-one-out'
    """
    rows = [
        Row(f"without {study}", {"": numbers})
        for study, numbers in zip(part.table["study"], numbers_of(part.table), strict=True)
    ]
    title = f"{title_of(part.posterior.trials, INCHES)}: one trial left out"
    return draw_rows("sensitivity-leave-one-out", title, part, rows, side=part.side)


@in_style
def sensitivity_cumulative(part: Cumulative) -> Figure:
    """The pooled odds ratio as trials are added.

    Parameters
    ----------
    part : from `bayesmeta.sensitivity.cumulative`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-cumulative".

    References
    ----------
    Lau et al. 1992, N Engl J Med 327:248, figure 1.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity import cumulative
    >>> sensitivity_cumulative(cumulative(bm.load("bcg"))).get_label()
    'sensitivity-cumulative'
    """
    rows = []
    labels = zip(part.table["study"], part.table["k"], part.table["value"], numbers_of(part.table), strict=True)
    for study, k, value, numbers in labels:
        text = _written(part.by, value)
        rows.append(Row(f"{k}: + {study}{f' ({text})' if text and text not in study else ''}", {"": numbers}))
    title = f"{title_of(part.posterior.trials, INCHES)}: cumulative by {part.by}"
    return draw_rows("sensitivity-cumulative", title, part, rows, side=part.side)


def _written(by: str, value: object) -> str:
    """The value that a trial was ordered by."""
    if by == "order":
        return ""
    if by == "precision":
        return f"SE {value:.2g}"
    return f"{value:g}" if isinstance(value, float | int) else str(value)
