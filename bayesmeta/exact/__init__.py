"""Engine 1: the posterior by quadrature, without Monte Carlo error."""

from bayesmeta.exact.fit import fit_exact
from bayesmeta.exact.posterior import ExactPosterior

__all__ = ["ExactPosterior", "fit_exact"]
