"""Moderators by formula: parsed as a formula, never run as code."""

import ast
import re
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from bayesmeta.errors import ModelError
from bayesmeta.types import Array

# What a term may call; each is a transform of formulaic that remembers its state, so that new settings are coded alike.
FUNCTIONS = {
    "C": "C(x): categories; C(x, contr.treatment('level')): with that reference level",
    "center": "center(x): minus its mean over the trials",
    "scale": "scale(x): minus its mean, over its standard deviation",
    "log": "log(x): natural logarithm",
    "poly": "poly(x, 2): orthogonal polynomials",
    "bs": "bs(x, df=4): B-splines",
}
WITH_OPTIONS = {"C", "poly", "bs"}
CONTRASTS = {"treatment", "sum", "helmert", "poly", "diff"}

# A formula is a line of text that must not be able to keep a machine busy.
LONGEST = 1000  # characters
MOST_TERMS = 100
MOST_COLUMNS_IN_A_TERM = 3
HIGHEST_POWER = 3
LARGEST_NUMBER = 10  # degree or df of poly and bs


class Formula:
    """The right-hand side of a moderator formula, checked term by term before anything is computed.

    Parameters
    ----------
    text : "~ x", "~ sensitivity_focused * center(year)", ...

    Attributes
    ----------
    variables : the columns that it uses.
    categories : those among them that stand in C(), and so are categories even where they hold numbers.

    Raises
    ------
    ModelError
        Where the text is not a formula, has a left-hand side, or contains anything but columns, numbers and the
        transforms in FUNCTIONS.

    Examples
    --------
    >>> formula = Formula("~ dose + C(site)")
    >>> sorted(formula.variables), sorted(formula.categories)
    (['dose', 'site'], ['site'])
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._terms = _parse(text)
        uses = [_use(text, factor) for term in self._terms for factor in term.factors]
        self.variables = frozenset(name for name, _ in uses if name)
        self.categories = frozenset(name for name, function in uses if function == "C")

    def matrix(self, frame: pd.DataFrame, where: str) -> tuple[Array, tuple[str, ...], Any]:
        """Design matrix of a table: (k, p) values, column names, and the specification that codes further rows.

        Raises
        ------
        ModelError
            A column that is not there, blanks in it, or a column that is text where a number is needed.
        """
        import formulaic

        for name in sorted(self.variables):
            if name not in frame.columns:
                raise ModelError(
                    f'{where}: moderators "{self.text}" name the column {name!r}, which is not there.'
                    f" {_offer(name, frame)}"
                )
            blank = (frame[name].isna() | (frame[name].astype(str).str.strip() == "")).to_numpy()
            if blank.any():
                raise ModelError(
                    f"{where}, {frame['study'].iloc[int(np.argmax(blank))]}, column {name}: blank. Each trial needs a"
                    f' value of a moderator that is in the model ("{self.text}"): fill it in, or leave the trial out.'
                )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                warnings.simplefilter("error", RuntimeWarning)  # the logarithm of a negative number, say
                warnings.simplefilter("error", formulaic.errors.DataMismatchWarning)
                built = formulaic.model_matrix(self._terms, frame, na_action="raise", context={})
            matrix = np.asarray(built, dtype=float)
        except Exception as error:
            raise ModelError(f'{where}: moderators "{self.text}" cannot be computed: {_first_line(error)}') from None
        names = tuple(str(name) for name in built.columns)
        for name, column in zip(names, matrix.T):
            if not np.isfinite(column).all():
                study = frame["study"].iloc[int(np.argmin(np.isfinite(column)))]
                raise ModelError(f'{where}, {study}: moderators "{self.text}": {name} is not a finite number.')
        return matrix, names, built.model_spec


@lru_cache(maxsize=256)
def _parse(text: str) -> Any:
    import formulaic

    if len(str(text)) > LONGEST:
        raise ModelError(f"moderators: a formula of {len(text)} characters. At most {LONGEST} are read.")
    try:
        tree = formulaic.parser.DefaultFormulaParser().get_ast(text)
        size = _terms_in(tree)
        parsed = formulaic.Formula(text) if size <= MOST_TERMS else None
    except Exception as error:
        # In the library's words only what this module says by its exceptions.
        finding = f" {error}" if isinstance(error, PowerError) else _ends_badly(text)
        raise ModelError(f'moderators "{text}": not a formula.{finding} Example: "~ dose + site".') from None
    if parsed is None:
        raise ModelError(f'moderators "{text}": more than {MOST_TERMS} terms.')
    if not isinstance(parsed, formulaic.SimpleFormula):
        raise ModelError(
            f'moderators "{text}": a formula of moderators has nothing left of "~" and no "|". Example: "~ dose".'
        )
    if any(len(term.factors) > MOST_COLUMNS_IN_A_TERM for term in parsed):
        raise ModelError(f'moderators "{text}": interactions of more than three columns are not supported.')
    if not list(parsed):
        raise ModelError(f'moderators "{text}": nothing is left to estimate. Write "~ 1" for the pooled effect alone.')
    return parsed


class PowerError(Exception):
    """A power that is not read; its text is for the refusal."""


def _ends_badly(text: str) -> str:
    last = str(text).rstrip()[-1:]
    return f" Nothing stands behind the last {last}." if last in ("+", "-", "*", "/", ":", "^", "~") else ""


def _terms_in(tree: Any) -> int:
    """An upper bound on the number of terms that a parsed formula expands to, found without expanding it."""
    operator = getattr(tree, "operator", None)
    if operator is None:
        return 1
    if operator.symbol in ("**", "^"):
        base, power = tree.args
        if str(power) not in map(str, range(1, HIGHEST_POWER + 1)):
            raise PowerError(f"A power must be a whole number up to {HIGHEST_POWER}.")
        return int(min(_terms_in(base) ** int(str(power)), MOST_TERMS + 1))
    sizes = [_terms_in(part) for part in tree.args]
    size = sum(sizes)
    if operator.symbol in (":", "*"):
        size += sizes[0] * sizes[-1]
    return min(size, MOST_TERMS + 1)


def _use(text: str, factor: Any) -> tuple[str, str]:
    """The column that a factor uses and the function it stands in; refuses whatever is not known to be harmless."""
    if factor.eval_method.value == "literal":
        return "", ""
    if factor.eval_method.value == "lookup":
        return str(factor.expr), ""
    quoted: list[str] = re.findall("`([^`]+)`", factor.expr)
    placeholders = iter(f"quoted_{i}_" for i in range(len(quoted)))
    try:
        call = ast.parse(re.sub("`[^`]+`", lambda _: next(placeholders), factor.expr), mode="eval").body
    except (SyntaxError, ValueError):
        raise _refusal(text, factor.expr) from None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in FUNCTIONS and call.args):
        raise _refusal(text, factor.expr)
    column, *others = call.args
    options = [*others, *(keyword.value for keyword in call.keywords)]
    if not isinstance(column, ast.Name) or (options and call.func.id not in WITH_OPTIONS):
        raise _refusal(text, factor.expr)
    limit = np.inf if call.func.id == "C" else LARGEST_NUMBER
    if not all(_plain(option, limit) for option in options):
        raise _refusal(text, factor.expr)
    named = re.fullmatch(r"quoted_(\d+)_", column.id)
    return quoted[int(named[1])] if named and quoted else column.id, call.func.id


def _plain(node: ast.expr, limit: float = np.inf) -> bool:
    """A number, a text, a list of them, or a contrast such as contr.treatment('no')."""
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, int) or node.value <= limit
    if isinstance(node, ast.List | ast.Tuple):
        return all(_plain(item) for item in node.elts)
    if isinstance(node, ast.Call):
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        return isinstance(node.func, ast.Attribute) and _plain(node.func) and all(_plain(a) for a in arguments)
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return node.value.id == "contr" and node.attr in CONTRASTS
    return False


def _refusal(text: str, expression: str) -> ModelError:
    return ModelError(
        f'moderators "{text}": {expression!r} is neither a column nor one of the known transforms: '
        f"{'; '.join(FUNCTIONS.values())}. A column whose name has blanks is written in `backticks`; other transforms"
        " belong into the table."
    )


def _offer(name: str, frame: pd.DataFrame) -> str:
    import difflib

    close = difflib.get_close_matches(name, [str(c) for c in frame.columns], n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Columns: {', '.join(str(c) for c in frame.columns)}."


def _first_line(error: Exception) -> str:
    """The library's own words without its colour codes and marks."""
    lines = [line.strip() for line in re.sub("\x1b\\[[0-9;]*m", "", str(error)).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
