"""Trials that bound the effect on one side only: their likelihood is flat on the other, and the prior of mu ends it."""

import numpy as np
import pandas as pd
import pytest

import bayesmeta as bm
from bayesmeta.likelihoods.hypergeometric import log_likelihood


@pytest.mark.parametrize("scale", [3.0, 31.6, 75.0])
def test_trials_open_on_one_side_make_an_edge_that_wide_priors_do_not_blur(scale):
    # No treated child had an event: the likelihood is flat to the left, and with a wide prior the posterior of mu is
    # half a normal distribution that ends, about its scale away from its mean, within one unit.
    treated, totals, control = [31, 45, 16, 26, 24], [41, 41, 47, 55, 38], [0, 4, 2, 3, 2]
    rows = {"events_treated": 0, "total_treated": treated, "events_control": control, "total_control": totals}
    table = pd.DataFrame(rows)
    counts = table.to_numpy(dtype=float)
    trials = bm.read_trials(table.assign(study=list("abcde")))
    model = bm.Model("hypergeometric", mu=bm.Normal(0, scale))
    posterior = bm.fit(trials, model)["mu"]

    x, w = np.polynomial.legendre.leggauss(16)
    edges = np.concatenate([-np.geomspace(9.0 * scale + 5.0, 6.0, 24), np.arange(-5.5, 8.5, 0.5)])
    half = 0.5 * np.diff(edges)[:, None]
    mu, weight = (edges[:-1, None] + half * (1.0 + x)).ravel(), (half * w).ravel()
    z, share = np.polynomial.hermite_e.hermegauss(24)
    tau = 1.5 * (1.0 + x)
    density = np.zeros(len(mu))
    for one, width in zip(tau, w * np.exp(-0.5 * (tau / 0.5) ** 2)):
        theta = (mu[:, None] + one * z).ravel()
        log_p = log_likelihood(counts, theta).reshape(len(counts), len(mu), -1)
        density += width * np.prod(np.exp(log_p) @ (share / share.sum()), axis=0)
    density *= weight * np.exp(-0.5 * (mu / scale) ** 2)
    density /= density.sum()
    mean = density @ mu
    sd = np.sqrt(density @ (mu - mean) ** 2)
    assert posterior.mean == pytest.approx(mean, abs=1e-6 * sd)
    assert posterior.sd == pytest.approx(sd, rel=1e-6)
    for edge in (-6.0, -3.0, -1.0, 0.0):
        assert posterior.probability(above=edge) == pytest.approx(density[mu > edge].sum(), abs=1e-9)
