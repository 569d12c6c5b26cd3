"""The check says what the limits say, and refuses with the engine's own words."""

import pytest

from bayesmeta.checks import convergence
from bayesmeta.errors import ConvergenceError
from bayesmeta.exact import fit_exact
from bayesmeta.model import Model
from bayesmeta.nuts import NutsPosterior, fit_nuts
from bayesmeta.trials import load
from tests.unit.checks.samples import SPARSE, independent, install


@pytest.fixture
def good(monkeypatch):
    install(monkeypatch, independent)
    return fit_nuts(load("crins2014"), Model("normal"))


def spoiled(posterior, **changes):
    """The same posterior with other draws or statistics, as no fit would give it out."""
    draws, statistics = dict(posterior._draws), dict(posterior.statistics)
    for name, value in changes.items():
        (draws if name in draws else statistics)[name] = value
    return NutsPosterior(
        posterior.trials,
        posterior.model,
        posterior.design,
        posterior.effects,
        draws,
        statistics,
        posterior._moments,
        posterior._seed,
        posterior.diagnostics,
    )


def test_chains_that_have_converged(good):
    found = convergence(good).require()
    assert found.ok
    assert found.divergences == 0
    assert found.bfmi.shape == (4,)
    assert found.table["ok"].all()
    assert list(found.table.columns) == ["quantity", "rhat", "ess_bulk", "ess_tail", "mcse_mean", "ok"]
    assert found.sentence.startswith("normal, nuts: 4 chains of 1000 draws converged: R-hat at most 1.0")


def test_every_reported_quantity_has_a_row(good):
    studies = [f"theta[{name}]" for name in good.studies_in_model]
    assert convergence(good).table["quantity"].tolist() == ["mu", "tau", "theta_new", *studies]


def test_a_chain_elsewhere_is_refused_by_name(good):
    tau = good._draws["tau"].copy()
    tau[0] += 3.0
    found = convergence(spoiled(good, tau=tau))
    assert not found.ok
    assert not found.table.set_index("quantity").loc["tau", "ok"]
    assert found.sentence.startswith("normal, nuts: not converged: R-hat of tau ")
    with pytest.raises(ConvergenceError, match=r"NUTS did not converge: R-hat of tau .* Fit with --engine exact"):
        found.require()


def test_one_divergence_is_refused(good):
    diverging = good.statistics["diverging"].copy()
    diverging[2, 5] = True
    found = convergence(spoiled(good, diverging=diverging))
    assert (found.divergences, found.ok) == (1, False)
    with pytest.raises(ConvergenceError, match="1 divergence at target_accept"):
        found.require()


def test_energies_that_hardly_change_are_refused(good):
    energy = good.statistics["energy"].cumsum(axis=1)
    with pytest.raises(ConvergenceError, match=r"E-BFMI 0\.\d\d \(limit 0.3\)"):
        convergence(spoiled(good, energy=energy)).require()


def test_the_exact_engine_has_nothing_to_converge():
    found = convergence(fit_exact(SPARSE, Model("normal")))
    assert found.require() is found
    assert found.table.empty
    assert "nothing to converge" in found.sentence


def test_tau_of_a_common_effect_model_is_no_quantity_of_the_chains(monkeypatch):
    install(monkeypatch, independent)
    posterior = fit_nuts(load("crins2014"), Model("normal", random_effects="none"))
    assert "tau" not in convergence(posterior).require().table["quantity"].tolist()
