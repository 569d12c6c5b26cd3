"""The posterior of use, of effects, and of how they go together."""

from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from bayesmeta.errors import DataError, ModelError
from bayesmeta.fit import SEED
from bayesmeta.posterior.draws import DrawsMarginal
from bayesmeta.practice.correlation import CORRELATIONS, NAMES
from bayesmeta.practice.ranks import Normals
from bayesmeta.practice.shares import ANSWERS, Shares
from bayesmeta.practice.survey import Survey
from bayesmeta.practice.words import sentences
from bayesmeta.priors import EffectPrior, parse_prior
from bayesmeta.tables import records
from bayesmeta.types import Array, Json

LEVELS = np.array([0.5, 0.025, 0.975])
FEWEST = 3  # the rank correlation of two is 1 or -1
CHAINS = 4  # the draws are independent; in four parts they have the shape of any other marginal's


@dataclass(frozen=True, eq=False)
class PracticeAgainstEvidence:
    """What services use, against what the trials say works.

    Attributes
    ----------
    survey : the table it is the posterior of.
    table : DataFrame, one row for each intervention: intervention, services_using, services, use (posterior median of
        the share), use_lower, use_upper, p_most_used, k, odds_ratio (posterior median), odds_ratio_lower,
        odds_ratio_upper, p_wished (that the effect lies on the wished side of 1), p_most_effective, p_among_best, and
        the columns of the survey that are left. NaN where there are no trials. Probabilities are exact.
    correlation : marginal of the rank correlation of use and effect (wished direction up), over the interventions with
        trials, by draws.
    expected_correlation : its expectation, exact.
    best : how many interventions are called the most effective.
    most_used : "among the best", "not among them", "without trials": exact probabilities of what the most used
        intervention is; they sum to one.
    settings : how it was asked, with priors in words.
    """

    survey: Survey
    table: pd.DataFrame
    correlation: DrawsMarginal
    expected_correlation: float
    best: int
    most_used: dict[str, float]
    settings: Json

    @property
    def monte_carlo_error(self) -> float:
        """Standard error of the mean of the drawn correlations."""
        chains = self.correlation.chains
        return float(chains.std(ddof=1) / np.sqrt(chains.size))

    def correlation_table(self) -> pd.DataFrame:
        """The posterior of the rank correlation.

        Returns
        -------
        DataFrame of one row: correlation (which one), interventions, mean (by draws), mcse_mean, expected (the same
        exactly), median, lower, upper (95%), p_positive, draws.
        """
        rho = self.correlation
        median, lower, upper = rho.quantile(LEVELS)
        row = {
            "correlation": rho.name,
            "interventions": int(self.survey.has_evidence.sum()),
            "mean": rho.mean,
            "mcse_mean": self.monte_carlo_error,
            "expected": self.expected_correlation,
            "median": median,
            "lower": lower,
            "upper": upper,
            "p_positive": float((rho.chains > 0).mean()),
            "draws": rho.chains.size,
        }
        return pd.DataFrame([row])

    @property
    def sentences(self) -> list[str]:
        """The answers in words, a simulated table called so first."""
        return sentences(self.survey, self.table, self.correlation_table().iloc[0], self.most_used, self.best)

    @property
    def sentence(self) -> str:
        """The same as one paragraph."""
        return " ".join(self.sentences)

    def to_dict(self) -> Json:
        """Plain data: the JSON of `bayesmeta practice --json`."""
        return {
            "name": self.survey.name,
            "simulated": self.survey.simulated,
            "direction": self.survey.direction,
            "settings": self.settings,
            "correlation": records(self.correlation_table())[0],
            "best": self.best,
            "most_used": self.most_used,
            "interventions": records(self.table),
            "sentences": self.sentences,
        }


def against_evidence(
    survey: Survey,
    *,
    answers: str = "several",
    best: int = 3,
    correlation: str = "spearman",
    concentration: float = 1.0,
    effect_prior: EffectPrior | str = "flat",
    draws: int = 20000,
    seed: int = SEED,
) -> PracticeAgainstEvidence:
    """Set the posterior of what services use beside the posterior of what works.

    share_i ~ Beta or Dirichlet (see `answers`); theta_i ~ N(log OR_i, se_i^2) times its prior, se_i from the interval;
    the two independent. Ranks by quadrature, the distribution of the rank correlation by draws.

    Parameters
    ----------
    survey : from `read_survey` or `simulated_survey`.
    answers : a service names "several" interventions (binomial counts, beta shares) or "one" (Dirichlet shares).
    best : how many interventions are the most effective ones; fewer than those with trials.
    correlation : "spearman" or "kendall".
    concentration : c > 0 of the priors beta(c, c) or Dirichlet(c, ..., c) of the shares; 1 is uniform.
    effect_prior : prior of each effect, log odds ratio: flat or normal.
    draws : of the rank correlation; a multiple of 4.
    seed : integer seed.

    Returns
    -------
    PracticeAgainstEvidence : interventions without trials have no part in the correlation and are never among the most
        effective; that the most used one is among them has a probability of its own.

    Raises
    ------
    DataError : fewer than three interventions with trials; counts that are no single answers.
    ModelError, PriorError : a setting that does not exist.

    References
    ----------
    Gelman et al. 2013, Bayesian Data Analysis, sections 2.4 (binomial), 3.4 (multinomial).

    Examples
    --------
    >>> from bayesmeta.practice import simulated_survey
    >>> against_evidence(simulated_survey()).correlation.name
    "Spearman's rho"
    """
    _refuse_settings(answers, correlation, concentration, draws)
    _refuse_numbers(survey, int(survey.has_evidence.sum()), best)
    shares = ANSWERS[answers](survey, float(concentration))
    effects, prior = _effects(survey, effect_prior)
    settings: Json = {
        "answers": answers,
        "shares": shares.prior,
        "effects": f"log odds ratio ~ {prior}, normal likelihood from the 95% interval",
        "correlation": correlation,
        "draws": draws,
        "seed": seed,
    }
    return _together(survey, shares, effects, best, settings)


def _together(survey: Survey, shares: Shares, effects: Normals, best: int, settings: Json) -> PracticeAgainstEvidence:
    drawn, expected = CORRELATIONS[settings["correlation"]]
    tried = survey.has_evidence
    rng = np.random.default_rng(settings["seed"])
    use = shares.draws(settings["draws"], rng)[:, tried]
    rho = drawn(use, effects.mean + effects.sd * rng.standard_normal(use.shape))
    table = _table(survey, shares, effects, best)
    return PracticeAgainstEvidence(
        survey,
        table,
        DrawsMarginal(NAMES[settings["correlation"]], rho.reshape(CHAINS, -1)),
        expected(shares.ranked(tried).above(), effects.above()),
        best,
        _most_used(table),
        settings,
    )


def _most_used(table: pd.DataFrame) -> dict[str, float]:
    """What the most used intervention is; use and effects are independent given the data."""
    p, among = (table[name].to_numpy(dtype=float) for name in ("p_most_used", "p_among_best"))
    untried = np.isnan(among)
    without, hit = float(p[untried].sum()), float(p[~untried] @ among[~untried])
    return {"among the best": hit, "not among them": max(1.0 - hit - without, 0.0), "without trials": without}


def _refuse_settings(answers: str, correlation: str, concentration: float, draws: int) -> None:
    for what, value, known in (("answers", answers, ANSWERS), ("correlation", correlation, CORRELATIONS)):
        if value not in known:
            raise ModelError(f"{what} {value!r}: there is no such. Known: {', '.join(known)}.")
    if not 0.0 < concentration < np.inf:
        raise ModelError(f"concentration is {concentration!r}. It must be a number above 0; 1 is the uniform prior.")
    if draws < 4 or draws % CHAINS:
        raise ModelError(f"draws is {draws!r}. It must be a multiple of {CHAINS}, such as 20000.")


def _refuse_numbers(survey: Survey, tried: int, best: int) -> None:
    origin = survey.origin or survey.name
    if tried < FEWEST:
        raise DataError(
            f"{origin}: {tried} interventions with trials. A rank correlation needs at least {FEWEST}: rows with k"
            " above 0, and their odds ratio with its interval."
        )
    if not 1 <= best < tried:
        raise ModelError(
            f"best is {best}, of {tried} interventions with trials. State a number from 1 to {tried - 1} (--best)."
        )


def _effects(survey: Survey, prior: EffectPrior | str) -> tuple[Normals, EffectPrior]:
    """Posterior of the effects of the interventions with trials, with the wished direction up, and their prior."""
    parsed = cast(EffectPrior, parse_prior(prior, "effect"))
    if parsed.gaussian is None:
        raise ModelError(f"effect prior {parsed}: it must be flat or normal, such as odds_ratio_within(250).")
    location, scale = parsed.gaussian
    tried = survey.has_evidence
    precision = 1.0 / survey.se[tried] ** 2
    total = precision + scale**-2.0
    mean = (precision * survey.log_odds_ratio[tried] + location * scale**-2.0) / total
    return Normals(wished_up(survey) * mean, total**-0.5), parsed


def wished_up(survey: Survey) -> float:
    """1 where odds ratios above 1 are wished, else -1."""
    return 1.0 if survey.direction == "higher" else -1.0


def _spread(values: Array, survey: Survey) -> Array:
    """Values of the interventions with trials, in a row of all, NaN for the others."""
    found = np.full(len(survey.interventions), np.nan)
    found[survey.has_evidence] = values
    return found


def _table(survey: Survey, shares: Shares, effects: Normals, best: int) -> pd.DataFrame:
    use = shares.quantile(LEVELS)
    log_odds = wished_up(survey) * effects.mean[:, None] + effects.sd[:, None] * ndtri(LEVELS)
    effect = np.exp([_spread(column, survey) for column in log_odds.T])
    first = effects.among_first(best)
    own = {
        "intervention": list(survey.interventions),
        "services_using": survey.column("services_using"),
        "services": survey.column("services"),
        "use": use[:, 0],
        "use_lower": use[:, 1],
        "use_upper": use[:, 2],
        "p_most_used": shares.ranked().among_first(1)[:, 0],
        "k": survey.column("k"),
        "odds_ratio": effect[0],
        "odds_ratio_lower": effect[1],
        "odds_ratio_upper": effect[2],
        "p_wished": _spread(ndtr(effects.mean / effects.sd), survey),
        "p_most_effective": _spread(first[:, 0], survey),
        "p_among_best": _spread(first.sum(axis=1), survey),
    }
    kept = [name for name in survey.table.columns if name not in own and name not in ("lower", "upper")]
    return pd.concat([pd.DataFrame(own), survey.table[kept].reset_index(drop=True)], axis=1)
