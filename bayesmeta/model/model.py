"""What is assumed: likelihood, random effects, moderators, priors. Describes; does not compute."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np

from bayesmeta.effects import ZERO_CELL_RULES
from bayesmeta.errors import BayesmetaWarning, ModelError
from bayesmeta.model.baselines import Exchangeable, parse_baseline
from bayesmeta.model.coding import coded_by
from bayesmeta.model.design import Design, design_of
from bayesmeta.model.formula import Formula
from bayesmeta.model.given import (
    DOUBTFUL,
    correlation_of,
    doubts_of,
    one_of,
    plain,
    prior_for,
    prior_of_omega,
    priors_of,
    refuse_no_text,
)
from bayesmeta.model.omega import OmegaPrior
from bayesmeta.model.random_effects import parse_random_effects, random_effects_text
from bayesmeta.model.selection import Selection, parse_selection
from bayesmeta.model.setting import read_setting, refuse_unknown, setting_text
from bayesmeta.priors import EffectPrior, HalfNormal, HeterogeneityPrior, Normal, OddsRatioWithin
from bayesmeta.trials import Trials, refuse_other_than_trials
from bayesmeta.types import Json

LIKELIHOODS = ("normal", "binomial", "hypergeometric")
AUTO = "auto"  # the likelihood that fits what the trials show, chosen when there are trials
OF_COUNTS, OF_ESTIMATES = "hypergeometric", "normal"
BASELINES_AT = ("midpoint", "control")
ZERO_CELLS = "only_zero"
# Not stated: where control_risk is asked for, exchangeable baselines stand in its place. Known by being this object.
INDEPENDENT = Normal(0, 5)
CONTROL_RISK = "control_risk"


@dataclass(frozen=True)
class Model:
    """A random-effects model: theta_i ~ N(x_i' beta, tau^2), and a likelihood for what trial i shows of theta_i.

    Parameters
    ----------
    likelihood : "normal" (y_i ~ N(theta_i, s_i^2)), "binomial" (counts of both arms, a baseline for each trial),
        "hypergeometric" (counts of the treated arm given all events: no baselines), or "auto": hypergeometric where any
        trial has counts, else normal. Rows that have an estimate in place of counts enter the likelihoods of counts as
        normal.
    random_effects : "normal"; "student_t(df)", t-distributed with scale tau; "mixture(w, c)", where a share w of the
        trials are outliers with c tau in place of tau; "none" for the common-effect model (tau = 0).
    moderators : formula such as "~ sensitivity_focused"; None for a pooled effect alone.
    mu : prior of the pooled effect, with moderators of the intercept's column.
    beta : prior of each other column of the design; a mapping gives columns their own, the rest has normal(0, 1).
    tau : prior of the heterogeneity standard deviation.
    baseline : prior of each trial's baseline log odds (binomial likelihood), or for all of them "exchangeable(prior of
        their mean, prior of their sd)".
    baseline_at : where the baseline sits: "midpoint" of the two arms' log odds, or the "control" arm.
    zero_cells : rule for tables with a zero (normal likelihood): only_zero, all, treatment_arm, drop, none.
    selection : which p values were published: "one_sided(0.025)", "two_sided(0.05, 0.1)" with any cut points; None for
        no selection. Normal likelihood.
    omega : prior of the relative probabilities of publication: "cumulative_dirichlet" (they fall with p),
        "uniform(0, 1)", "beta(a, b)", each by itself, or "fixed(0.5)".
    tau_by : column of the table whose levels have a tau each; `tau` may then be a mapping from level to prior.
    scale : formula such as "~ dose" with which log tau_i = log tau + z_i' alpha; tau is that of z = 0.
    alpha : prior of each column of z, or a mapping from column to prior.
    arm_correlation : of the random effects of the arms of one trial, where arms share a control; at least 0, below 1.
    control_risk : regress the effect on the true log odds of the control arm: theta_i ~ N(x_i' beta + control_risk
        (gamma_i - centre), tau^2), baselines at the control arm and, if not stated otherwise, exchangeable: independent
        ones leave the bias of the naive regression (binomial likelihood, NUTS). `beta` has the coefficient's prior, by
        the name control_risk if it is a mapping.
    setting : with moderators, what `effect()` and theta_new speak of, as {"sensitivity_focused": "yes"} or the text
        "sensitivity_focused=yes"; None for the reference row, the intercept's. It changes no estimate.

    Priors may be given as text ("half_normal(0.5)"). Why each default is what it is: docs/decisions/default-priors.md.

    Raises
    ------
    ModelError, PriorError
        For a part that does not exist, naming those that do.

    References
    ----------
    Higgins, Thompson & Spiegelhalter 2009, J R Stat Soc A 172:137; Smith, Spiegelhalter & Thomas 1995, Stat Med 14:2685
    (binomial); Stijnen, Hamza & Oezdemir 2010, Stat Med 29:3046 (hypergeometric); Guenhan, Roever & Friede 2020,
    Res Synth Methods 11:74 (default prior of mu).

    Examples
    --------
    >>> Model("normal", tau="half_normal(1)").tau
    HalfNormal(scale=1.0)
    """

    likelihood: str = AUTO
    random_effects: str = "normal"
    moderators: str | None = None
    mu: EffectPrior | str = OddsRatioWithin(250)
    beta: EffectPrior | str | Mapping[str, EffectPrior | str] = Normal(0, 1)
    tau: HeterogeneityPrior | str | Mapping[str, HeterogeneityPrior | str] = HalfNormal(0.5)
    baseline: EffectPrior | Exchangeable | str = INDEPENDENT
    baseline_at: str = "midpoint"
    zero_cells: str = ZERO_CELLS
    selection: str | None = None
    omega: OmegaPrior | str = "cumulative_dirichlet"
    arm_correlation: float = 0.5
    tau_by: str | None = None
    scale: str | None = None
    alpha: EffectPrior | str | Mapping[str, EffectPrior | str] = Normal(0, 1)
    control_risk: bool = False
    setting: str | Mapping[str, object] | None = None

    def __post_init__(self) -> None:
        for part in fields(self):
            refuse_no_text(part.name, getattr(self, part.name), part.default)
        if self.likelihood == "trinomial":
            raise ModelError('likelihood trinomial: for two outcomes together: bm.JointModel("trinomial") (--joint).')
        one_of("likelihood", self.likelihood, (AUTO, *LIKELIHOODS))
        object.__setattr__(self, "random_effects", random_effects_text(*parse_random_effects(self.random_effects)))
        one_of("baseline at", self.baseline_at, BASELINES_AT)
        one_of("zero-cell rule", self.zero_cells, tuple(ZERO_CELL_RULES))
        object.__setattr__(self, "mu", prior_for(self.mu, "mu"))
        if self.control_risk:
            self._on_control_risk()
        object.__setattr__(self, "baseline", parse_baseline(self.baseline))
        if self.likelihood == AUTO and self.exchangeable is not None:
            object.__setattr__(self, "likelihood", "binomial")  # the one that reads baselines
        for role in ("beta", "tau", "alpha"):
            object.__setattr__(self, role, priors_of(getattr(self, role), role))
        if self.scale is not None and not Formula(self.scale).variables:
            object.__setattr__(self, "scale", None)
        self._refuse_two_ways()
        object.__setattr__(self, "arm_correlation", correlation_of(self.arm_correlation))
        # Refuse early what is not a formula; and "~ 1" is the model without moderators.
        if self.moderators is not None and not Formula(self.moderators).variables:
            object.__setattr__(self, "moderators", None)
        object.__setattr__(self, "setting", setting_text(self.setting))
        selection = parse_selection(self.selection)
        object.__setattr__(self, "selection", None if selection is None else selection.text)
        object.__setattr__(self, "omega", prior_of_omega(self.omega))
        if selection is not None:
            self.omega_prior.sticks(selection.intervals - 1)

    def _on_control_risk(self) -> None:
        """What the regression on control risk decides of the rest, and what it does not go with."""
        if self.control_risk is not True:
            raise ModelError(f"control_risk {self.control_risk!r}: it is True or False.")
        if self.likelihood == AUTO:
            object.__setattr__(self, "likelihood", "binomial")
        if self.likelihood != "binomial":
            raise ModelError(
                f"control_risk with the {self.likelihood} likelihood: the regression needs the risk of the control arm."
                ' State --likelihood binomial (likelihood="binomial").'
            )
        if self.random_effects_parts[0] not in ("normal", "none"):
            raise ModelError(
                f'control_risk with random effects {self.random_effects}: state "normal" or "none" (--random-effects).'
            )
        object.__setattr__(self, "baseline_at", "control")
        if self.baseline is INDEPENDENT:
            object.__setattr__(self, "baseline", Exchangeable())

    @property
    def random_effects_parts(self) -> tuple[str, tuple[float, ...]]:
        """Name and parameters of the random effects: ("mixture", (0.1, 5.0))."""
        return parse_random_effects(self.random_effects)

    @property
    def tau_prior(self) -> HeterogeneityPrior:
        """The prior of tau, as an object."""
        return HalfNormal(0.5) if isinstance(self.tau, Mapping) else cast(HeterogeneityPrior, self.tau)

    @property
    def tau_differs(self) -> bool:
        """Whether trials have different taus: by the level of a column, or by the formula `scale`."""
        return self.tau_by is not None or self.scale is not None

    def tau_prior_of(self, level: str) -> HeterogeneityPrior:
        """The prior of the tau of one level of `tau_by`."""
        if isinstance(self.tau, Mapping):
            return cast(HeterogeneityPrior, self.tau.get(level, HalfNormal(0.5)))
        return cast(HeterogeneityPrior, self.tau)

    def alpha_prior(self, column: str) -> EffectPrior:
        """The prior of the coefficient of one column of `scale`."""
        if isinstance(self.alpha, Mapping):
            return cast(EffectPrior, self.alpha.get(column, Normal(0, 1)))
        return cast(EffectPrior, self.alpha)

    def _refuse_two_ways(self) -> None:
        if self.tau_by is not None and self.scale is not None:
            raise ModelError("tau_by and scale: two ways in which tau may differ. State one of them.")
        if isinstance(self.tau, Mapping) and self.tau_by is None:
            raise ModelError("tau: priors by level, but no column to take the levels from. State tau_by (--tau-by).")
        if self.scale is None and self.alpha != Normal(0, 1):
            raise ModelError("alpha: priors of how log tau depends on a column, but no column. State scale (--scale).")
        if self.tau_differs and self.selection is not None:
            raise ModelError(
                "selection with tau_by or scale: heterogeneity that differs is not carried there. Leave one out."
            )
        if self.tau_differs and self.random_effects == "none":
            raise ModelError("random effects none: there is no tau that could differ. State random_effects normal.")

    @property
    def baseline_prior(self) -> EffectPrior:
        """The prior of each baseline, as an object; refused where they are exchangeable: see `exchangeable`."""
        if isinstance(self.baseline, Exchangeable):
            raise ModelError(f"baselines {self.baseline}: they have no prior one by one. Fit with --engine nuts.")
        return cast(EffectPrior, self.baseline)

    @property
    def selection_parts(self) -> Selection | None:
        """The selection, as an object."""
        return parse_selection(self.selection)

    @property
    def omega_prior(self) -> OmegaPrior:
        """The prior of the weights of a selection, as an object."""
        return cast(OmegaPrior, self.omega)

    @property
    def exchangeable(self) -> Exchangeable | None:
        """The priors of exchangeable baselines; None where baselines are independent."""
        return self.baseline if isinstance(self.baseline, Exchangeable) else None

    @property
    def ties_baselines(self) -> bool:
        """Whether trials tell of each other by their baselines: no trial's likelihood then stands by itself."""
        return self.likelihood == "binomial" and (self.control_risk or self.exchangeable is not None)

    def prior_of(self, column: str) -> EffectPrior:
        """The prior of one column of the design."""
        if column == "mu":
            return cast(EffectPrior, self.mu)
        if isinstance(self.beta, Mapping):
            return cast(EffectPrior, self.beta.get(column, Normal(0, 1)))
        return cast(EffectPrior, self.beta)

    def design(self, trials: Trials) -> Design:
        """The design matrix for these trials, with the prior of each column.

        Parameters
        ----------
        trials : table whose columns the formula names.

        Returns
        -------
        Design

        Raises
        ------
        ModelError
            Unknown or blank column, singular design, or a prior for a column that does not exist.
        """
        text = cast(str | None, self.setting)
        varied = () if self.scale is None else tuple(sorted(Formula(self.scale).variables))
        of_tau = (*varied, *([] if self.tau_by is None else [self.tau_by]))
        if self.moderators is None:
            self._refuse_unknown_beta(())
            refuse_unknown(text, of_tau)
            return design_of(np.ones((trials.k, 1)), ("mu",), (self.prior_of("mu"),))
        coded = coded_by(Formula(self.moderators), trials)
        self._refuse_unknown_beta(coded.columns)
        refuse_unknown(text, list(dict.fromkeys([*coded.moderators, *of_tau])))
        priors = tuple(map(self.prior_of, coded.columns))
        return design_of(coded.matrix, coded.columns, priors, coded, read_setting(text, coded))

    def _refuse_unknown_beta(self, columns: tuple[str, ...]) -> None:
        """Refuse a prior of beta for what is no column of the design, or is that of mu."""
        known = [column for column in (*columns, *[CONTROL_RISK] * self.control_risk) if column != "mu"]
        # Without moderators a model may be but(control_risk=False) of another, whose prior it does not use.
        spare = () if columns else (CONTROL_RISK,)
        for name in self.beta if isinstance(self.beta, Mapping) else ():
            if name not in (*known, *spare):
                has = f"Columns: {', '.join(known)}." if known else 'There are none: state moderators ("~ dose").'
                raise ModelError(
                    f"beta has a prior for {name!r}, which is no column of the design that beta is for. {has}"
                )

    def for_trials(self, trials: Trials) -> "Model":
        """The model with all that depends on the trials decided: what is fitted, and stored with the result.

        The likelihood "auto" becomes "hypergeometric" where any trial has counts, else "normal"; with a selection it is
        "normal". A zero-cell rule that this likelihood does not read is set back to the default, with a warning.

        Parameters
        ----------
        trials : the evidence.

        Returns
        -------
        Model, this one where nothing was open.

        Raises
        ------
        DataError : what is no trials.

        Examples
        --------
        >>> import bayesmeta as bm
        >>> Model().for_trials(bm.load("crins2014")).likelihood
        'hypergeometric'
        """
        refuse_other_than_trials(trials, "a model")
        likelihood = self.likelihood
        if likelihood == AUTO:
            counted = trials.has_counts.any() and self.selection is None  # a p value is that of an estimate
            likelihood = OF_COUNTS if counted else OF_ESTIMATES
        unread = likelihood != "normal" and self.zero_cells != ZERO_CELLS
        if unread:
            warnings.warn(
                f"zero-cell rule {self.zero_cells}: it has no effect with the {likelihood} likelihood, which takes each"
                ' table as it is. For the rule to hold, state --likelihood normal (likelihood="normal").',
                BayesmetaWarning,
                stacklevel=3,
            )
        if likelihood == self.likelihood and not unread:
            return self
        return self.but(likelihood=likelihood, zero_cells=ZERO_CELLS if unread else self.zero_cells)

    def but(self, **changes: Any) -> "Model":
        """The same model with some parts changed.

        Examples
        --------
        >>> Model().but(tau="half_cauchy(0.5)").tau
        HalfCauchy(scale=0.5)
        """
        return replace(self, **changes)

    def to_dict(self) -> Json:
        """Plain data, priors as text: what is stored with every result, and read by `Model.from_dict`.

        Where a prior's numbers are in doubt, "doubtful" has the reason by the name of the part: {"tau": "..."}.
        """
        unsaid = [] if self.selection is not None else ["selection", "omega"]
        unsaid += [] if self.control_risk else [CONTROL_RISK]
        unsaid += [] if self.setting else ["setting"]
        found = {part.name: plain(getattr(self, part.name)) for part in fields(self) if part.name not in unsaid}
        doubts = {part.name: reason for part in fields(self) if (reason := doubts_of(getattr(self, part.name)))}
        return found | ({DOUBTFUL: doubts} if doubts else {})

    @classmethod
    def from_dict(cls, parts: Json) -> "Model":
        """The model that `to_dict` describes; parts that are not there have their defaults.

        Raises
        ------
        ModelError
            For a part that no model has.

        Examples
        --------
        >>> Model.from_dict(Model().to_dict()) == Model()
        True
        """
        parts = {name: value for name, value in parts.items() if name != DOUBTFUL}  # follows from the priors
        unknown = [name for name in parts if name not in {part.name for part in fields(cls)}]
        if unknown:
            raise ModelError(
                f"a model has no part {unknown[0]!r}. Its parts: {', '.join(part.name for part in fields(cls))}."
            )
        return cls(**parts)
