"""The prior grid: odds ratio, new setting and P of one side under each prior, with what the data say alone."""

from matplotlib.figure import Figure

from bayesmeta.plots.captions import title_of
from bayesmeta.plots.sensitivity_rows import Row, draw_rows, numbers_of
from bayesmeta.plots.style import in_style
from bayesmeta.sensitivity import PriorGrid
from bayesmeta.sensitivity.prior_choices import prior_given, words_of
from bayesmeta.wording import counted

INCHES = 6.0
FURTHER = {"alpha_prior": "α", "omega_prior": "ω"}


@in_style
def sensitivity_priors(grid: PriorGrid) -> Figure:
    """Forest of priors: a line for each prior of tau, a colour for each prior of mu.

    The band is the 95% interval under flat priors of both, what the trials say alone; the dashed line in the right
    panel is the probability at which the interval takes in OR 1, and a hollow point is a prior under which the
    conclusion flips.

    Parameters
    ----------
    grid : from `bayesmeta.sensitivity.prior_grid`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-priors".

    References
    ----------
    Lambert et al. 2005, Stat Med 24:2401, figure 1 (results by prior).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity import prior_grid
    >>> grid = prior_grid(bm.load("crins2014"), tau=["half_normal(0.5)", "half_normal(1)"])
    >>> sensitivity_priors(grid).get_label()
    'sensitivity-priors'
    """
    rows: dict[str, dict[str, dict[str, float]]] = {}
    more = [name for name in FURTHER if name in grid.table]
    others = grid.table[more].to_dict("records") if more else [{} for _ in range(len(grid.table))]
    labels = zip(grid.table["tau_prior"], grid.table["mu_prior"], others, numbers_of(grid.table), strict=True)
    for tau, mu, other, numbers in labels:
        if other != others[0] and tau != grid.table["tau_prior"].iloc[0]:
            continue
        third = [f", {FURTHER[str(name)]} ~ {prior}" for name, prior in other.items()]
        rows.setdefault(f"τ ~ {tau}{''.join(third)}", {})[f"μ ~ {mu}"] = numbers
    hidden = len(grid.table) - sum(map(len, rows.values()))
    data = grid.data_only
    return draw_rows(
        "sensitivity-priors",
        f"{title_of(grid.posterior.trials, INCHES)}: other priors",
        grid,
        [Row(label, series) for label, series in rows.items()],
        side=grid.side,
        band=None if data is None else (data["lower"], data["upper"]),
        note=_note(grid, hidden),
    )


def _note(grid: PriorGrid, hidden: int) -> str:
    """The priors as given, and what is not in the picture: pairs that were refused, the trials alone."""
    given = f"As given: μ ~ {grid.posterior.model.prior_of('mu')}, τ ~ {words_of(prior_given(grid.posterior))}."
    refused = len(grid.refused)
    missing = f"{counted(refused, 'pair')} cannot be fitted and {'is' if refused == 1 else 'are'} left out."
    alone = "The data alone (flat priors) have no band: improper, or not computed for this model."
    if hidden:
        given += f" Priors of {' and '.join(FURTHER[name] for name in FURTHER if name in grid.table)} but the one as"
        given += f" given stand here with the τ as given alone; {hidden} more rows are in the table."
    return "\n".join([given, *([missing] if refused else []), *([alone] if grid.data_only is None else [])])
