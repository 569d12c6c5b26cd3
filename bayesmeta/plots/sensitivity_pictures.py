"""All pictures of a sensitivity analysis."""

from collections.abc import Callable
from typing import Any

from matplotlib.figure import Figure

from bayesmeta.plots.sensitivity_bias import sensitivity_bias
from bayesmeta.plots.sensitivity_credibility import sensitivity_credibility
from bayesmeta.plots.sensitivity_models import sensitivity_models
from bayesmeta.plots.sensitivity_power import sensitivity_power
from bayesmeta.plots.sensitivity_priors import sensitivity_priors
from bayesmeta.plots.sensitivity_reference import sensitivity_reference
from bayesmeta.plots.sensitivity_tipping import sensitivity_tipping
from bayesmeta.plots.sensitivity_trials import sensitivity_cumulative, sensitivity_leave_one_out
from bayesmeta.sensitivity import Sensitivity

PICTURES: dict[str, Callable[[Any], Figure]] = {
    "prior_grid": sensitivity_priors,
    "model_grid": sensitivity_models,
    "leave_one_out": sensitivity_leave_one_out,
    "cumulative": sensitivity_cumulative,
    "power_scaling": sensitivity_power,
    "tipping_point": sensitivity_tipping,
    "reference": sensitivity_reference,
    "bias": sensitivity_bias,
}


def sensitivity(analysis: Sensitivity) -> list[Figure]:
    """One picture for each part that has rows to draw, and one for the published interval.

    Parameters
    ----------
    analysis : from `bayesmeta.sensitivity.all`.

    Returns
    -------
    list of matplotlib Figures, each with its own label.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> from bayesmeta.sensitivity import all
    >>> analysis = all(bm.load("crins2014"), bm.Model("normal"), only=("leave_one_out", "power_scaling"))
    >>> [figure.get_label() for figure in sensitivity(analysis)]
    ['sensitivity-leave-one-out', 'sensitivity-power']
    """
    figures = [PICTURES[name](part) for name, part in analysis.parts.items() if name in PICTURES and len(part.table)]
    if analysis.published is not None:
        figures.append(sensitivity_credibility(analysis.published))
    return figures
