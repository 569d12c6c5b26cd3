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

TOGETHER = 5_000  # subsets that are looked at where each costs a fraction of a millisecond: all of twelve trials
SHARED = 300  # where trials of counts are integrated once for all subsets, and each costs some hundredths of a second
ONE_BY_ONE = 60  # where each is a fit
AT_ONCE = 2_000
VERIFIED = 12  # of the sets of one size that a quick route proposes
FRUITLESS = 2  # sizes beyond the last one that was tried whole, where each set is a fit

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
    all_tried : the largest size up to which every set was tried.
    some_tried : the largest size of which some were.
    """

    studies: tuple[str, ...] | None
    probability: float
    exact: bool
    all_tried: int
    some_tried: int


@dataclass(frozen=True)
class Routes:
    """How the sets of trials of one analysis are looked at.

    Attributes
    ----------
    chances : the probability without each set.
    limit : how many sets may be tried, beyond each trial by itself.
    propose : the same by the normal likelihood, where that is a quick guess of `chances`.
    costly : whether each set is a fit.
    """

    chances: Chances
    limit: int
    propose: Chances | None
    costly: bool

    @classmethod
    def of(cls, posterior: Posterior, side: int) -> "Routes":
        """Sums where the likelihood is normal, shared integrals where it is of counts, else fits."""
        subsets = Subsets.of(posterior)
        if subsets is not None:
            return cls(_by_sums(subsets, side), TOGETHER, None, False)
        proposals, shared = Subsets.like(posterior), CountSubsets.of(posterior) is not None
        limit = SHARED if shared else 0 if posterior.model.tau_differs else ONE_BY_ONE
        propose = None if proposals is None else _by_sums(proposals, side)
        return cls(_by_fits(posterior, side), limit, propose, not shared)


def fewest_removed(posterior: Posterior, side: int, bound: float) -> Removal:
    """The fewest trials whose removal brings P(effect on this side of OR 1) below a bound.

    All sets of one trial, of two, ... as long as they are few enough. Then, with a likelihood of counts, those that
    bring the normal likelihood's answer lowest, out of all sets as long as these are few enough; else, and beyond
    that, from the set that brought the probability lowest, one trial more at a time.

    Parameters
    ----------
    posterior : the analysis as given.
    side : +1 for OR > 1, -1 for OR < 1.
    bound : probability.
    """
    routes, studies = Routes.of(posterior, side), list(_units(posterior))
    k, all_tried, some_tried = len(studies), 0, 0
    lowest: tuple[float, Subset] = (np.inf, ())
    last: Subset = ()
    for size in range(1, k):
        up_to = sum(comb(k, n) for n in range(1, size + 1))
        every = size == 1 or up_to <= routes.limit
        if not every and routes.propose is None and routes.costly and size - all_tried > FRUITLESS:
            break
        candidates = _candidates(routes, k, size, last, every, up_to)
        found = routes.chances(candidates)
        if np.isnan(found).all():
            break
        all_tried, some_tried = size if every else all_tried, size
        position = int(np.nanargmin(found))
        last, lowest = candidates[position], min(lowest, (float(found[position]), candidates[position]))
        if lowest[0] < bound:
            gone = tuple(studies[i] for i in lowest[1])
            return Removal(gone, lowest[0], size - 1 <= all_tried, all_tried, some_tried)
    return Removal(None, lowest[0], False, all_tried, some_tried)


def _candidates(routes: Routes, k: int, size: int, last: Subset, every: bool, up_to: int) -> list[Subset]:
    """The sets of a size that are tried: all; those that a quick route proposes; or one trial more than the last."""
    if every:
        return list(combinations(range(k), size))
    grown = [tuple(sorted({*last, other})) for other in range(k) if other not in last]
    if routes.propose is None:
        return grown
    looked_at = list(combinations(range(k), size)) if up_to <= TOGETHER else grown
    return [looked_at[i] for i in np.argsort(routes.propose(looked_at))[:VERIFIED]]


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
