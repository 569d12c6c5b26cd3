"""What a trial says: log p(y_i | theta), and l_i(m, tau) with its effect integrated out."""

from bayesmeta.likelihoods.arms import joint_log_likelihood
from bayesmeta.likelihoods.marginal import Evidence, marginal_log_likelihood

__all__ = ["Evidence", "joint_log_likelihood", "marginal_log_likelihood"]
