"""Words around the pictures: titles, what the trials are and are not, the model in one line."""

import numpy as np

from bayesmeta.model import Model
from bayesmeta.plots.style import SMALL, TITLE
from bayesmeta.plots.text import fitted, plain_text, width, without_middle
from bayesmeta.posterior import JointPosterior, Marginal, Posterior
from bayesmeta.trials import Trials
from bayesmeta.wording import counted

NAMED, LONGEST_NAME = 4, 30


def title_of(trials: Trials, inches: float) -> str:
    """The outcome, or the name of the table, with the number of trials."""
    text = trials.outcome[:1].upper() + trials.outcome[1:] or trials.name
    if text == "trials":  # the name of a table without one
        return counted(trials.number)
    number = f", {counted(trials.number)}"
    return fitted(text, inches - width(number, TITLE, bold=True), TITLE, bold=True) + number


def forest_subtitle(posterior: Posterior) -> list[str]:
    """What the trials are, and that a part of the published ones is no replication."""
    published = posterior.trials.published
    if published is None:
        return []
    k = posterior.trials.number
    if k >= published.k:
        return [f"{counted(k)} here; the published pool has {published.k}."]
    return [
        f"Readable: {counted(k)}, of {published.k} in the published pool."
        " This is not a replication of the published result."
    ]


def joint_note(posterior: JointPosterior) -> str:
    """Which likelihood of two outcomes, by which engine, of which trials, and that they are no replication."""
    both = int(posterior.effects.reported.all(axis=1).sum())
    fit = f"{posterior.model.likelihood.capitalize()} likelihood, {posterior.engine} posterior"
    text = f"{fit}; {counted(len(posterior.studies_in_model))}, {both} with both outcomes."
    parts = [
        f"{part.number} of {part.published.k} for {part.outcome}"
        for part in posterior.trials.parts
        if part.published is not None and part.number < part.published.k
    ]
    if not parts:
        return text
    return f"{text} Readable of those published: {' and '.join(parts)}. This is not a replication."


def forest_notes(posterior: Posterior, inches: float) -> list[str]:
    """Model, heterogeneity, weights, and what was done to which trial; lines no wider than the picture."""
    known = posterior.model.random_effects == "none"
    weight = "1/s² as a share" if known else "1/(s² + τ²) as a share, averaged over the posterior of τ"
    sentences = [model_line(posterior), f"Weight: {weight}."]
    effects = posterior.effects
    for arms in effects.shared:
        sentences.append(f"One trial, one control: {_names(tuple(posterior.studies_in_model[row] for row in arms))}.")
    if effects.corrected:
        sentences.append(
            f"Observed effects with a correction for zero cells ({effects.zero_cells}): {_names(effects.corrected)}."
        )
    if effects.dropped:
        sentences.append(f"Left out for zero cells ({effects.zero_cells}): {_names(effects.dropped)}.")
    return wrapped(" ".join(sentences), inches)


def model_line(posterior: Posterior) -> str:
    """The model in a sentence, with the posterior of tau."""
    model = posterior.model
    coefficients = [f"{'μ' if name == 'mu' else name} ~ {model.prior_of(name)}" for name in posterior.design.columns]
    text = f"{model.likelihood.capitalize()} likelihood; {', '.join(coefficients)}"
    if model.random_effects == "none":
        return f"{text}; common effect (τ = 0)."
    if model.selection is not None:
        text += f", selection {model.selection}, ω ~ {model.omega}"
    if model.control_risk:
        risk = 1.0 / (1.0 + np.exp(-posterior.to_dict()["control_risk"]["centre"]))
        text += f", effect regressed on the control risk and pooled at {risk:.3g}"
    priors = posterior.heterogeneity_priors
    same = len({str(prior) for prior in priors.values()}) == 1
    stated = f"each τ ~ {next(iter(priors.values()))}" if same and len(priors) > 1 else ""
    stated = stated or ", ".join(f"{_symbol(name)} ~ {prior}" for name, prior in priors.items())
    found = ", ".join(f"{_symbol(name)} {_linear(posterior[name])}" for name in priors)
    return f"{text}, {stated}. Posterior of {found}."


def beyond_the_usual(model: Model) -> str:
    """What a model has beside likelihood and random effects, a sentence each; "" where there is nothing."""
    said = []
    if model.selection is not None:
        said.append(f"Selection {model.selection}, ω ~ {model.omega}.")
    if model.tau_by is not None:
        said.append(f"A τ for each level of {model.tau_by}.")
    if model.scale is not None:
        said.append(f"log τ linear in {model.scale.lstrip('~ ')}, α ~ {model.alpha}.")
    return " ".join(said)


def _symbol(name: str) -> str:
    return name.replace("tau", "τ", 1).replace("alpha", "α", 1)


def _linear(marginal: Marginal) -> str:
    median, lower, upper = np.asarray(marginal.quantile(np.array([0.5, 0.025, 0.975]))).tolist()
    return f"{median:.2f} [{lower:.2f}, {upper:.2f}]"


def wrapped(text: str, inches: float, size: float = SMALL) -> list[str]:
    """Lines that fit a width, broken between words."""
    lines = [""]
    for word in plain_text(text, 2000).split():
        longer = f"{lines[-1]} {word}".strip()
        if width(longer, size) <= inches or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _names(studies: tuple[str, ...]) -> str:
    rest = len(studies) - NAMED
    return ", ".join(without_middle(study, LONGEST_NAME) for study in studies[:NAMED]) + (
        f" and {counted(rest, 'other')}" if rest > 0 else ""
    )
