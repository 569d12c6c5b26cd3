"""What the integrals of the exact engine start from: observed effects, and each row with its likelihood."""

import numpy as np

from bayesmeta.effects import Effects, effect_sizes
from bayesmeta.errors import ModelError
from bayesmeta.likelihoods.marginal import Evidence
from bayesmeta.likelihoods.rows import ROWS, Rows
from bayesmeta.model import Model
from bayesmeta.trials import Trials
from bayesmeta.types import Integers


def evidence_of(trials: Trials, model: Model) -> tuple[Effects, tuple[tuple[Integers, Rows], ...]]:
    """Observed effects, and the rows by likelihood: rows without counts enter with their estimate, as normal."""
    if model.ties_baselines:
        part = "control_risk" if model.control_risk else f"baselines {model.baseline}"
        raise ModelError(
            f"{part}: the trials tell of each other by their baselines, and the exact engine takes the likelihood of"
            ' each trial by itself. Fit with --engine nuts (engine="nuts").'
        )
    exact = model.likelihood != "normal"
    effects = effect_sizes(trials, zero_cells="only_zero" if exact else model.zero_cells)
    counted = trials.has_counts[effects.rows] & exact
    if exact and not counted.any():
        raise ModelError(
            f"{trials.origin or trials.name}: no row has counts, which the {model.likelihood} likelihood reads. Fit"
            " with --likelihood normal, which takes estimates."
        )
    gaussian = None if model.exchangeable else model.baseline_prior.gaussian
    if model.likelihood == "binomial" and (gaussian is None or not np.isfinite(gaussian[1])):
        raise ModelError(
            f"baseline prior {model.baseline_prior}: the exact engine needs a normal one here, such as normal(0, 5)."
            " Or fit with --engine nuts."
        )
    parts = []
    for name, chosen in ((model.likelihood, counted), ("normal", ~counted)):
        positions = np.flatnonzero(chosen)
        if len(positions):
            evidence = Evidence(
                effects.y[positions],
                effects.se[positions],
                trials.counts[effects.rows][positions],
                gaussian or (0.0, 5.0),
                model.baseline_at,
            )
            parts.append((positions, ROWS[name](evidence)))
    return effects, tuple(parts)
