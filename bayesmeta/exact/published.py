"""Selection for publication, averaged over its weights: the factor by which it changes the likelihood at (mu, tau).

prod_i omega_j(i) / sum_j omega_j P_ij(mu, tau), averaged over the prior of omega by Gauss quadrature in the sticks of
which the prior is made. With v = t^2 the nodes of t resolve weights near 0, where a trial's chance of publication is
all that bounds its factor.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.polynomial import legendre

from bayesmeta.effects import Effects
from bayesmeta.errors import ModelError
from bayesmeta.likelihoods.published import cumulative_chances
from bayesmeta.model import OmegaPrior, Selection
from bayesmeta.types import Array, Integers

Ends = tuple[tuple[float, float], ...]
POWER = 2
NODES = {0: 1, 1: 40, 2: 18, 3: 12, 4: 7}  # of each stick, by the number of sticks
COARSE = 4  # with which the range of mu is looked for
MANY = 40.0  # trials; more of them know the weights better, and need more nodes
AT_ONCE = 1 << 15
DIFFERENT = 20  # standard errors that stand for those of any number of trials
FEW = 48  # trials, of which each is taken by itself
SEVERAL = 2  # sticks, of which the nodes are looked for where the weights are
NEGLIGIBLE = 1e-10  # mass of a node of one stick
WORTHWHILE = 0.7  # of the volume: what is narrowed no more than that stays
ROUNDS = 6
FOCUSED = 1.3  # times the nodes, once they are where the weights are
TOGETHER = 8  # factors multiplied before a logarithm is taken


@dataclass(frozen=True, eq=False)
class WeightNodes:
    """Nodes of the weights: a product of Gauss rules in t, of the sticks v = upper t^2.

    Attributes
    ----------
    shape : (n, ..., n), one axis a stick; () where the weights are known.
    omega : (Q, J), the first column 1.
    log_weight : (Q,) log of quadrature weight and prior density.
    """

    shape: tuple[int, ...]
    omega: Array
    log_weight: Array

    @classmethod
    def of(cls, prior: OmegaPrior, free: int, nodes: int, ends: Ends = ()) -> "WeightNodes":
        """A product rule for J - 1 = `free` weights, with t between the ends of each stick, or from 0 to 1."""
        sticks = prior.sticks(free)
        x, w = legendre.leggauss(nodes)
        if not sticks:
            omega = np.concatenate([np.ones((1, 1)), prior.draws(free, 1, np.random.default_rng(0))], axis=1)
            return cls((), omega, np.zeros(1))
        values, logs = [], []
        for stick, (low, high) in zip(sticks, ends or ((0.0, 1.0),) * len(sticks)):
            t = low + 0.5 * (high - low) * (1.0 + x)
            v = stick.upper * t**POWER
            values.append(v)
            step = 0.5 * (high - low) * w
            logs.append(stick.log_density(v) + np.log(step * POWER * stick.upper * t ** (POWER - 1)))
        grids = np.meshgrid(*values, indexing="ij")
        omega = prior.weights_of(np.stack([grid.ravel() for grid in grids], axis=-1))
        log_weight = np.sum(np.meshgrid(*logs, indexing="ij"), axis=0).ravel()
        return cls((nodes,) * len(sticks), np.column_stack([np.ones(len(omega)), omega]), log_weight)


@dataclass(frozen=True, eq=False)
class Published:
    """The trials, as they were selected.

    Parameters
    ----------
    effects : estimates with standard errors.
    selection : with its side.
    prior : of the weights.
    finer : factor on the number of nodes.
    ends : of t for each stick, where the trials are many and know the weights well; () for 0 to 1.
    """

    effects: Effects
    selection: Selection
    prior: OmegaPrior
    finer: float = 1.0
    ends: Ends = ()

    def __post_init__(self) -> None:
        if len(self.prior.sticks(self.free)) not in NODES:
            raise ModelError(
                f"selection {self.selection.text}: {self.free} weights. The exact engine integrates over up to"
                f" {max(NODES)}. State fewer cut points, known weights (--omega fixed(...)), or --engine nuts"
                ' (engine="nuts").'
            )

    @property
    def free(self) -> int:
        """Number of weights that are not 1 by definition."""
        return self.selection.intervals - 1

    @cached_property
    def interval(self) -> Integers:
        """(k,) the interval of each trial's p value."""
        return self.selection.interval_of(self.effects.y, self.effects.se)

    @cached_property
    def counts(self) -> Array:
        """(J,) number of trials in each interval."""
        return np.bincount(self.interval, minlength=self.free + 1).astype(float)

    @cached_property
    def sizes(self) -> tuple[Array, Array]:
        """Standard errors and how many trials each stands for: the trials', or where they are many a Gauss rule.

        sum_i f(log s_i) = sum_r n_r f(log s_r) for polynomials f of a degree below twice the number of nodes.
        """
        se = self.effects.se
        if len(se) <= FEW:
            return se, np.ones(len(se))
        return _gauss_rule(np.log(se), int(DIFFERENT * self.finer))

    @cached_property
    def nodes(self) -> WeightNodes:
        sticks = len(self.prior.sticks(self.free))
        many = FOCUSED if self.ends else max(1.0, len(self.effects.y) / MANY) ** 0.5 if sticks == 1 else 1.0
        return WeightNodes.of(self.prior, self.free, int(np.ceil(NODES[sticks] * many * self.finer)), self.ends)

    @cached_property
    def coarse(self) -> WeightNodes:
        return WeightNodes.of(self.prior, self.free, COARSE if self.nodes.shape else 1, self.ends)

    def focused(self, mass_of: "Callable[[Published], Array]") -> "Published":
        """The same with nodes where the weights are, if the trials are so many that these are but a part of all.

        Parameters
        ----------
        mass_of : from nodes to their posterior probabilities.
        """
        found = self
        if len(self.effects.se) <= FEW or len(self.nodes.shape) < SEVERAL:
            return found
        for _ in range(ROUNDS):
            ends = found._narrowed(mass_of(found))
            if ends == found.ends:
                break
            found = replace(found, ends=ends)
        return found

    def _narrowed(self, mass: Array) -> Ends:
        """Ends of t that hold all but a negligible part of the mass of each stick; as they are where little is won."""
        x = 0.5 * (1.0 + legendre.leggauss(self.nodes.shape[0])[0])
        now = self.ends or ((0.0, 1.0),) * mass.ndim
        narrowed = []
        for axis, (low, high) in enumerate(now):
            alone = mass.sum(axis=tuple(other for other in range(mass.ndim) if other != axis))
            held = np.flatnonzero(alone > NEGLIGIBLE * alone.sum())
            # One node more on each side: the outermost lie close to the ends.
            around = np.concatenate([[0.0], x, [1.0]])
            first, last = around[max(held[0], 0)], around[min(held[-1] + 2, len(x) + 1)]
            narrowed.append((low + (high - low) * first, low + (high - low) * last))
        before, after = (np.prod([high - low for low, high in ends]) for ends in (now, narrowed))
        return tuple((float(low), float(high)) for low, high in narrowed) if after < WORTHWHILE * before else self.ends

    def chances(self, mean: Array, tau: Array) -> Array:
        """(S, P, J) probability of each interval of p at P pairs (mean, tau), for each of the sizes."""
        below = cumulative_chances(
            self.selection.critical,
            self.selection.sign,
            self.selection.kind == "two_sided",
            self.sizes[0][:, None],
            mean,
            tau,
        )
        ends = np.zeros((*below.shape[:-1], 1))
        return np.maximum(np.diff(below, axis=-1, prepend=ends, append=ends + 1.0), 0.0)

    def log_given(self, mean: Array, tau: Array, nodes: WeightNodes) -> Array:
        """(P, Q) log of weight, prior and factor at each node of omega."""
        value = np.tile(nodes.log_weight + np.log(nodes.omega) @ self.counts, (len(mean), 1))
        columns = np.ascontiguousarray(nodes.omega.T)
        chances = self.chances(mean, tau)
        # A chance of publication is at least the smallest weight, so that a product of eight is still a number.
        product, one = np.empty_like(value), np.empty_like(value)
        if len(chances) < len(self.effects.se):
            for chance, number in zip(chances, self.sizes[1], strict=True):
                np.matmul(chance, columns, out=one)
                value -= number * np.log(one, out=one)
            return value
        for first in range(0, len(chances), TOGETHER):
            np.matmul(chances[first], columns, out=product)
            for chance in chances[first + 1 : first + TOGETHER]:
                np.matmul(chance, columns, out=one)
                product *= one
            value -= np.log(product, out=product)
        return value

    def log_factor(self, mean: Array, tau: Array, *, coarse: bool = False) -> Array:
        """Log of the factor, averaged over omega, at P pairs (mean, tau): (P,)."""
        nodes = self.coarse if coarse else self.nodes
        found = np.empty(len(mean))
        for part in self._parts(len(mean), nodes):
            value = self.log_given(mean[part], tau[part], nodes)
            largest = value.max(axis=1)
            found[part] = largest + np.log(np.exp(value - largest[:, None]).sum(axis=1))
        return found

    def averaged(self, mean: Array, tau: Array, weight: Array) -> Array:
        """(Q,) posterior probability of each node of omega, with weights (P,) of the pairs (mean, tau)."""
        found = np.zeros(len(self.nodes.omega))
        for part in self._parts(len(mean), self.nodes):
            found += weight[part] @ self.given(mean[part], tau[part])
        return found

    def given(self, mean: Array, tau: Array) -> Array:
        """(P, Q) probability of each node of omega given (mean, tau)."""
        value = self.log_given(mean, tau, self.nodes)
        share = np.exp(value - value.max(axis=1, keepdims=True))
        return np.asarray(share / share.sum(axis=1, keepdims=True))

    def _parts(self, points: int, nodes: WeightNodes) -> list[slice]:
        size = max(1, AT_ONCE // len(nodes.omega))
        return [slice(first, first + size) for first in range(0, points, size)]


def _gauss_rule(x: Array, nodes: int) -> tuple[Array, Array]:
    """exp of the nodes, and the weights, of the Gauss rule for the sum over x, by Lanczos' iteration.

    References
    ----------
    Golub & Meurant 2010, Matrices, Moments and Quadrature with Applications, section 4.1.

    Examples
    --------
    >>> nodes, weights = _gauss_rule(np.log(np.arange(1.0, 101.0)), 4)
    >>> bool(np.isclose(weights @ np.log(nodes) ** 7, (np.log(np.arange(1.0, 101.0)) ** 7).sum()))
    True
    """
    basis = [np.ones(len(x)) / np.sqrt(len(x))]
    diagonal: list[float] = []
    beside: list[float] = []
    for _ in range(nodes):
        step = x * basis[-1]
        diagonal.append(float(basis[-1] @ step))
        for _ in range(2):  # orthogonal to all that came before, to rounding
            for one in basis:
                step = step - (one @ step) * one
        length = float(np.linalg.norm(step))
        if length < 1e-12 * max(1.0, float(np.abs(x).max())):
            break
        beside.append(length)
        basis.append(step / length)
    size = len(diagonal)
    matrix = np.diag(diagonal) + np.diag(beside[: size - 1], 1) + np.diag(beside[: size - 1], -1)
    found, vectors = np.linalg.eigh(matrix)
    return np.exp(found), len(x) * vectors[0] ** 2
