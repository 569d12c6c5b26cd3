"""One pooled effect under many variations at once: trials left out, likelihood and priors raised to powers.

    p_s(m, tau | y) ~ exp(sum_i a_si l_i(m, tau)) p(m)^b_s p_s(tau)^c_s

Every variation is made of the same l_i(m, tau). So these are tabulated once, as polynomials of m on a window at each
node of tau that holds every variation; a variation then costs a row of a matrix product.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from bayesmeta.exact.lines import SPACING, sharpest, to_chebyshev, window_nodes
from bayesmeta.exact.many_means import ManyMeans
from bayesmeta.exact.tau_panels import TauPanels
from bayesmeta.exact.weights import Weights, tail_of, weigh
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.types import Array, Booleans, Integers

if TYPE_CHECKING:
    from bayesmeta.exact.prepared import Prepared

ROUNDS = 12
FEW = 14  # nodes with which the windows are sought
MOST = 192
RESOLVED = 1e-9  # what the last Chebyshev coefficients of all trials together may hold
SLACK = 5.0  # an end of a window may lie so much less far below a peak
DENSE = 161
MOST_POINTS = 400  # a window that asks for more is too wide for the narrowest variation
STRIDE = 12.0  # in u, at once
BEYOND = 1e-9  # of a variation's mass may lie beyond the nodes of tau
KEPT = 3  # tables
REACHES = 5  # how often nodes of tau are added


@dataclass(frozen=True, eq=False)
class Powers:
    """S variations.

    Attributes
    ----------
    trials : (S, k) power of each trial's likelihood; 0 leaves it out.
    priors : of tau, one for each variation.
    mu, tau : (S,) powers of the prior of mu and of those of tau.
    normal : (S,) standard deviations s of priors N(0, s^2) of mu in place of the one as given; None for that.
    pairs : positions of arms that share a control. Such a trial has a likelihood as a whole, and each arm has one
        when it is alone.
    """

    trials: Array
    priors: Sequence[HeterogeneityPrior]
    mu: Array
    tau: Array
    normal: Array | None = None
    pairs: Sequence[tuple[int, int]] = ()

    @cached_property
    def units(self) -> Array:
        """(S, k + pairs) powers of the likelihoods of rows alone, and behind them of whole pairs of arms."""
        alone, whole = self.trials.copy(), np.zeros((len(self.trials), len(self.pairs)))
        for position, pair in enumerate(self.pairs):
            arms = self.trials[:, list(pair)]
            both = np.all(arms != 0.0, axis=1)
            whole[both, position] = arms[both, 0]
            alone[np.ix_(both, pair)] = 0.0
        return np.hstack([alone, whole])

    @property
    def parted(self) -> bool:
        """Whether arms of one trial have different powers: its likelihood as a whole has but one."""
        arms = [self.trials[:, list(pair)] for pair in self.pairs]
        return any(bool(np.any(np.all(one != 0.0, axis=1) & (np.ptp(one, axis=1) > 0.0))) for one in arms)

    @property
    def rows(self) -> Integers:
        """Positions of the units that some variation holds."""
        return np.flatnonzero(np.any(self.units != 0.0, axis=0))

    def only(self, chosen: Integers) -> "Powers":
        """Some of them."""
        normal = None if self.normal is None else self.normal[chosen]
        priors = [self.priors[one] for one in chosen.tolist()]
        return Powers(self.trials[chosen], priors, self.mu[chosen], self.tau[chosen], normal)

    @classmethod
    def leaving(cls, kept: Array, prior: HeterogeneityPrior, se: Array) -> "Powers":
        """Only some of the trials: kept (S, k) is 1 where a trial is in, 0 where it is not."""
        own = prior.needs_standard_errors
        priors = [prior.given(se[row > 0.0]) if own else prior for row in kept]
        return cls(kept, priors, np.ones(len(kept)), np.ones(len(kept)))

    @classmethod
    def sceptical(cls, scales: Array, prior: HeterogeneityPrior, k: int) -> "Powers":
        """All trials, with priors N(0, s^2) of mu."""
        one = np.ones(len(scales))
        return cls(np.ones((len(scales), k)), [prior] * len(scales), one, one, scales)


@dataclass(frozen=True, eq=False)
class PoweredPrior:
    """p(tau)^power."""

    prior: HeterogeneityPrior
    power: float

    @property
    def breaks(self) -> tuple[float, ...]:
        return self.prior.breaks

    def log_density(self, tau: Array) -> Array:
        return np.asarray(self.power * self.prior.log_density(tau))


@dataclass(frozen=True, eq=False)
class Table:
    """l_i(m, tau) as Chebyshev series of m on a window at each node of tau.

    Attributes
    ----------
    panels : nodes of tau.
    rows : positions of the units that are looked at: of others the window may be too wide.
    low, high : (T,) window.
    series : (rows, T, n).
    """

    panels: TauPanels
    rows: Integers
    low: Array
    high: Array
    series: Array

    def holds(self, powers: Powers) -> bool:
        """Whether all trials of these variations are there."""
        return set(powers.rows) <= set(self.rows)

    def summed(self, powers: Powers) -> Array:
        """Series of sum_i a_si l_i: (S, T, n)."""
        rows, steps, n = self.series.shape
        return np.asarray((powers.units[:, self.rows] @ self.series.reshape(rows, -1)).reshape(-1, steps, n))


class Variations:
    """All that can be varied of one fit without integrating the study effects out again.

    Parameters
    ----------
    prepared : a model with a pooled effect alone, tau unknown.
    column : of the design, whose prior is varied.
    """

    def __init__(self, prepared: "Prepared", column: int = 0) -> None:
        self._prepared = prepared
        self._location = float(prepared.design.prior_location[column])
        self._scale = float(prepared.design.prior_scale[column])
        self._tables: list[Table] = []

    @classmethod
    def possible(cls, prepared: "Prepared") -> bool:
        """Whether the model is of that kind."""
        matrix = prepared.design.matrix
        alone = matrix.shape[1] == 1 and bool(np.all(matrix == 1.0))
        return prepared.known_tau is None and alone and prepared.design.normal

    def along(self, row: Array) -> "Variations":
        """The same for another combination of the coefficients: here there is one coefficient."""
        del row
        return self

    def serves(self, kept: Array) -> Booleans:
        """(S,) subsets (S, k) whose fits are among these variations."""
        return np.ones(len(kept), dtype=bool)

    def widths(self, kept: Array) -> Array:
        """(S, 1) log2 of about how wide the posterior of each subset (S, k) is: what goes together."""
        with np.errstate(divide="ignore"):
            return np.asarray(-0.5 * np.log2(kept @ self._prepared.effects.se**-2.0))[:, None]

    @cached_property
    def largest_tau(self) -> float:
        """The last node of tau of the model as given; other priors of tau may have moved it far out."""
        return float(self._panels(self._prepared.own_last_u, self._prepared.tau_panels.scale).tau[-1])

    def posteriors(self, powers: Powers) -> ManyMeans | None:
        """The posterior of each variation; None where they do not go together, or one of them may be improper.

        Raises
        ------
        PriorError : a variation whose posterior is improper.
        """
        powers = replace(powers, pairs=self._pairs)
        if powers.parted:
            return None
        tails = self._tails(powers)
        unit = self._unit(powers)
        last = float(np.arcsinh(self.largest_tau / unit))
        for table in (one for one in self._tables if one.holds(powers) and one.panels.scale <= unit):
            found = self._weighted(table, powers, tails)
            if found is not None and max(one.beyond for one in found.weights) <= BEYOND:
                return found
        for _ in range(REACHES):
            made = self._tabulated(powers, last, unit)
            found = self._weighted(made, powers, tails) if made is not None else None
            if made is None or found is None:
                return None
            if max(one.beyond for one in found.weights) <= BEYOND:
                self._tables = [made, *self._tables][:KEPT]
                return found
            farthest = max(one.reach(0.1 * BEYOND) for one in found.weights)
            needed = float(np.arcsinh(farthest / made.panels.scale)) + 0.3
            last = max(last + 0.5, min(needed, last + STRIDE))
        return None

    @property
    def _pairs(self) -> Sequence[tuple[int, int]]:
        """Positions of arms whose trial is looked at as a whole and arm by arm."""
        return [(first, second) for first, second in self._prepared.effects.shared]

    def _tails(self, powers: Powers) -> list[float]:
        flat = np.isinf(self._prior_of_mu(powers)[1]) | (powers.mu == 0.0)
        numbers = (powers.trials > 0.0) @ self._prepared.bounding.astype(float)
        parts = zip(powers.priors, numbers, flat, strict=True)
        return [tail_of(prior, round(float(number)), int(one)) for prior, number, one in parts]

    # ---- the table

    def _unit(self, powers: Powers) -> float:
        """The unit of tau: a narrow prior of mu asks for nodes of tau closer to 0, as in a single fit."""
        given = self._prepared.tau_panels.scale
        return given if powers.normal is None else min(given, self._prepared.unit_with(float(powers.normal.min())))

    def _panels(self, last: float, unit: float) -> TauPanels:
        prepared = self._prepared
        widest = float(prepared.standard_errors.max())
        return TauPanels.to(last, unit, prepared.resolution.tau_width, widest, prepared.least_sd, prepared.kernel.order)

    def _tabulated(self, powers: Powers, last: float, unit: float) -> Table | None:
        """Windows that hold every variation, and the likelihoods there."""
        prepared, panels = self._prepared, self._panels(last, unit)
        ends = self._guessed(powers, panels.tau)
        if ends is None:
            return None
        low, high = ends
        fall = prepared.resolution.fall
        for _ in range(ROUNDS):
            table = self._table(panels, powers.rows, low, high, FEW)
            value = self._log_posterior(table, table.summed(powers), powers, FEW)[1]
            depth = value.max(axis=2, keepdims=True) - value[:, :, [0, -1]]
            short = (depth < fall - SLACK + 2.0).any(axis=0)  # (T, 2); a little more, for the next ones
            if not short.any():
                break
            width = high - low
            low, high = low - 0.15 * width * short[:, 0], high + 0.15 * width * short[:, 1]
        else:
            return None
        n = prepared.resolution.mu_nodes + 4
        while n <= MOST:
            table = self._table(panels, powers.rows, low, high, n)
            if np.abs(table.series[:, :, -2:]).sum(axis=0).max() < RESOLVED:
                return table
            n *= 2
        return None

    def _table(self, panels: TauPanels, rows: Integers, low: Array, high: Array, n: int) -> Table:
        convolution = self._prepared.convolution_to(float(panels.tau[-1]))
        value = convolution.of_units(window_nodes(low, high, n), panels.tau, rows)
        return Table(panels, rows, low, high, value @ to_chebyshev(n).T)

    def _guessed(self, powers: Powers, tau: Array) -> tuple[Array, Array] | None:
        """Windows by the normal likelihood; None where a flat prior has no trial to hold it."""
        effects, prepared = self._prepared.effects, self._prepared
        precision = ~prepared.neutral / (effects.se**2 + tau[:, None] ** 2)
        location, scale = self._prior_of_mu(powers)
        own = (powers.mu / scale**2)[:, None]
        total = powers.trials @ precision.T + own
        if not total.min() > 0.0:
            return None
        mean = (powers.trials @ (precision * effects.y).T + own * location[:, None]) / total
        half = np.sqrt(2.0 * prepared.resolution.fall + 7.0) / np.sqrt(total)
        return (mean - half).min(axis=0), (mean + half).max(axis=0)

    # ---- what a table says of the variations

    def _log_posterior(self, table: Table, sums: Array, powers: Powers, points: int) -> tuple[Array, Array]:
        """Equally spaced means (T, N), and the log posterior there less the prior of tau (S, T, N)."""
        place = np.linspace(-1.0, 1.0, points)
        low, high = table.low[:, None], table.high[:, None]
        m = 0.5 * (low + high) + 0.5 * (high - low) * place
        value = sums @ np.polynomial.chebyshev.chebvander(place, sums.shape[2] - 1).T
        return m, value + self._log_prior(m, powers)

    def _log_prior(self, m: Array, powers: Powers) -> Array:
        """The log prior of the mean at m (T, N), of each variation."""
        location, sd = (part[:, None, None] for part in self._prior_of_mu(powers))
        with np.errstate(invalid="ignore"):
            log_prior = np.where(np.isfinite(sd), -0.5 * ((m - location) / sd) ** 2 - np.log(sd) - 0.5 * LOG_2PI, 0.0)
        return np.asarray(powers.mu[:, None, None] * log_prior)

    def _prior_of_mu(self, powers: Powers) -> tuple[Array, Array]:
        """Locations and scales (S,)."""
        number = len(powers.trials)
        if powers.normal is not None:
            return np.zeros(number), powers.normal
        return np.full(number, self._location), np.full(number, self._scale)

    def _weighted(self, table: Table, powers: Powers, tails: list[float]) -> ManyMeans | None:
        """The posteriors, where the windows of the table hold them and are not too wide for them."""
        dense = self._dense(table, powers)
        if dense is None:
            return None
        points, value = dense
        spacing = points[:, 1] - points[:, 0]
        peak = value.max(axis=2)
        log_evidence = peak + np.log(np.exp(value - peak[:, :, None]).sum(axis=2)) + np.log(spacing)
        weights: list[Weights] = [
            weigh(table.panels, log_evidence[s], PoweredPrior(prior, float(powers.tau[s])), tails[s])
            for s, prior in enumerate(powers.priors)
        ]
        return ManyMeans(
            self._prepared.kernel,
            table.panels.tau,
            points,
            spacing,
            value - log_evidence[:, :, None],
            weights,
            self._prepared.resolution.panel,
        )

    def _dense(self, table: Table, powers: Powers) -> tuple[Array, Array] | None:
        """Equally spaced means (T, N) with the log posteriors there (S, T, N), where the windows hold them."""
        sums = table.summed(powers)
        dense = max(DENSE, 2 * sums.shape[2])
        _, rough = self._log_posterior(table, sums, powers, dense)
        depth = rough.max(axis=2) - np.maximum(rough[:, :, 0], rough[:, :, -1])
        sd = sharpest(rough.reshape(-1, dense), 2.0 / (dense - 1))
        n = max(int(np.ceil(2.0 / (SPACING * float(sd.min())))) + 1, 33)
        if depth.min() < self._prepared.resolution.fall - SLACK or n > MOST_POINTS:
            return None
        return self._log_posterior(table, sums, powers, n)
