"""A model of two outcomes at once: likelihood and priors. Describes; does not compute."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

from bayesmeta.effects import ZERO_CELL_RULES
from bayesmeta.errors import ModelError
from bayesmeta.model.given import DOUBTFUL
from bayesmeta.priors import EffectPrior, HalfNormal, HeterogeneityPrior, Normal, OddsRatioWithin, Prior, parse_prior
from bayesmeta.priors.correlation import CorrelationPrior
from bayesmeta.types import Json

JOINT_LIKELIHOODS = ("normal", "trinomial")
OUTCOMES = 2

Effects = EffectPrior | str | tuple[EffectPrior | str, EffectPrior | str]
Heterogeneities = HeterogeneityPrior | str | tuple[HeterogeneityPrior | str, HeterogeneityPrior | str]


@dataclass(frozen=True)
class JointModel:
    """Random effects of two outcomes together: (theta_i1, theta_i2) ~ N2((mu_1, mu_2), T), T from tau_1, tau_2, rho.

    Parameters
    ----------
    likelihood : "normal", both log odds ratios of a trial bivariate normal with a known within-trial covariance; or
        "trinomial", the counts of the three categories multinomial in each arm, with two baselines for each trial.
        Either takes trials that report one outcome only: as a univariate normal, or as the collapsed counts.
    mu : prior of the pooled effects; two of them for a prior of its own for each outcome.
    tau : prior of the heterogeneity standard deviations, likewise.
    rho : prior of the correlation of the random effects: "uniform(-1, 1)", "lkj(2)", "fixed(0)".
    baseline : prior of the baseline log odds of either outcome, midway between the arms (trinomial). In trials that
        report both it is restricted to baselines at which the three proportions of both arms are positive.
    zero_cells : rule for tables with a zero (normal).
    within : correlation of both estimates of a trial (normal); None where the counts say it.

    Priors may be given as text. Why each default is what it is: docs/decisions/joint-models.md.

    Raises
    ------
    ModelError, PriorError : for a part that does not exist, naming those that do.

    References
    ----------
    van Houwelingen, Arends & Stijnen 2002, Stat Med 21:589 (bivariate random effects); Riley 2009, J R Stat Soc A
    172:789 (borrowing of strength); Trikalinos, Hoaglin & Schmid 2014, Stat Med 33:1441 (multinomial outcomes).

    Examples
    --------
    >>> model = JointModel(rho="lkj(2)", tau=("half_normal(0.5)", "half_normal(1)"))
    >>> model.tau_priors[1]
    HalfNormal(scale=1.0)
    """

    likelihood: str = "normal"
    mu: Effects = OddsRatioWithin(250)
    tau: Heterogeneities = HalfNormal(0.5)
    rho: CorrelationPrior | str = "uniform(-1, 1)"
    baseline: EffectPrior | str = Normal(0, 5)
    zero_cells: str = "only_zero"
    within: float | None = None

    def __post_init__(self) -> None:
        if self.likelihood not in JOINT_LIKELIHOODS:
            raise ModelError(
                f"likelihood {self.likelihood!r}: there is no such for joint outcomes. Known:"
                f" {', '.join(JOINT_LIKELIHOODS)}."
            )
        if self.zero_cells not in tuple(ZERO_CELL_RULES):
            raise ModelError(f"zero cells {self.zero_cells!r}: no such rule. Known: {', '.join(ZERO_CELL_RULES)}.")
        object.__setattr__(self, "mu", _pair(self.mu, "mu", EffectPrior))
        object.__setattr__(self, "tau", _pair(self.tau, "tau", HeterogeneityPrior))
        object.__setattr__(self, "rho", CorrelationPrior.of(self.rho))
        object.__setattr__(self, "baseline", _prior(self.baseline, "baseline", EffectPrior))

    @property
    def mu_priors(self) -> tuple[EffectPrior, EffectPrior]:
        """The prior of the pooled effect of each outcome."""
        return cast(tuple[EffectPrior, EffectPrior], self.mu)

    @property
    def tau_priors(self) -> tuple[HeterogeneityPrior, HeterogeneityPrior]:
        """The prior of the heterogeneity of each outcome."""
        return cast(tuple[HeterogeneityPrior, HeterogeneityPrior], self.tau)

    @property
    def rho_prior(self) -> CorrelationPrior:
        """The prior of the correlation, as an object."""
        return cast(CorrelationPrior, self.rho)

    @property
    def baseline_prior(self) -> EffectPrior:
        """The prior of each baseline, as an object."""
        return cast(EffectPrior, self.baseline)

    @property
    def has_exact(self) -> bool:
        """Whether the exact engine carries this model."""
        carried = EXACT.get(self.likelihood)
        return carried is not None and carried(self)

    def but(self, **changes: Any) -> "JointModel":
        """The same model with some parts changed.

        Examples
        --------
        >>> str(JointModel().but(rho="fixed(0)").rho)
        'fixed(0)'
        """
        return replace(self, **changes)

    def to_dict(self) -> Json:
        """Plain data, priors as text, one for both outcomes or a list of two; read by `JointModel.from_dict`.

        Where a prior's numbers are in doubt, "doubtful" has the reason by the name of the part: {"tau": "..."}.
        """
        found = {part.name: _plain(getattr(self, part.name)) for part in fields(self)}
        doubts = _doubts({"mu": self.mu_priors, "tau": self.tau_priors})
        return found | ({DOUBTFUL: doubts} if doubts else {})

    @classmethod
    def from_dict(cls, parts: Json) -> "JointModel":
        """The model that `to_dict` describes; parts that are not there have their defaults.

        Examples
        --------
        >>> JointModel.from_dict(JointModel().to_dict()) == JointModel()
        True
        """
        known = [part.name for part in fields(cls)]
        parts = {name: value for name, value in parts.items() if name != DOUBTFUL}  # follows from the priors
        unknown = [name for name in parts if name not in known]
        if unknown:
            raise ModelError(f"a joint model has no part {unknown[0]!r}. Its parts: {', '.join(known)}.")
        return cls(**parts)


#: Likelihoods that the exact engine carries, each with what it asks of the model.
EXACT: dict[str, Callable[[JointModel], bool]] = {
    "normal": lambda model: all(prior.gaussian is not None for prior in model.mu_priors),
    "trinomial": lambda model: all(prior.gaussian is not None for prior in (*model.mu_priors, model.baseline_prior)),
}


def _pair(given: Any, role: str, wanted: type) -> tuple[Any, Any]:
    both = tuple(given) if isinstance(given, tuple | list) else (given, given)
    if len(both) != OUTCOMES:
        raise ModelError(f"{role}: {len(both)} priors. State one for both outcomes, or two.")
    return _prior(both[0], role, wanted), _prior(both[1], role, wanted)


def _prior(prior: Any, role: str, wanted: type) -> Any:
    found = parse_prior(prior, role) if isinstance(prior, str) else prior
    if not isinstance(found, wanted):
        kind = "heterogeneity" if wanted is HeterogeneityPrior else "an effect"
        raise ModelError(f"{role} prior {prior!r}: expected a prior for {kind}.")
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        texts = [str(prior) for prior in value]
        return texts[0] if texts[0] == texts[1] else texts
    return value if value is None or isinstance(value, str | float | int) else str(value)


def _doubts(pairs: Mapping[str, tuple[Prior, Prior]]) -> dict[str, str]:
    doubts = {role: [prior.doubtful for prior in pair if prior.doubtful] for role, pair in pairs.items()}
    return {role: reasons[0] for role, reasons in doubts.items() if reasons}
