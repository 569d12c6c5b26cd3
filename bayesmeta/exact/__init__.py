"""Engine 1: the posterior by quadrature, without Monte Carlo error."""

from bayesmeta.exact.accuracy import self_checked
from bayesmeta.exact.count_posterior import CountPosterior
from bayesmeta.exact.fit import fit_exact
from bayesmeta.exact.posterior import ExactPosterior
from bayesmeta.exact.prepared import Prepared, prepare

__all__ = ["CountPosterior", "ExactPosterior", "Prepared", "fit_exact", "prepare", "self_checked"]
