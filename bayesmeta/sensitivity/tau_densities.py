"""Log densities of many priors of tau at once."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from bayesmeta.priors import HeterogeneityPrior
from bayesmeta.types import Array

PROBES = np.array([0.013, 0.37, 2.9])
NARROW, NARROW_AT = 0.1, np.array([1e-13, 1e-3, 0.5, 1.0 - 1e-3, 1.0 - 1e-13])


class TauPriors:
    """Priors of tau that are evaluated together.

    Members of a family that differ in their scale alone are one density: p(tau; s) = p(tau / s; 1) / s, so that
    hundreds of half-normals cost one call. Whether a field called scale is one is tried out, not believed.

    Parameters
    ----------
    priors : n priors.

    Examples
    --------
    >>> from bayesmeta.priors import HalfNormal, Uniform
    >>> priors = [HalfNormal(0.5), Uniform(0, 2), HalfNormal(1)]
    >>> values = TauPriors(priors).log_densities(np.array([0.3, 1.0]))
    >>> bool(np.allclose(values, [prior.log_density(np.array([0.3, 1.0])) for prior in priors]))
    True
    """

    def __init__(self, priors: Sequence[HeterogeneityPrior]) -> None:
        self.priors = tuple(priors)
        families: dict[tuple[object, ...], list[int]] = {}
        for position, prior in enumerate(self.priors):
            families.setdefault(_but_for_scale(prior), []).append(position)
        self._alone: list[int] = []
        self._families = []
        for positions in families.values():
            last = self.priors[positions[-1]]
            if len(positions) > 1 and "scale" in last.parameters():
                scales = np.array([vars(self.priors[position])["scale"] for position in positions])
                unit = replace(last, scale=1.0)  # type: ignore[call-arg]
                together = unit.log_density(PROBES) - np.log(scales[-1])
                if np.allclose(last.log_density(PROBES * scales[-1]), together, rtol=1e-13, atol=1e-13):
                    self._families.append((unit, np.array(positions), scales))
                    continue
            self._alone += positions

    @property
    def breaks(self) -> tuple[float, ...]:
        """Where some density is not smooth, or so narrow that equally spaced points would miss it."""
        points = {point for prior in self.priors for point in prior.breaks}
        for position in self._alone:
            prior = self.priors[position]
            if prior.proper:
                at = prior.quantile(NARROW_AT)
                points |= set(at.tolist()) if at[3] - at[1] < NARROW * at[2] else set()
        return tuple(sorted(map(float, points)))

    def log_densities(self, tau: Array) -> Array:
        """(T,) values of tau to (n, T) log densities."""
        values = np.empty((len(self.priors), len(tau)))
        for unit, positions, scales in self._families:
            values[positions] = unit.log_density(tau / scales[:, None]) - np.log(scales)[:, None]
        for position in self._alone:
            values[position] = self.priors[position].log_density(tau)
        return values


def _but_for_scale(prior: HeterogeneityPrior) -> tuple[object, ...]:
    """What the members of a family that differ in their scale alone have in common."""
    return type(prior), *(getattr(prior, part.name) for part in fields(prior) if part.name != "scale")
