"""What can go wrong, by kind: each message is written for the person who reads it."""


class BayesmetaError(Exception):
    """A refusal: one message that says where, what was found, what was expected, and the remedy."""


class DataError(BayesmetaError):
    """The trials cannot be used as they stand: a row, a column or a file."""


class PriorError(BayesmetaError):
    """A prior that does not exist, is given wrongly, or leaves the posterior improper."""


class ModelError(BayesmetaError):
    """A model that cannot be built for these trials: its formula, its design or its combination of parts."""


class ConvergenceError(BayesmetaError):
    """A sampler or an iteration that did not arrive: no numbers are given out."""


class BayesmetaWarning(UserWarning):
    """Something for the user to decide; the message names the remedy."""
