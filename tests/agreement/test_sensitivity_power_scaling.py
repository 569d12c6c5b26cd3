"""Power scaling by quadrature and ArviZ's on draws: the same within Monte Carlo error."""

import logging

import numpy as np
import pytest

import bayesmeta as bm
from bayesmeta.sensitivity import power_scaling

RUNS, DRAWS = 8, 2000
MODELS = {
    "conflict": bm.Model("normal", mu="normal(0, 0.5)", tau="half_normal(0.5)"),
    "default": bm.Model("normal"),
    "counts": bm.Model("hypergeometric", mu="normal(0, 0.5)"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", MODELS)
def test_sensitivities_are_those_of_psense_summary(name, caplog):
    # Kallioinen et al. 2024; arviz-stats: base/diagnostics.py, _power_scale_sense and _cjs_dist.
    import arviz as az

    caplog.set_level(logging.ERROR)
    posterior = bm.fit(bm.load("attachment/disorganised"), MODELS[name])
    table = power_scaling(posterior, draws=4 * DRAWS).table.set_index("parameter")
    runs: dict[str, list[np.ndarray]] = {"both": [], "mu": [], "tau": []}
    for seed in range(RUNS):
        tree = posterior.to_arviz(DRAWS, 4, seed=seed)
        for group, names in (("both", ["mu", "tau"]), ("mu", ["mu"]), ("tau", ["tau"])):
            summary = az.psense_summary(
                tree,
                var_names=["mu", "tau", "theta_new"],
                prior_var_names=names,
                likelihood_var_names=["y"],
                round_to=12,
            )
            runs[group].append(summary[["prior", "likelihood"]].to_numpy(dtype=float))
    ours = table.loc[["mu", "tau", "theta_new"]]
    for group, column in (("both", "prior"), ("mu", "prior_of_mu"), ("tau", "prior_of_tau")):
        found = np.stack(runs[group])[:, :, 0]
        error = found.std(axis=0, ddof=1) / np.sqrt(RUNS)
        np.testing.assert_array_less(
            np.abs(found.mean(axis=0) - ours[column]), 4.0 * error + 0.02 * ours[column] + 0.002
        )
    found = np.stack(runs["both"])[:, :, 1]
    error = found.std(axis=0, ddof=1) / np.sqrt(RUNS)
    np.testing.assert_array_less(
        np.abs(found.mean(axis=0) - ours["likelihood"]), 4.0 * error + 0.02 * ours["likelihood"]
    )
