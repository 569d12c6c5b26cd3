"""The posterior where baselines tell of each other, and the effect at a stated control risk."""

from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from bayesmeta.errors import ModelError
from bayesmeta.likelihoods.arms import joint_log_likelihood, log_odds
from bayesmeta.model import Setting
from bayesmeta.model.model import CONTROL_RISK
from bayesmeta.nuts.control_risk.plan import independent
from bayesmeta.nuts.control_risk.tree import tree_of
from bayesmeta.nuts.posterior import LEVELS, NutsPosterior
from bayesmeta.posterior import Marginal, PointMass
from bayesmeta.posterior.draws import DrawsMarginal
from bayesmeta.types import Array, Json

BASELINES = ("baseline_mean", "baseline_sd")


class ControlRiskPosterior(NutsPosterior):
    """Posterior of a binomial model with exchangeable baselines, a regression on the control risk, or both.

    theta_i ~ N(x_i' beta + control_risk (gamma_i - centre), tau^2),  gamma_i ~ N(baseline_mean, baseline_sd^2)

    Beside the parameters of every model: "control_risk", change of the log odds ratio for one unit more of the control
    arm's true log odds; "baseline_mean" and "baseline_sd". With control_risk, mu and theta_new are at `centre`, the
    mean observed log odds of the control arms.

    Attributes
    ----------
    centre : log odds about which the regression is centred.

    References
    ----------
    Sharp & Thompson 1997, Stat Med 16:2741; Arends et al. 2000, Stat Med 19:3497.
    """

    centre: float = 0.0

    def centred(self, centre: float) -> Self:
        """This posterior, with the centre that its regression was fitted at."""
        self.centre = centre
        return self

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names that `posterior[...]` knows."""
        own = [name for name in (CONTROL_RISK, *BASELINES) if name in self._draws]
        return (*self.design.columns, "tau", "theta_new", *own)

    def __getitem__(self, name: str) -> Marginal:
        if name in (CONTROL_RISK, *BASELINES) and name in self._draws:
            if np.ptp(self._draws[name]) == 0.0:
                return PointMass(name, float(self._draws[name].flat[0]))
            lower = 0.0 if name == "baseline_sd" else -np.inf
            return DrawsMarginal(name, self._draws[name], lower=lower, moments=self._moments_of(name))
        return super().__getitem__(name)

    def _moments_of(self, name: str) -> int:
        """Number of moments of a parameter: of the spread by its prior's tail and the trials that bound it."""
        tied = self.model.exchangeable
        if name != "baseline_sd" or tied is None:
            return 2
        events, total = self.trials.counts[:, 2], self.trials.counts[:, 3]
        tail = tied.sd_prior.tail_exponent + int(((events > 0) & (events < total)).sum())
        return int(tail > 2.0) + int(tail > 3.0)

    @cached_property
    def quantities(self) -> dict[str, Marginal]:
        """Everything that is reported, the true baselines as "gamma[study]" too."""
        return super().quantities | {f"gamma[{name}]": self.baseline(name) for name in self.studies_in_model}

    def baseline(self, study: str) -> DrawsMarginal:
        """The true baseline of one trial, log odds: of its control arm, or at the midpoint of its arms."""
        position = self.studies_in_model.index(study)
        return DrawsMarginal(f"gamma[{study}]", self._draws["gamma"][..., position])

    # ---- regression on the control risk

    def at_control_risk(self, risk: float, setting: Setting | None = None, *, new: bool = False) -> Marginal:
        """The log odds ratio at a true risk of the control arm: x' beta + control_risk (logit(risk) - centre).

        Parameters
        ----------
        risk : of the event without treatment, between 0 and 1.
        setting : moderators by name; None for the reference.
        new : of a single new setting, which adds N(0, tau^2), and not the mean of such settings.

        Returns
        -------
        Marginal, on the model's scale.

        Raises
        ------
        ModelError
            A model without control_risk, or a risk that is not between 0 and 1.
        """
        if not self.model.control_risk:
            raise ModelError(
                "at_control_risk: the model has no regression on the control risk. State control_risk=True."
            )
        if not 0.0 < risk < 1.0:
            raise ModelError(f"at_control_risk: the risk is {risk!r}. It must lie between 0 and 1.")
        mean = self._draws["beta"] @ self.design.row(setting)
        value = mean + self._draws[CONTROL_RISK] * (float(logit(risk)) - self.centre)
        if new:
            value = value + self._draws["tau"] * self._draws["new"]
        moments = self._moments.of_tau if new or self._moments.flat.any() else 2
        return DrawsMarginal(f"effect at control risk {risk:g}", value, moments=moments)

    def at_risk(self, control_risk: float) -> dict[str, Marginal]:
        """mu and theta_new at a stated risk in the control arm."""
        if not self.model.control_risk:
            return super().at_risk(control_risk)
        return {name: self.at_control_risk(control_risk, new=name == "theta_new") for name in ("mu", "theta_new")}

    def by_control_risk(self, *risks: float) -> pd.DataFrame:
        """Odds ratios and risks at stated true control risks.

        Parameters
        ----------
        risks : between 0 and 1; without any, the 10%, 50% and 90% quantiles of the trials' true control risks.

        Returns
        -------
        DataFrame, a row for each risk: control_risk, odds_ratio, lower, upper (mean effect), new_lower, new_upper (of a
        new setting with that risk), treated_risk, difference, difference_lower, difference_upper (treated minus
        control, mean effect).
        """
        chosen = risks or tuple(expit(self.control_risks()["median"].quantile([0.1, 0.5, 0.9])).tolist())
        rows = []
        for risk in chosen:
            median, lower, upper = np.exp(self.at_control_risk(risk).quantile(LEVELS))
            new = np.exp(self.at_control_risk(risk, new=True).quantile(LEVELS))
            found = self.absolute(risk).loc["mu"]
            row = {"control_risk": risk, "odds_ratio": median, "lower": lower, "upper": upper}
            row |= {"new_lower": new[1], "new_upper": new[2], "treated_risk": found["treated_risk"]}
            limits = {f"difference{end}": found[f"difference{end or '_median'}"] for end in ("", "_lower", "_upper")}
            rows.append(row | limits)
        return pd.DataFrame(rows)

    def control_risks(self) -> pd.DataFrame:
        """Each trial's control arm, observed and true, beside its effect.

        Returns
        -------
        DataFrame: study, observed (log odds of the control arm), se, median, lower, upper (posterior of the true log
        odds), y (observed log odds ratio), y_se, effect, effect_lower, effect_upper (posterior of theta_i).
        """
        observed, se = log_odds(self.trials.counts[:, 2], self.trials.counts[:, 3])
        below = 0.5 if self.model.baseline_at == "midpoint" else 0.0
        true = self._draws["gamma"] - below * self._draws["theta"]
        true_three, theta_three = (
            np.quantile(draws.reshape(-1, draws.shape[-1]), LEVELS, axis=0) for draws in (true, self._draws["theta"])
        )
        columns = {"study": list(self.studies_in_model), "observed": observed, "se": se}
        columns |= dict(zip(("median", "lower", "upper"), true_three))
        columns |= {"y": self.effects.y, "y_se": self.effects.se}
        return pd.DataFrame(columns | dict(zip(("effect", "effect_lower", "effect_upper"), theta_three)))

    # ---- the interface of every posterior

    def log_likelihood(self, mean: Array, tau: Array) -> Array:
        """Refused: a trial's likelihood depends on its baseline's distribution too, see `trial_log_likelihood`."""
        raise ModelError(
            "the log likelihood of a trial does not follow from mean and tau alone where baselines tell of each other:"
            " its draws are in to_arviz()."
        )

    def trial_log_likelihood(self) -> Array:
        """Log likelihood of each trial at each draw, its baseline and its effect integrated out.

        Returns
        -------
        (chain, draw, k)
        """
        draws = self._draws
        tau = draws["tau"]
        m, s, slope = self.baseline_draws()
        mean = draws["beta"] @ self.design.matrix.T
        m, s2, tau2 = m[..., None], s[..., None] ** 2, np.maximum(tau[..., None] ** 2, 1e-12)
        # Log odds of both arms as linear functions of gamma and the random effect: (control, treated) = centre + A z.
        if self.model.baseline_at == "control":
            control = np.broadcast_to(m, mean.shape)
            treated = control + mean + slope[..., None] * (m - self.centre)
            rise = 1.0 + slope[..., None]
            parts = (s2, rise * s2, rise**2 * s2 + tau2)
        else:
            control, treated = m - 0.5 * mean, m + 0.5 * mean
            parts = (s2 + 0.25 * tau2, s2 - 0.25 * tau2, s2 + 0.25 * tau2)
        first, between, second = (np.broadcast_to(part, mean.shape) for part in parts)
        covariance = np.stack([np.stack([first, between], -1), np.stack([between, second], -1)], -2)
        return joint_log_likelihood(self.trials.counts, np.stack([control, treated], -1), covariance)

    def baseline_draws(self) -> tuple[Array, Array, Array]:
        """baseline_mean, baseline_sd and control_risk at each draw, numbers where they are not sampled."""
        shape = self._draws["tau"].shape
        m, s = (0.0, 0.0) if self.model.exchangeable else independent(self.model)
        return (
            self._draws.get("baseline_mean", np.full(shape, m)),
            self._draws.get("baseline_sd", np.full(shape, s)),
            self._draws.get(CONTROL_RISK, np.zeros(shape)),
        )

    def to_arviz(self) -> Any:
        """All draws by chain as an xarray.DataTree for ArviZ, in the groups that every fit has."""
        return tree_of(self, self._joint(), seed=self._seed)

    def to_dict(self) -> Json:
        """The result as plain data; `control_risk` says where the regression is centred."""
        found = super().to_dict()
        if self.model.control_risk:
            found["control_risk"] = {"centre": self.centre, "centre_risk": float(expit(self.centre))}
        return found
