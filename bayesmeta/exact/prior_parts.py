"""Priors of the coefficients that are not normal, taken apart into normal ones: p(beta) = sum_c prod_j p_cj(beta_j).

Given tau, each part has a posterior of its own, weighted by the evidence for it. A Student-t prior has many normal
components about one centre; where an integral is numerical anyway, neighbours among them stay together, as one part
whose density is still smooth on the scale of its narrowest component. Those that are wide against what the trials say
stay together however much wider they are.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np

from bayesmeta.errors import ModelError
from bayesmeta.exact.given_tau import GivenTau, NormalProblem
from bayesmeta.likelihoods.normal import LOG_2PI
from bayesmeta.model import Design
from bayesmeta.priors import EffectPrior
from bayesmeta.types import Array, Integers

FAR = 10.0  # the prior is right so many times as far out as the trials lie, each way
UNBOUNDED = 1e-12  # probability of each tail of the prior that is left out where the trials do not bound an effect
NOWHERE = 1e8  # scale of a prior that says nothing
VAGUE = 1e30  # scale of a normal prior that stands for a flat one in a guess
TOUCHING = 1e-12  # locations closer than that are one
RATIO, RATIO_OF_SEVERAL = 3.5, 1.8  # of the largest scale in a part to its smallest, for one and for several columns
WIDE = 4.0  # standard deviations of what the trials say of a coefficient: scales beyond make one part
MOST_PARTS = 250

Normals = tuple[Array, Array, Array]  # shares, locations, scales
Bundle = tuple[float, Array, Array]  # a location, with the shares and scales of the components there


@dataclass(frozen=True, eq=False)
class PriorParts:
    """R products of sums of normal densities, one factor for each of p columns.

    Attributes
    ----------
    location : (R, p).
    log_share, scale : (R, p, M) of the normal components of each factor, about one location; shares need not sum to
        one. A scale of inf is a flat factor, of density 1. Unused components have a log share of -inf.
    node : (R,) the node of tau that a row is for.
    kind : (R,) rows of one kind are the same product.
    """

    location: Array
    log_share: Array
    scale: Array
    node: Integers
    kind: Integers

    def __len__(self) -> int:
        return len(self.location)

    @classmethod
    def of(cls, rows: list[tuple[Bundle, ...]], node: Integers, kind: Integers) -> "PriorParts":
        """From the bundle of each column in each of some products, and which of these each row (R,) is."""
        size = max(len(bundle[1]) for row in rows for bundle in row)
        shape = (len(rows), len(rows[0]), size)
        location, log_share, scale = np.empty(shape[:2]), np.full(shape, -np.inf), np.ones(shape)
        for r, row in enumerate(rows):
            for j, (centre, share, width) in enumerate(row):
                location[r, j] = centre
                log_share[r, j, : len(share)] = np.log(share)
                scale[r, j, : len(share)] = width
        return cls(location[kind], log_share[kind], scale[kind], node, kind)

    @cached_property
    def typical(self) -> Array:
        """(R, p) a scale that stands for those of each factor."""
        share = np.exp(self.log_share - self.log_share.max(axis=2, keepdims=True))
        return np.asarray(np.exp((share * np.log(self.scale)).sum(axis=2) / share.sum(axis=2)))

    @cached_property
    def share(self) -> Array:
        """(R,) prior probability of each part."""
        return np.asarray(np.exp(np.logaddexp.reduce(self.log_share, axis=2).sum(axis=1)))

    def guessed(self, problem: NormalProblem, tau: Array) -> GivenTau:
        """The normal likelihood's answer for each row, as if it had one normal component of the typical scale.

        Parameters
        ----------
        problem : the normal likelihood.
        tau : (T,) the nodes that the rows are for.
        """
        mean, root = np.empty_like(self.location), np.empty((len(self), *self.location.shape[1:] * 2))
        log_evidence = np.empty(len(self))
        for kind in range(int(self.kind.max()) + 1):
            rows = np.flatnonzero(self.kind == kind)
            location, scale = self.location[rows[0]], np.minimum(self.typical[rows[0]], VAGUE)
            given = replace(problem, prior_location=location, prior_scale=scale).given(tau[self.node[rows]])
            mean[rows], root[rows], log_evidence[rows] = given.mean, given.root, given.log_evidence
        return GivenTau(tau[self.node], log_evidence, mean, root)

    def log_density(self, beta: Array, rows: Integers) -> Array:
        """Log density: beta (r, N, p) at r of the rows to (r, N)."""
        total = np.zeros(beta.shape[:2])
        for j in range(beta.shape[2]):
            share, scale = self.log_share[rows, j], self.scale[rows, j]
            with np.errstate(divide="ignore"):
                constant = share - np.where(np.isinf(scale), 0.0, np.log(scale) + 0.5 * LOG_2PI)
            bend = 0.5 / scale**2
            away = np.square(beta[..., j] - self.location[rows, j, None])
            widest = np.where(np.isfinite(share), scale, 0.0).argmax(axis=1)[:, None]
            # Relative to the widest component nothing overflows: the others fall faster.
            first, slowest = (np.take_along_axis(values, widest, axis=1) for values in (constant, bend))
            total += first - slowest * away
            used = np.flatnonzero(np.isfinite(share).any(axis=0))
            if len(used) > 1:
                ratio = sum(np.exp(constant[:, [m]] - first - (bend[:, [m]] - slowest) * away) for m in used)
                total += np.log(ratio)
        return total


@dataclass(frozen=True, eq=False)
class NormalParts:
    """The prior of each column as a sum of normal ones.

    Attributes
    ----------
    columns : of each column the shares, locations and scales (n,) of its normal components.
    bounded : whether the trials bound every coefficient on both sides.
    """

    columns: tuple[Normals, ...]
    bounded: bool

    @classmethod
    def of(cls, design: Design, problem: NormalProblem, accuracy: float, bounded: bool = True) -> "NormalParts":
        """Take the priors of a design apart.

        Parameters
        ----------
        design : with its priors.
        problem : the normal likelihood of the trials, to know how far out they reach.
        accuracy : relative, of the priors' densities.
        bounded : if not, the priors' far tails matter.
        """
        if design.normal:
            pairs = zip(design.prior_location, design.prior_scale, strict=True)
            return cls(tuple((np.ones(1), np.full(1, one), np.full(1, scale)) for one, scale in pairs), bounded)
        columns = []
        for prior, (low, high) in zip(design.priors, _ranges(design, problem), strict=True):
            if not bounded and prior.gaussian is None:
                low, high = min(low, prior.quantile(UNBOUNDED)), max(high, prior.quantile_upper(UNBOUNDED))
            columns.append(_normals(prior, accuracy, low, high))
        return cls(tuple(columns), bounded)

    def separate(self, most: int) -> PriorParts | None:
        """Every product of single components; None where there are more than `most`."""
        if int(np.prod([len(share) for share, _, _ in self.columns])) > most:
            return None
        rows = list(product(*(_bundled(*column, 1.0) for column in self.columns)))
        return PriorParts.of(rows, np.zeros(len(rows), dtype=int), np.arange(len(rows)))

    def by_node(self, sd: Array) -> PriorParts | None:
        """The parts at each node of tau, by the standard deviations (T, p) that the trials alone leave there.

        None where there are too many.
        """
        ratio = RATIO if len(self.columns) == 1 else RATIO_OF_SEVERAL
        limits = WIDE * sd if self.bounded else np.full_like(sd, np.inf)
        code = np.zeros(len(sd), dtype=int)  # of how many scales are no wider than that, in all columns
        for (_, _, scale), limit in zip(self.columns, limits.T, strict=True):
            code = code * (len(scale) + 1) + np.searchsorted(np.sort(scale), limit)
        rows: list[tuple[Bundle, ...]] = []
        node, kind = np.empty(0, dtype=int), np.empty(0, dtype=int)
        for same in np.unique(code):
            here = np.flatnonzero(code == same)
            limit = limits[here[0]].tolist()
            bundles = [_bundled(*column, ratio, wide) for column, wide in zip(self.columns, limit, strict=True)]
            parts = int(np.prod([len(one) for one in bundles]))
            if parts > MOST_PARTS:
                return None
            node = np.append(node, np.repeat(here, parts))
            kind = np.append(kind, np.tile(np.arange(len(rows), len(rows) + parts), len(here)))
            rows += product(*bundles)
        order = np.argsort(node, kind="stable")
        return PriorParts.of(rows, node[order], kind[order])


def _normals(prior: EffectPrior, accuracy: float, low: float, high: float) -> Normals:
    if not prior.proper:
        return np.ones(1), np.zeros(1), np.full(1, np.inf)
    found = prior.as_normal_mixture(accuracy, (low, high))
    if found is None:
        raise ModelError(f"prior {prior}: the exact engine needs one that is a mixture of normal ones.")
    return found


def _ranges(design: Design, problem: NormalProblem) -> list[tuple[float, float]]:
    """For each column the range over which its prior has to be right: far beyond what the trials say for any tau."""
    p = len(design.columns)
    flat = replace(problem, prior_location=np.zeros(p), prior_scale=np.full(p, NOWHERE))
    largest = float(problem.se.max())
    given = flat.given(np.array([0.0, float(np.median(problem.se)), largest, 100.0 * largest]))
    mean, variance = given.linear(np.eye(p))
    ranges = []
    for j in range(p):
        middle, sd = design.prior_location[j], float(np.sqrt(variance[j, 0]))
        reach = FAR * (float(np.abs(mean[j] - middle).max()) + 3.0 * sd)
        ranges.append((middle - reach, middle + reach))
    return ranges


def _bundled(share: Array, location: Array, scale: Array, ratio: float, wide: float = np.inf) -> list[Bundle]:
    """Components by location and, within a ratio or beyond what is wide, by scale."""
    order = np.lexsort((scale, location))
    order = order[share[order] > 0.0]
    bundles: list[Bundle] = []
    start = 0
    for end in range(1, len(order) + 1):
        first = order[start]
        if end < len(order):
            one = order[end]
            near = abs(location[one] - location[first]) <= TOUCHING * scale[first]
            if near and (scale[one] <= ratio * scale[first] or scale[first] >= wide):
                continue
        chosen = order[start:end]
        bundles.append((float(location[first]), share[chosen], scale[chosen]))
        start = end
    return bundles
