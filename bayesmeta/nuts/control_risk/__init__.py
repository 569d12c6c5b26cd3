"""Binomial models in which the baselines tell of each other: exchangeable ones, and regression on the control risk."""

from bayesmeta.nuts.control_risk.fit import fit_control_risk
from bayesmeta.nuts.control_risk.posterior import ControlRiskPosterior

__all__ = ["ControlRiskPosterior", "fit_control_risk"]
