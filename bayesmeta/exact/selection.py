"""Selection models in the exact engine: nodes over (mu, tau, omega).

Given (mu, tau) the selection is a factor (`published.py`), so that mu given tau is one line as in the count models, and
everything that follows from it is theirs: the nodes of tau, theta_new, and the study effects, which given (mu, tau) do
not depend on the selection: it acted on y_i, which is there.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.exact.given_tau import NormalProblem
from bayesmeta.exact.lines import FEW, solve
from bayesmeta.exact.predictors import OnePredictor, RowLine
from bayesmeta.exact.prepared import ACCURACY, Prepared, prepare
from bayesmeta.exact.prior_parts import VAGUE, NormalParts
from bayesmeta.exact.published import FEW as FEW_TRIALS
from bayesmeta.exact.published import Published
from bayesmeta.exact.selection_posterior import SelectionPosterior
from bayesmeta.exact.weights import Weights
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.likelihoods.theta_grid import Resolution
from bayesmeta.model import Design, Model
from bayesmeta.trials import Trials
from bayesmeta.types import Array, Integers

RANDOM_EFFECTS = ("normal", "none")
FALL_LESS = 9.0  # e^-28 of the peak, in place of e^-37: the tails are long and cost nodes
MANY_WEIGHTS = 3  # from so many a node of mu and tau costs a thousand nodes of omega
WIDER = 1.6  # panels of tau there
RESOLVED = 1e-7  # what the last Chebyshev coefficients of a log density may hold; its error is smaller by far


@dataclass(eq=False)
class PreparedSelection(Prepared):
    """Trials under selection, integrated over everything but tau.

    Attributes
    ----------
    published : the trials as they were selected.
    """

    published: Published = field(kw_only=True)

    def answer(self, model: Model, weights: Weights) -> SelectionPosterior:
        return SelectionPosterior(self, model, weights)

    def without(self, study: str) -> "PreparedSelection":
        other = super().without(study)
        published = replace(self.published, effects=other.effects, ends=())
        return replace(self, trials=other.trials, design=other.design, effects=other.effects, parts=other.parts,
                       published=published)  # fmt: skip

    def refined(self) -> "PreparedSelection":
        finer = replace(self.published, finer=1.5 * self.published.finer)
        other = replace(self, resolution=self.resolution.finer, published=finer)
        other.__dict__["last_u"] = self.last_u + 1.0
        return other

    @cached_property
    def variations(self) -> None:
        """None: powers and trials left out change the chances of publication too."""
        return

    @cached_property
    def predictors(self) -> "SelectedPredictor":
        return SelectedPredictor(self.published, self.tau, self.design, self.resolution)


class SelectedPredictor(OnePredictor):
    """A pooled effect under selection: S(mu, tau) = sum_i log N(y_i; mu, s_i^2 + tau^2) + log factor + log p(mu)."""

    def __init__(self, published: Published, tau: Array, design: Design, resolution: Resolution) -> None:
        self._effects, self._tau, self._resolution = published.effects, tau, resolution
        y, variance = published.effects.y, published.effects.se**2 + tau[:, None] ** 2
        # Given tau the estimates enter by their precision, their weighted mean and the spread about it.
        precision = 1.0 / variance
        total = precision.sum(axis=1)
        centre = precision @ y / total
        rough = NormalProblem(
            y, published.effects.se, design.matrix, design.prior_location, np.minimum(design.prior_scale, VAGUE)
        )
        prior = NormalParts.of(design, rough, ACCURACY).by_node(1.0 / np.sqrt(total)[:, None])
        assert prior is not None  # of one column there are never too many
        node = prior.node
        constant = -0.5 * (np.log(variance) + LOG_2PI + precision * (y - centre[:, None]) ** 2).sum(axis=1)

        def log_posterior(v: Array, which: Integers, *, coarse: bool) -> Array:
            at = node[which]
            value = constant[at, None] - 0.5 * total[at, None] * (v - centre[at, None]) ** 2
            value += prior.log_density(v[..., None], which)
            flat_tau = np.broadcast_to(tau[at, None], v.shape).ravel()
            factor = published.log_factor(v.ravel(), flat_tau, coarse=coarse)
            return np.asarray(value + factor.reshape(v.shape))

        own = prior.typical[:, 0] ** -2.0
        shrunk = total[node] + own
        mean = (total[node] * centre[node] + own * prior.location[:, 0]) / shrunk
        fall, nodes = resolution.fall - FALL_LESS, 2 * resolution.mu_nodes
        rough_window = solve(
            lambda v, which: log_posterior(v, which, coarse=True),
            mean, 1.0 / np.sqrt(shrunk), nodes=FEW, fall=fall, resolved=np.inf,
        )  # fmt: skip
        low, high = rough_window.low, rough_window.high
        solved = solve(
            lambda v, which: log_posterior(v, which, coarse=False),
            0.5 * (low + high), 0.5 * (high - low) / np.sqrt(2.0 * fall + 7.0), nodes=nodes, fall=fall,
            resolved=RESOLVED, most=nodes if costly(published) else 4 * nodes,
        )  # fmt: skip
        line, self.log_evidence = solved.by_node(node)
        self._line = line.without_negligible()
        self.outside, self.unresolved, _ = self._line.doubts()
        self.error = np.zeros(len(tau))  # `RESOLVED` allows what is measured in benchmarks/bias.py

    def row_lines(self) -> list[RowLine]:
        nodes, effects = self._line.nodes, self._effects
        variance = effects.se[:, None, None] ** 2 + self._tau[self._line.node, None] ** 2
        log_marginal = -0.5 * (np.log(variance) + LOG_2PI + (effects.y[:, None, None] - nodes) ** 2 / variance)
        return [RowLine(np.arange(effects.k), self._line, log_marginal)]


def fit_selection(trials: Trials, model: Model) -> SelectionPosterior:
    """Posterior of mu, tau and the weights of a selection model.

    p(y | mu, tau, omega) = prod_i N(y_i; mu, s_i^2 + tau^2) omega_j(i) / sum_j omega_j P_ij(mu, tau), where P_ij is the
    probability that the p value of trial i lies in interval j.

    Parameters
    ----------
    trials : the evidence; its direction says which side is wished, if the selection does not.
    model : normal likelihood, with a `selection`, random effects "normal" or "none", no moderators.

    Returns
    -------
    SelectionPosterior

    Raises
    ------
    ModelError
        What this model is not for.
    PriorError
        Priors that leave the posterior improper.

    References
    ----------
    Hedges 1992, Stat Sci 7:246; Maier, Bartos & Wagenmakers 2023, Psychol Methods 28:107.

    Examples
    --------
    >>> import bayesmeta as bm
    >>> trials = bm.load("bcg")
    >>> posterior = fit_selection(trials, bm.Model("normal", selection="one_sided(0.025, side=less)"))
    >>> posterior.parameters
    ('mu', 'tau', 'theta_new', 'omega[0.025,1]')
    """
    return prepare_selection(trials, model).posterior()  # type: ignore[return-value]


def costly(published: Published) -> bool:
    """Whether to spare nodes of mu and tau for the many of omega; not where many trials know mu and tau well."""
    return len(published.nodes.shape) >= MANY_WEIGHTS and len(published.effects.se) <= FEW_TRIALS


def prepare_selection(trials: Trials, model: Model, resolution: Resolution | None = None) -> PreparedSelection:
    """Everything of a selection model that does not depend on the prior of tau.

    Raises
    ------
    ModelError
        What this model is not for.
    """
    model = model.for_trials(trials)
    selection = model.selection_parts
    if selection is None:
        raise ModelError('no selection. State one, such as selection="one_sided(0.025)" (--selection).')
    if model.likelihood != "normal":
        raise ModelError(
            f"selection {selection.text} with likelihood {model.likelihood!r}: a p value is that of an estimate with"
            ' its standard error. State likelihood="normal" (--likelihood normal).'
        )
    if model.random_effects not in RANDOM_EFFECTS:
        raise ModelError(
            f"selection {selection.text} with random effects {model.random_effects!r}: selection models have normal"
            ' ones, or none. State random_effects="normal" (--random-effects normal).'
        )
    if model.moderators is not None:
        raise ModelError(
            f"selection {selection.text} with moderators {model.moderators!r}: the exact engine integrates over one"
            ' mean. Fit with engine="nuts" (--engine nuts), or each group by itself.'
        )
    resolution = resolution or Resolution()
    base = prepare(trials, model, resolution)
    published = Published(base.effects, selection.towards(trials.direction), model.omega_prior)
    if costly(published):
        base = replace(base, resolution=replace(resolution, tau_width=WIDER * resolution.tau_width))
    prepared = PreparedSelection(
        base.trials, model, base.design, base.effects, base.parts, base.resolution, published=published
    )

    def mass_of(published: Published) -> Array:
        posterior = replace(prepared, published=published).posterior()
        assert isinstance(posterior, SelectionPosterior)
        return posterior.mass_of_omega

    return replace(prepared, published=published.focused(mass_of))
