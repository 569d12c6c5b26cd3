"""What the posteriors of selection models have in common, whatever the engine."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.likelihoods.published import cumulative_chances
from bayesmeta.model import Selection
from bayesmeta.posterior.draws import DrawsMarginal
from bayesmeta.posterior.marginal import Marginal
from bayesmeta.posterior.posterior import LEVEL, Posterior
from bayesmeta.posterior.published import published_effects
from bayesmeta.types import Array, Integers, Json
from bayesmeta.wording import counted

SAMPLE = ("chain", "draw")
FAINT = 0.8  # overlap of prior and posterior from which the trials are said to say next to nothing
GRID = 2001
DEFAULT_OMEGA = "cumulative_dirichlet"


class SelectedPosterior(Posterior):
    """Posterior of a selection model: the others' quantities, and the weights omega.

    omega_j is the probability of publication of a trial whose p value lies in interval j, relative to the most
    significant interval, whose omega is 1. Study effects given mu and tau are those of the model without selection.

    Attributes
    ----------
    selection : with its side.
    """

    selection: Selection

    @abstractmethod
    def _omega(self, j: int) -> Marginal:
        """The marginal of weight j, from 0."""

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names that `posterior[...]` knows: those of any model, and the weights: "omega[0.025,1]"."""
        return (*super().parameters, *self.selection.names)

    @property
    def label(self) -> str:
        """What tells one fit from another."""
        omega = str(self.model.omega)
        prior = "" if omega == DEFAULT_OMEGA else f", omega {omega}"
        return f"{super().label}, {self.selection.text}{prior}"

    def __getitem__(self, name: str) -> Marginal:
        if name in self.selection.names:
            return self._omega(self.selection.names.index(name))
        return super().__getitem__(name)

    @property
    def observed(self) -> Integers:
        """(J,) number of trials whose p value lies in each interval."""
        found = self.selection.interval_of(self.effects.y, self.effects.se)
        return np.asarray(np.bincount(found, minlength=self.selection.intervals))

    def weights(self) -> pd.DataFrame:
        """Each interval of p: its trials, and the weight before and after the trials were seen.

        Returns
        -------
        DataFrame: interval, trials, prior_median, prior_lower, prior_upper, median, lower, upper, overlap: the integral
        of the smaller of the prior and posterior densities, 1 where the trials say nothing of the weight; NaN in the
        row of the most significant interval, whose weight is 1, and where the weights are known.
        """
        levels = np.array([0.5, 0.5 - LEVEL / 2, 0.5 + LEVEL / 2])
        ends = [0.0, *self.selection.cuts, 1.0]
        rows = [[f"0 to {ends[1]:g}", int(self.observed[0]), *[1.0] * 6, np.nan]]
        known = not self.model.omega_prior.sticks(self.selection.intervals - 1)
        for j, name in enumerate(self.selection.names):
            after = self[name].quantile(levels)
            before = after if known else self._prior(j).quantile(levels)
            overlap = np.nan if known else self.overlap(name)
            rows.append([f"{ends[j + 1]:g} to {ends[j + 2]:g}", int(self.observed[j + 1]), *before, *after, overlap])
        columns = ["interval", "trials", "prior_median", "prior_lower", "prior_upper", "median", "lower", "upper"]
        return pd.DataFrame(rows, columns=[*columns, "overlap"])

    def overlap(self, name: str) -> float:
        """How much of the prior of a weight its posterior repeats: integral of min(prior, posterior), from 0 to 1."""
        before = self._prior(self.selection.names.index(name))
        x = before.upper * (np.arange(GRID) + 0.5) / GRID
        smaller = np.minimum(np.exp(before.log_density(x)), self[name].pdf(x))
        return float(min(smaller.sum() * before.upper / GRID, 1.0))

    def _prior(self, j: int) -> Any:
        return self.model.omega_prior.marginal(self.selection.intervals - 1, j)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader must know of the weights, a sentence each."""
        side = {"greater": "above", "less": "below"}.get(self.selection.side)
        p = f"p values are one-sided for effects {side} 0" if side else "p values are two-sided"
        said = [f"Selection {self.selection.text}: {p}. Trials by interval: {', '.join(map(str, self.observed))}."]
        if not self.model.omega_prior.sticks(self.selection.intervals - 1):
            return tuple(said)
        overlaps = {name: self.overlap(name) for name in self.selection.names}
        least = min(overlaps, key=lambda name: overlaps[name])
        share = f"the posterior of {least} shares {overlaps[least]:.0%} of its area with the prior"
        k = len(self.studies_in_model)
        trials = f"{counted(k)} {'says' if k == 1 else 'say'}"
        if overlaps[least] >= FAINT:
            said.append(f"{trials} next to nothing of the weights: {share}. They are what the prior says.")
        else:
            said.append(f"What the {trials} of the weights: {share}; the rest was learnt.")
        return tuple(said)

    # ---- given mu, tau and omega

    def chances(self, mean: Array, tau: Array, omega: Array) -> tuple[Array, Array]:
        """P(p in interval j) (..., k, J), and the relative chance of publication sum_j omega_j P_ij (..., k).

        Parameters
        ----------
        mean : (..., k). tau : (...). omega : (..., J - 1).
        """
        below = cumulative_chances(
            self.selection.critical,
            self.selection.sign,
            self.selection.kind == "two_sided",
            self.effects.se,
            mean,
            tau[..., None],
        )
        edges = np.concatenate([np.zeros((*below.shape[:-1], 1)), below, np.ones((*below.shape[:-1], 1))], axis=-1)
        chance = np.diff(edges, axis=-1)
        return chance, chance[..., 0] + np.einsum("...kj,...j->...k", chance[..., 1:], omega)

    def log_likelihood_of(self, mean: Array, tau: Array, omega: Array) -> Array:
        """Log likelihood of each trial, study effects integrated out: shapes as in `chances`, to (..., k).

        log N(y_i; m_i, s_i^2 + tau^2) + log omega_j(i) - log sum_j omega_j P_ij
        """
        variance = self.effects.se**2 + tau[..., None] ** 2
        normal = -0.5 * (LOG_2PI + np.log(variance) + (self.effects.y - mean) ** 2 / variance)
        weight = np.concatenate([np.ones((*omega.shape[:-1], 1)), omega], axis=-1)
        own = weight[..., self.selection.interval_of(self.effects.y, self.effects.se)]
        return np.asarray(normal + np.log(own) - np.log(self.chances(mean, tau, omega)[1]))

    def unpublished(self, n: int = 4000, seed: int = 20230227) -> Marginal:
        """How many trials like these were done and not published, if the most significant always are.

        sum_i (1 - D_i) / D_i, with D_i the chance of publication of a trial of the size of trial i.

        Parameters
        ----------
        n : number of draws that it is worked out from.
        seed : integer seed.

        Returns
        -------
        Marginal of their expected number; it has no mean where weights may be 0.
        """
        drawn = self.draws(n, seed)
        mean = drawn["beta"] @ self.design.matrix.T
        chance = self.chances(mean, drawn["tau"], drawn["omega"])[1]
        number = np.maximum(1.0 / chance - 1.0, 0.0).sum(axis=-1)
        return DrawsMarginal("unpublished", number[None], lower=0.0, moments=0)

    # ---- output

    def to_dict(self) -> Json:
        """The result as plain data: that of any model, and `selection`: kind, cuts, side, trials by interval."""
        selection = self.selection
        return super().to_dict() | {
            "selection": {
                "kind": selection.kind,
                "cuts": list(selection.cuts),
                "side": selection.side,
                "trials": [int(n) for n in self.observed],
            }
        }

    def with_weights(self, tree: Any, draws: Mapping[str, Array], seed: int) -> Any:
        """A data tree with the weights, and with likelihoods and replicates as the selection makes them.

        Parameters
        ----------
        tree : from `data_tree`.
        draws : beta (chain, draw, p), tau (chain, draw), omega (chain, draw, J - 1).
        seed : integer seed.
        """
        import xarray as xr

        rng = np.random.default_rng([seed, 2])
        tau, omega, names = draws["tau"], draws["omega"], list(self.selection.names)
        mean = draws["beta"] @ self.design.matrix.T
        sample = {"chain": tree["posterior"].chain, "draw": tree["posterior"].draw}
        weight = {**sample, "weight": names}
        each = {**sample, "study": list(self.studies_in_model)}
        prior = self.model.omega_prior
        replicated = published_effects(self.selection, self.effects.se, mean, tau, omega, rng)
        added: dict[str, dict[str, Any]] = {
            "posterior": {"omega": xr.DataArray(omega, weight, tuple(weight))},
            "log_prior": {"omega": xr.DataArray(prior.log_density(omega), sample, SAMPLE)},
            "log_likelihood": {"y": xr.DataArray(self.log_likelihood_of(mean, tau, omega), each, tuple(each))},
            "posterior_predictive": {"y": xr.DataArray(replicated, each, tuple(each))},
        }
        for group, variables in added.items():
            tree[group] = xr.DataTree(tree[group].to_dataset().assign(variables))
        return tree
