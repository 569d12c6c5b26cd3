"""The PyMC model has the density that the model describes."""

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from bayesmeta.effects import effect_sizes
from bayesmeta.model import Model
from bayesmeta.nuts.plan import plan_of
from bayesmeta.priors import catalogue, parse_prior

pm = pytest.importorskip("pymc")
build = pytest.importorskip("bayesmeta.nuts.build").build
Mode = pytest.importorskip("pytensor.compile.mode").Mode
config = pytest.importorskip("pytensor").config

pytestmark = pytest.mark.slow


def tau_priors():
    """One prior for each PyMC family that any family of ours asks for."""
    found = {}
    for family in catalogue("tau"):
        for text in family.examples:
            if (form := parse_prior(text).pymc) is not None:
                found.setdefault(form[0], text)
    return list(found.values())


def log_density(plan):
    """log p of (beta, tau, ...) on their own scales, as PyMC has it, without the Jacobians of its transforms."""
    model = plan.structure.model()
    with model:
        pm.set_data(
            plan.data,
            coords={"study": np.arange(len(plan.table))},
        )
    with config.change_flags(cxx=""):  # what is evaluated four times need not be compiled
        function = model.compile_logp(jacobian=False, mode=Mode(linker="py", optimizer="fast_compile"))

    def at(point):
        values = {}
        for rv in model.free_RVs:
            transform, value = model.rvs_to_transforms[rv], model.rvs_to_values[rv]
            known = np.asarray(point[rv.name], dtype=float)
            values[value.name] = transform.forward(known, *rv.owner.inputs).eval() if transform else known
        return float(function(values))

    return at, model


def plan(trials, model):
    return plan_of(trials, model, model.design(trials), effect_sizes(trials))


@pytest.mark.parametrize("tau_prior", tau_priors())
def test_normal_likelihood_with_study_effects_integrated_out(trials, tau_prior):
    model = Model("normal", mu="normal(0.3, 2)", tau=tau_prior)
    at, _ = log_density(plan(trials, model))
    effects = effect_sizes(trials)

    def expected(mu, tau):
        marginal = stats.norm(mu, np.sqrt(effects.se**2 + tau**2)).logpdf(effects.y).sum()
        return marginal + model.prior_of("mu").log_density(mu) + model.tau_prior.log_density(tau)

    points = [(0.0, 0.3), (-1.5, 0.9), (1.0, 1.7)]
    ours = np.array([at({"beta": [mu, 0.0], "tau": tau}) for mu, tau in points])
    theirs = np.array([expected(mu, tau) for mu, tau in points])
    assert np.diff(ours) == pytest.approx(np.diff(theirs), rel=1e-9)


@pytest.mark.parametrize("baseline_at", ["midpoint", "control"])
def test_binomial_likelihood(trials, baseline_at):
    # p(beta, tau, theta, gamma) |d theta / d e|, with e standard normal given beta and tau under the normal likelihood.
    model = Model("binomial", moderators="~ dose", baseline="normal(-1, 2)", baseline_at=baseline_at)
    at, _ = log_density(plan(trials, model))
    effects = effect_sizes(trials)
    treated, total_treated, control, total_control = trials.counts.T
    rng = np.random.default_rng(3)
    ours, theirs = [], []
    for _ in range(4):
        beta, tau = rng.normal(size=2), float(abs(rng.normal()))
        e, gamma = np.zeros(8), np.full(8, -1.0)
        e[:3], gamma[:3] = rng.normal(size=3), rng.normal(size=3)
        mean = model.design(trials).matrix @ beta
        shrink = effects.se**2 / (effects.se**2 + tau**2)
        sd = np.sqrt(1 - shrink) * effects.se
        theta = shrink * mean + (1 - shrink) * effects.y + sd * e[:3]
        half = 0.5 if baseline_at == "midpoint" else 0.0
        theirs.append(
            stats.binom(total_control, expit(gamma[:3] - half * theta)).logpmf(control).sum()
            + stats.binom(total_treated, expit(gamma[:3] + (1 - half) * theta)).logpmf(treated).sum()
            + stats.norm(mean, tau).logpdf(theta).sum()
            + np.log(sd).sum()
            + stats.norm(-1, 2).logpdf(gamma).sum()
            + model.prior_of("mu").log_density(beta[0])
            + model.prior_of("dose").log_density(beta[1])
            + model.tau_prior.log_density(tau)
        )
        ours.append(at({"beta": beta, "tau": tau, "e": e, "gamma": gamma}))
    assert np.diff(ours) == pytest.approx(np.diff(theirs), rel=1e-8)


def of_effects(name, z, tau):
    """log p(theta), theta = m + tau z, of random effects written down a second time."""
    law = {
        "normal": lambda s: stats.norm(0, s).logpdf(z * tau),
        "student_t(3)": lambda s: stats.t(3, scale=s).logpdf(z * tau),
        "mixture(0.2, 4)": lambda s: np.log(
            0.8 * stats.norm(0, s).pdf(z * tau) + 0.2 * stats.norm(0, 4 * s).pdf(z * tau)
        ),
    }
    return law[name](tau)


@pytest.mark.parametrize("effects", ["normal", "mixture(0.2, 4)"])
@pytest.mark.parametrize("likelihood", ["hypergeometric", "binomial"])
def test_counts_and_an_estimate_in_one_table(mixed, likelihood, effects):
    # Trial A has counts, B an estimate of 0.4 (standard error 0.3).
    model = Model(likelihood, random_effects=effects, baseline="normal(-1, 2)")
    found = plan(mixed, model)
    at, _ = log_density(found)
    treated, total_treated, control, total_control = mixed.counts[0]
    unit = np.sqrt(0.8 + 0.2 * 16) if "mixture" in effects else 1.0  # of the coordinates
    rng = np.random.default_rng(5)
    ours, theirs = [], []
    for _ in range(4):
        mu, tau, gamma = rng.normal(), float(abs(rng.normal())) + 0.1, rng.normal()
        e = np.append(rng.normal(size=2), np.zeros(6))
        y, se = found.table[:2, :2].T
        shrink = se**2 / (se**2 + (unit * tau) ** 2)
        sd = np.sqrt(1 - shrink) * se
        theta = shrink * mu + (1 - shrink) * y + sd * e[:2]
        size, odds = total_treated + total_control, np.exp(theta[0])
        counts = {
            "hypergeometric": lambda size=size, odds=odds: stats.nchypergeom_fisher(
                size, treated + control, total_treated, odds
            ).logpmf(treated),
            "binomial": lambda theta=theta, gamma=gamma: (
                stats.binom(total_control, expit(gamma - theta[0] / 2)).logpmf(control)
                + stats.binom(total_treated, expit(gamma + theta[0] / 2)).logpmf(treated)
                + stats.norm(-1, 2).logpdf(gamma)
            ),
        }
        theirs.append(
            counts[likelihood]()
            + stats.norm(theta[1], 0.3).logpdf(0.4)
            + of_effects(effects, (theta - mu) / tau, tau).sum()
            + np.log(sd).sum()
            + model.prior_of("mu").log_density(mu)
            + model.tau_prior.log_density(tau)
        )
        # Spare trials: their e is z, and so has its density.
        point = {"beta": [mu, 0.0], "tau": tau, "e": e}
        ours.append(at(point | ({"gamma": np.append([gamma], np.full(7, -1.0))} if likelihood == "binomial" else {})))
    assert np.diff(ours) == pytest.approx(np.diff(theirs), rel=1e-8)


def test_a_mixture_with_study_effects_integrated_out(trials):
    model = Model("normal", random_effects="mixture(0.2, 4)")
    at, _ = log_density(plan(trials, model))
    effects = effect_sizes(trials)

    def expected(mu, tau):
        inside, outside = (stats.norm(mu, np.hypot(effects.se, c * tau)).pdf(effects.y) for c in (1, 4))
        prior = model.prior_of("mu").log_density(mu) + model.tau_prior.log_density(tau)
        return np.log(0.8 * inside + 0.2 * outside).sum() + prior

    points = [(0.0, 0.3), (-1.5, 0.9), (1.0, 1.7)]
    ours = np.array([at({"beta": [mu, 0.0], "tau": tau}) for mu, tau in points])
    assert np.diff(ours) == pytest.approx(np.diff([expected(*point) for point in points]), rel=1e-9)


def test_student_t_effects_are_normal_ones_with_a_precision_each(trials):
    model = Model("normal", random_effects="student_t(3)")
    at, _ = log_density(plan(trials, model))
    effects = effect_sizes(trials)

    def expected(mu, tau, precision):
        marginal = stats.norm(mu, np.sqrt(effects.se**2 + tau**2 / precision)).logpdf(effects.y).sum()
        prior = model.prior_of("mu").log_density(mu) + model.tau_prior.log_density(tau)
        return marginal + prior + stats.gamma(1.5, scale=1 / 1.5).logpdf(precision).sum()

    points = [(0.0, 0.3, np.array([1.0, 0.2, 3.0])), (-1.5, 0.9, np.array([0.1, 1.0, 2.0]))]
    ours = [
        at({"beta": [mu, 0.0], "tau": tau, "precision": np.append(precision, np.ones(5))})
        for mu, tau, precision in points
    ]
    # A spare trial (standard error 1e6) tells tau and mu apart to 1e-12.
    assert np.diff(ours) == pytest.approx(np.diff([expected(*point) for point in points]), rel=1e-9)


def test_priors_of_effects_that_are_not_normal(trials):
    model = Model(
        "normal", mu="bartos_effect(cochrane)", moderators="~ dose", beta="student_t(3, 0, 1)", tau="fixed(0.5)"
    )
    effects, design = effect_sizes(trials), Model(moderators="~ dose").design(trials)
    at, _ = log_density(plan_of(trials, model, design, effects))

    def expected(beta):
        marginal = stats.norm(design.matrix @ beta, np.hypot(effects.se, 0.5)).logpdf(effects.y).sum()
        return marginal + stats.t(4, 0, 0.58).logpdf(beta[0]) + stats.t(3).logpdf(beta[1])

    points = [np.array([0.2, 0.1]), np.array([-2.0, 0.9])]
    ours = [at({"beta": beta}) for beta in points]
    assert np.diff(ours) == pytest.approx(np.diff([expected(beta) for beta in points]), rel=1e-9)


def test_spare_trials_and_columns_have_their_prior_whatever_the_rest(trials):
    at, _ = log_density(plan(trials, Model("binomial")))
    moved_e, moved_gamma = np.zeros(8), np.zeros(8)
    moved_e[3:], moved_gamma[3:] = 1.3, -2.0
    priors = (
        stats.norm(0, 1).logpdf([1.3, 0]) @ [5, -5]
        + stats.norm(0, 5).logpdf([-2.0, 0]) @ [5, -5]
        + stats.norm(0, 1).logpdf([0.7, 0]) @ [1, -1]
    )
    for mu, tau in ((0.4, 0.5), (-1.0, 2.0)):
        base = {"beta": [mu, 0.0], "tau": tau, "e": np.zeros(8), "gamma": np.zeros(8)}
        moved = base | {"beta": [mu, 0.7], "e": moved_e, "gamma": moved_gamma}
        assert at(moved) - at(base) == pytest.approx(priors, rel=1e-8)


def test_a_flat_prior_beside_normal_ones(trials):
    model = Model("normal", mu="flat", moderators="~ dose", beta="normal(0, 1)")
    at, _ = log_density(plan(trials, model))
    effects, matrix = effect_sizes(trials), model.design(trials).matrix

    def expected(beta):
        marginal = stats.norm(matrix @ beta, np.sqrt(effects.se**2 + 0.25)).logpdf(effects.y).sum()
        return marginal + stats.norm(0, 1).logpdf(beta[1])

    one, other = np.array([0.2, 0.1]), np.array([-2.0, 0.9])
    ours = [at({"beta_0": beta[0], "beta_1": beta[1], "tau": 0.5}) for beta in (one, other)]
    assert ours[1] - ours[0] == pytest.approx(expected(other) - expected(one), rel=1e-9)


def test_every_variable_has_its_dims(trials):
    _, model = log_density(plan(trials, Model("binomial")))
    assert dict(model.named_vars_to_dims) | {} == {
        "trials": ("study", "column"),
        "beta": ("coefficient",),
        "gamma": ("study",),
        "e": ("study",),
        "z": ("study",),
        "estimates": ("study",),
        "events": ("study", "arm"),
    }


def test_without_random_effects_nothing_is_sampled_for_tau(trials):
    _, model = log_density(plan(trials, Model("binomial", random_effects="none")))
    assert {rv.name for rv in model.free_RVs} == {"beta", "gamma"}


def test_gradients_are_finite_where_probabilities_are_0_or_1(trials):
    model = build(plan(trials, Model("binomial")).structure)
    gradient = model.compile_dlogp()
    point = model.initial_point()
    for far in (-60.0, 60.0):
        point["gamma"] = np.full(8, far)
        assert np.isfinite(gradient(point)).all()
