"""The posterior of the shares of services that use each intervention."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv

from bayesmeta.errors import DataError
from bayesmeta.practice.ranks import Betas, Gammas, Independent
from bayesmeta.practice.survey import Survey
from bayesmeta.trials.place import shown
from bayesmeta.types import Array, Booleans


@dataclass(frozen=True, eq=False)
class Shares(ABC):
    """Each share is beta a posteriori; what differs is how the shares hang together.

    Parameters
    ----------
    a, b : (n,) parameters of the beta marginals.
    prior : in words.
    """

    a: Array
    b: Array
    prior: str

    def quantile(self, p: Array) -> Array:
        """(n, len(p)) quantiles of the shares."""
        return np.asarray(betaincinv(self.a[:, None], self.b[:, None], p))

    @property
    def mean(self) -> Array:
        return np.asarray(self.a / (self.a + self.b))

    @property
    def sd(self) -> Array:
        return np.asarray(np.sqrt(self.mean * (1.0 - self.mean) / (self.a + self.b + 1.0)))

    @abstractmethod
    def ranked(self, rows: Booleans | None = None) -> Independent:
        """Independent quantities with the ranks of the shares, of some rows or all."""

    @abstractmethod
    def draws(self, n: int, rng: np.random.Generator) -> Array:
        """(n, interventions) draws of quantities with the ranks of the shares."""


class SeveralAnswers(Shares):
    """A service may name several: a binomial count for each intervention, independent beta shares."""

    def ranked(self, rows: Booleans | None = None) -> Betas:
        return Betas(self.a, self.b) if rows is None else Betas(self.a[rows], self.b[rows])

    def draws(self, n: int, rng: np.random.Generator) -> Array:
        return np.asarray(rng.beta(self.a, self.b, (n, len(self.a))))


class OneAnswer(Shares):
    """Each service names one: multinomial counts, Dirichlet shares."""

    def ranked(self, rows: Booleans | None = None) -> Gammas:
        return Gammas(self.a if rows is None else self.a[rows])

    def draws(self, n: int, rng: np.random.Generator) -> Array:
        return np.asarray(rng.standard_gamma(self.a, (n, len(self.a))))


def several_answers(survey: Survey, concentration: float) -> Shares:
    """share_i ~ Beta(c + x_i, c + n_i - x_i): x_i of the n_i services that were asked use it.

    That the answers of one service go together is not in a table of counts: it would not change these intervals, only
    how far two shares move together.
    """
    using, services = survey.column("services_using"), survey.column("services")
    prior = f"share ~ beta({concentration:g}, {concentration:g}), each on its own"
    return SeveralAnswers(concentration + using, concentration + services - using, prior)


def one_answer(survey: Survey, concentration: float) -> Shares:
    """(share_1, ..., share_n, rest) ~ Dirichlet(c + x_1, ..., c + x_n, c + rest); no rest where the counts add up.

    Raises
    ------
    DataError : services differ between rows, or there are more answers than services.
    """
    using, services = survey.column("services_using"), survey.column("services")
    origin = survey.origin or survey.name
    if np.any(services != services[0]):
        odd = int(np.argmax(services != services[0]))
        raise DataError(
            f"{origin}, column services: {shown(float(services[odd]))} for {shown(survey.interventions[odd])},"
            f" {shown(float(services[0]))} for {shown(survey.interventions[0])}. With one answer for each service the"
            " services are the same in every row; otherwise state that a service may give several (--answers several)."
        )
    rest = float(services[0] - using.sum())
    if rest < 0:
        raise DataError(
            f"{origin}, column services_using: {shown(float(using.sum()))} answers of {shown(float(services[0]))}"
            " services. With one answer for each service they cannot exceed the services; state that a service may give"
            " several (--answers several)."
        )
    categories = len(using) + (rest > 0)
    total = services[0] + concentration * categories
    prior = f"shares ~ Dirichlet({concentration:g}, ...) over {categories} answers"
    prior += ", one of them the rest" if rest > 0 else ""
    return OneAnswer(concentration + using, total - concentration - using, prior)


ANSWERS = {"several": several_answers, "one": one_answer}
