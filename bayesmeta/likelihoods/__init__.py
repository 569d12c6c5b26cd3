"""What a trial says: log p(y_i | theta), and l_i(m, tau) with its effect integrated out."""

from bayesmeta.likelihoods.marginal import Evidence, marginal_log_likelihood

__all__ = ["Evidence", "marginal_log_likelihood"]
