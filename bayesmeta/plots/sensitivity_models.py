"""The model grid: each likelihood, zero-cell rule and random effect, and the frequentist methods below."""

from matplotlib.figure import Figure

from bayesmeta.plots.captions import title_of
from bayesmeta.plots.sensitivity_rows import Row, draw_rows, numbers_of
from bayesmeta.plots.style import in_style
from bayesmeta.sensitivity import ModelGrid

HEADINGS = {"Bayesian": "Bayesian models", "frequentist": "Frequentist methods"}


@in_style
def sensitivity_models(grid: ModelGrid) -> Figure:
    """Forest of models: 95% interval of the odds ratio, and of the effect in a new setting (or prediction interval).

    Parameters
    ----------
    grid : from `bayesmeta.sensitivity.model_grid`.

    Returns
    -------
    matplotlib Figure, labelled "sensitivity-models".

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity import model_grid
    >>> sensitivity_models(model_grid(bm.load("crins2014"), bm.Model("normal"))).get_label()
    'sensitivity-models'
    """
    rows: list[Row] = []
    seen = ""
    for kind, name, numbers in zip(grid.table["kind"], grid.table["model"], numbers_of(grid.table), strict=True):
        if kind != seen:
            rows.append(Row(HEADINGS[kind], {}, heading=True))
            seen = kind
        rows.append(Row(name, {"": numbers}))
    title = f"{title_of(grid.posterior.trials, 6.0)}: other models"
    note = f"{len(grid.refused)} more could not be fitted: see the table of refusals." if len(grid.refused) else ""
    return draw_rows("sensitivity-models", title, grid, rows, side=grid.side, note=note)
