"""All parts of the sensitivity analysis of one posterior."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bayesmeta.errors import BayesmetaError
from bayesmeta.frequentist import Pools
from bayesmeta.model import Model
from bayesmeta.posterior import Posterior
from bayesmeta.priors import EffectPrior, HeterogeneityPrior, parse_prior
from bayesmeta.sensitivity.asked import about, analysis, effect_name
from bayesmeta.sensitivity.bias import bias
from bayesmeta.sensitivity.credibility import Credibility, credibility
from bayesmeta.sensitivity.cumulative import cumulative, require_order
from bayesmeta.sensitivity.leave_one_out import leave_one_out
from bayesmeta.sensitivity.model_grid import model_grid
from bayesmeta.sensitivity.part import Part
from bayesmeta.sensitivity.power_scaling import power_scaling
from bayesmeta.sensitivity.prior_grid import prior_grid
from bayesmeta.sensitivity.reference import reference
from bayesmeta.sensitivity.tipping_point import tipping_point
from bayesmeta.sensitivity.verdict import verdict
from bayesmeta.trials import Trials
from bayesmeta.types import Json
from bayesmeta.wording import listed

Options = Mapping[str, Mapping[str, Any]]

PARTS: dict[str, Callable[..., Part]] = {
    "prior_grid": prior_grid,
    "model_grid": model_grid,
    "leave_one_out": leave_one_out,
    "cumulative": cumulative,
    "power_scaling": power_scaling,
    "tipping_point": tipping_point,
    "reference": reference,
    "bias": bias,
}


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """The sensitivity analysis of one posterior.

    Attributes
    ----------
    posterior : the analysis as given, by the exact engine.
    parts : name -> part, in the order of PARTS.
    published : credibility of the published pooled result; None where there is none.
    not_done : name -> why a part could not be done.
    verdict : one sentence from all parts.
    """

    posterior: Posterior
    parts: dict[str, Part]
    published: Credibility | None
    not_done: dict[str, str]
    verdict: str

    def __getitem__(self, name: str) -> Part:
        if name not in self.parts:
            reason = self.not_done.get(name, f"there is no such. Parts: {', '.join(self.parts)}")
            raise KeyError(f"{name}: {reason}.")
        return self.parts[name]

    @property
    def table(self) -> pd.DataFrame:
        """The rows of every part, one below the other, with the part's name in front."""
        tables = [part.table.assign(part=name) for name, part in self.parts.items() if len(part.table)]
        found = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"part": []})
        return found[["part", *(column for column in found if column != "part")]]

    @property
    def sentence(self) -> str:
        """The verdict."""
        return self.verdict

    @property
    def sentences(self) -> tuple[str, ...]:
        """The verdict, then one sentence a part, then what could not be done."""
        credible = (self.published.sentence,) if self.published is not None else ()
        undone = tuple(f"{name} not done: {reason}" for name, reason in self.not_done.items())
        return (self.verdict, *(part.sentence for part in self.parts.values()), *credible, *undone)

    def to_dict(self) -> Json:
        """Plain data: the JSON of `bayesmeta sensitivity --json`."""
        return {
            "verdict": self.verdict,
            "about": effect_name(self.posterior),
            "model": self.posterior.model.to_dict(),
            "k": len(self.posterior.studies_in_model),
            "parts": {name: part.to_dict() for name, part in self.parts.items()},
            "published": None if self.published is None else self.published.to_dict(),
            "not_done": self.not_done,
        }


def everything(
    posterior: Posterior | Trials,
    model: Model | None = None,
    *,
    only: Sequence[str] = (),
    pools: Pools | None = None,
    tau: Sequence[HeterogeneityPrior | str] | None = None,
    mu: Sequence[EffectPrior | str] | None = None,
    by: str | None = None,
    setting: str | Mapping[str, object] | None = None,
) -> Sensitivity:
    """Run every part: `bayesmeta.sensitivity.all`.

    Parameters
    ----------
    posterior : the analysis as given (of either engine), or trials.
    model : with trials, the model; None for the default one.
    only : names of the parts to run; empty for all.
    pools : frequentist pools of the same trials, where they are at hand.
    tau, mu : priors for `prior_grid`.
    by : order for `cumulative`.
    setting : with moderators, whose effect is asked about, as {"sensitivity_focused": "yes"} or the text
        "sensitivity_focused=yes"; None for that of the intercept, or of the model's own `setting`.

    Returns
    -------
    Sensitivity. A part that this model does not allow is in `not_done`, with the reason.

    Raises
    ------
    BayesmetaError
        No part of that name, a text that is no prior, no such order, or what belongs to a part that is not asked for:
        before anything is computed. Or no part that could be done.

    References
    ----------
    Kruschke 2021, Nat Hum Behav 5:1282 (BARG, step 5: sensitivity analysis).

    Examples
    --------
    >>> import bayesmeta as bm
    >>> sensitivity = everything(bm.load("crins2014"), bm.Model("normal"), only=("prior_grid", "leave_one_out"))
    >>> list(sensitivity.parts)
    ['prior_grid', 'leave_one_out']
    """
    stated: dict[str, Mapping[str, Any]] = {"prior_grid": {"tau": tau, "mu": mu}, "cumulative": {"by": by}}
    _require(posterior, only, stated)
    given = about(analysis(posterior, model), setting)
    options: Options = stated | {"model_grid": {"pools": pools}}
    asked = {name: run for name, run in PARTS.items() if not only or name in only}
    parts, not_done = _run(given, asked, options)
    if not parts:
        raise BayesmetaError(f"sensitivity: nothing could be done. {' '.join(not_done.values())}")
    published = _published(given, not_done)
    said = verdict([*parts.values(), *([published] if published else [])])
    return Sensitivity(given, parts, published, not_done, said)


def _require(posterior: Posterior | Trials, only: Sequence[str], options: Options) -> None:
    """Refuse names, priors and orders that there are not, and what belongs to a part that is not asked for."""
    unknown = [name for name in only if name not in PARTS]
    if unknown:
        raise BayesmetaError(f"sensitivity: no part {unknown[0]!r}. There are {', '.join(PARTS)}.")
    for name, own in options.items():
        stated = [option for option, value in own.items() if value is not None]
        if only and name not in only and stated:
            raise BayesmetaError(
                f"sensitivity: {listed(stated)} given, but not the part {name} to use it in ({listed(only)} asked for)."
                " Leave it out, or ask for that part too."
            )
    for of, priors in options["prior_grid"].items():
        for prior in priors or ():
            parse_prior(prior, of)
    by = options["cumulative"]["by"]
    trials = posterior if isinstance(posterior, Trials) else getattr(posterior, "trials", None)
    if by is not None and trials is not None:
        require_order(trials, by)


def _published(given: Posterior, not_done: dict[str, str]) -> Credibility | None:
    """The credibility of the published pool, or the reason why there is none."""
    if given.trials.published is None:
        return None
    try:
        return credibility(given.trials.published)
    except BayesmetaError as error:
        not_done["credibility"] = str(error)
        return None


def _run(
    given: Posterior, asked: dict[str, Callable[..., Part]], options: Options
) -> tuple[dict[str, Part], dict[str, str]]:
    """The parts that could be done, and the reasons of the others."""
    parts: dict[str, Part] = {}
    not_done: dict[str, str] = {}
    for name, run in asked.items():
        try:
            parts[name] = run(given, **options.get(name, {}))
        except BayesmetaError as error:
            not_done[name] = str(error)
    return parts, not_done
