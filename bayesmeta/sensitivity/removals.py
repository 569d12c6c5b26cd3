"""Which trials must go before a conclusion does."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from bayesmeta.errors import BayesmetaError
from bayesmeta.posterior import Posterior
from bayesmeta.sensitivity.asked import trials_of
from bayesmeta.sensitivity.count_subsets import CountSubsets
from bayesmeta.sensitivity.refit import without
from bayesmeta.sensitivity.subsets import Subsets
from bayesmeta.types import Array

TOGETHER = 3_000  # subsets that are tried where each costs a fraction of a millisecond
ONE_BY_ONE = 60  # fits where each costs milliseconds
AT_ONCE = 2_000
TRIED_WITH_COUNTS = 12  # of the sets of one size, beyond single trials

Subset = tuple[int, ...]
Chances = Callable[[Sequence[Subset]], Array]


@dataclass(frozen=True)
class Removal:
    """The fewest trials without which a probability falls below a bound.

    Attributes
    ----------
    studies : their names; None where no removal that was tried does it.
    probability : without them (or the lowest one seen).
    exact : whether all smaller sets were tried, so that no fewer trials do it.
    all_tried : the largest size of which every set was tried.
    """

    studies: tuple[str, ...] | None
    probability: float
    exact: bool
    all_tried: int


def fewest_removed(posterior: Posterior, side: int, bound: float) -> Removal:
    """The fewest trials whose removal brings P(effect on this side of OR 1) below a bound.

    All sets of one trial, of two, ... as long as they are few enough; then, from the set that brought the probability
    lowest, one trial more at a time.

    Parameters
    ----------
    posterior : the analysis as given.
    side : +1 for OR > 1, -1 for OR < 1.
    bound : probability.
    """
    subsets = Subsets.of(posterior)
    proposals = None if subsets is not None else Subsets.like(posterior)
    if proposals is not None:
        return _proposed(posterior, proposals, side, bound)
    chances = _by_sums(subsets, side) if subsets is not None else _by_fits(posterior, side)
    limit = TOGETHER if subsets is not None else 0 if posterior.model.tau_differs else ONE_BY_ONE
    studies = list(_units(posterior))
    k, tried, all_tried = len(studies), 0, 0
    best: tuple[float, Subset] = (np.inf, ())
    for size in range(1, k):
        if size == 1 or tried + comb(k, size) <= limit:
            candidates: list[Subset] = list(combinations(range(k), size))
            tried, all_tried = tried + len(candidates), size
        elif subsets is not None or size - all_tried <= 2:
            candidates = [tuple(sorted({*best[1], other})) for other in range(k) if other not in best[1]]
        else:
            break
        found = chances(candidates)
        lowest = int(np.nanargmin(found)) if np.isfinite(found).any() else -1
        if lowest < 0:
            break
        best = (float(found[lowest]), candidates[lowest])
        if best[0] < bound:
            return Removal(tuple(studies[i] for i in best[1]), best[0], size - 1 <= all_tried, all_tried)
    return Removal(None, best[0], False, all_tried)


def _proposed(posterior: Posterior, proposals: Subsets, side: int, bound: float) -> Removal:
    """For likelihoods of counts: each trial, then the sets that bring the normal likelihood's answer lowest."""
    studies, propose, chances = posterior.studies_in_model, _by_sums(proposals, side), _by_fits(posterior, side)
    k, tried, all_tried = len(studies), 0, 0
    best: tuple[float, Subset] = (np.inf, ())
    last: Subset = ()
    for size in range(1, k):
        if tried + comb(k, size) <= TOGETHER:
            candidates: list[Subset] = list(combinations(range(k), size))
            tried += len(candidates)
        else:
            candidates = [tuple(sorted({*last, other})) for other in range(k) if other not in last]
        every = size == 1 and k <= ONE_BY_ONE
        most = k if every else TRIED_WITH_COUNTS
        all_tried += every
        lowest = [candidates[i] for i in np.argsort(propose(candidates))[:most]]
        found = chances(lowest)
        if np.isnan(found).all():
            break
        position = int(np.nanargmin(found))
        last, best = lowest[position], min(best, (float(found[position]), lowest[position]))
        if best[0] < bound:
            return Removal(tuple(studies[i] for i in best[1]), best[0], size - 1 <= all_tried, all_tried)
    return Removal(None, best[0], False, all_tried)


def _by_fits(posterior: Posterior, side: int) -> Chances:
    """Together where the model allows it, else one fit for each set."""

    units = list(_units(posterior).values())

    def chance(removed: Subset) -> float:
        try:
            left = without(posterior, [study for i in removed for study in units[i]])
        except BayesmetaError:
            return np.nan
        above = left.effect().probability(above=0.0)
        return above if side > 0 else 1.0 - above

    together = CountSubsets.of(posterior)
    place = {study: position for position, study in enumerate(posterior.studies_in_model)}

    def chances(removed: Sequence[Subset]) -> Array:
        found = np.full(len(removed), np.nan)
        if together is not None:
            kept = np.ones((len(removed), len(place)))
            for left, subset in zip(kept, removed, strict=True):
                left[[place[study] for i in subset for study in units[i]]] = 0.0
            above = together.above(kept)
            found = above if side > 0 else 1.0 - above
        alone = np.isnan(found)
        found[alone] = [chance(subset) for subset, left in zip(removed, alone, strict=True) if left]
        return found

    return chances


def _units(posterior: Posterior) -> dict[str, tuple[str, ...]]:
    """The trials in the model with their rows."""
    known = set(posterior.studies_in_model)
    found = {name: tuple(row for row in rows if row in known) for name, rows in trials_of(posterior).items()}
    return {name: rows for name, rows in found.items() if rows}


def _kept(removed: Sequence[Subset], k: int) -> Array:
    """(n, k) 1 where a trial is left, 0 where it is not; sets of one size."""
    part = np.array(removed, dtype=np.int64)
    kept = np.ones((len(part), k))
    kept[np.arange(len(part))[:, None], part] = 0.0
    return kept


def _by_sums(subsets: Subsets, side: int) -> Chances:
    """All sets together."""
    k = len(subsets.problem.y)

    def chances(removed: Sequence[Subset]) -> Array:
        found = []
        for start in range(0, len(removed), AT_ONCE):
            part = removed[start : start + AT_ONCE]
            kept = _kept(part, k)
            above = subsets.above(kept) if k - len(part[0]) >= subsets.least else np.full(len(part), np.nan)
            found.append(above if side > 0 else 1.0 - above)
        return np.concatenate(found)

    return chances
