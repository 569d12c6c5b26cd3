"""Priors by column of the design, as unchangeable as the model that holds them."""

from collections.abc import Iterator, Mapping

from bayesmeta.priors import EffectPrior


class ByColumn(Mapping[str, EffectPrior]):
    """A mapping from column to prior that can be hashed and not be changed.

    Examples
    --------
    >>> from bayesmeta.priors import Normal
    >>> ByColumn({"dose": Normal(0, 2)})["dose"]
    Normal(location=0.0, scale=2.0)
    """

    def __init__(self, priors: Mapping[str, EffectPrior]) -> None:
        self._priors = dict(priors)

    def __getitem__(self, column: str) -> EffectPrior:
        return self._priors[column]

    def __iter__(self) -> Iterator[str]:
        return iter(self._priors)

    def __len__(self) -> int:
        return len(self._priors)

    def __hash__(self) -> int:
        return hash(frozenset(self._priors.items()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self._priors == dict(other)

    def __repr__(self) -> str:
        return repr(self._priors)
