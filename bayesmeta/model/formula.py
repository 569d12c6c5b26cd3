"""Moderators by formula: parsed as a formula, never run as code."""

import ast
import warnings
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
CONTRASTS = {"treatment", "sum", "helmert", "poly", "diff"}


class Formula:
    """The right-hand side of a moderator formula, checked term by term before anything is computed.

    Parameters
    ----------
    text : "~ x", "~ sensitivity_focused * center(year)", ...

    Raises
    ------
    ModelError
        Where the text is not a formula, has a left-hand side, or contains anything but columns, numbers and the
        transforms in FUNCTIONS.

    Examples
    --------
    >>> sorted(Formula("~ dose + C(site)").variables)
    ['dose', 'site']
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self._terms = _parse(text)
        self.variables = frozenset().union(*(_names(text, factor) for term in self._terms for factor in term.factors))

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
                    f'{where}: moderators "{self.text}" name the column {name!r}, which is not there. {_offer(name, frame)}'
                )
            blank = frame[name].isna() | (frame[name].astype(str).str.strip() == "")
            if blank.any():
                row = frame.loc[blank.idxmax()]
                raise ModelError(
                    f"{where}, {row['study']}, column {name}: blank. Each trial needs a value of a moderator that is in the"
                    f' model ("{self.text}"): fill it in, or leave the trial out.'
                )
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                built = formulaic.model_matrix(self._terms, frame, na_action="raise", context={})
        except Exception as error:
            raise ModelError(f'{where}: moderators "{self.text}" cannot be computed: {_first_line(error)}') from None
        return np.asarray(built, dtype=float), tuple(str(name) for name in built.columns), built.model_spec


def _parse(text: str) -> Any:
    import formulaic

    try:
        parsed = formulaic.Formula(text)
    except Exception as error:
        raise ModelError(
            f'moderators "{text}": not a formula. {_first_line(error)} Example: "~ dose + site".'
        ) from None
    if not isinstance(parsed, formulaic.SimpleFormula):
        raise ModelError(
            f'moderators "{text}": a formula of moderators has nothing left of "~" and no "|". Example: "~ dose".'
        )
    if any(len(term.factors) > 3 for term in parsed):
        raise ModelError(f'moderators "{text}": interactions of more than three columns are not supported.')
    return parsed


def _names(text: str, factor: Any) -> frozenset[str]:
    """The columns a factor uses; refuses whatever is not a column, a number or a known transform."""
    if factor.eval_method.value == "literal":
        return frozenset()
    if factor.eval_method.value == "lookup":
        return frozenset({factor.expr})
    try:
        call = ast.parse(factor.expr, mode="eval").body
    except SyntaxError:
        raise _refusal(text, factor.expr) from None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in FUNCTIONS and call.args):
        raise _refusal(text, factor.expr)
    column, *options = call.args
    if not isinstance(column, ast.Name) or column.id in FUNCTIONS:
        raise _refusal(text, factor.expr)
    if not all(_plain(option) for option in [*options, *(keyword.value for keyword in call.keywords)]):
        raise _refusal(text, factor.expr)
    return frozenset({column.id})


def _plain(node: ast.expr) -> bool:
    """A number, a text, a list of them, or a contrast such as contr.treatment('no')."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, ast.List | ast.Tuple):
        return all(_plain(item) for item in node.elts)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
        arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
        return node.func.value.id == "contr" and node.func.attr in CONTRASTS and all(_plain(a) for a in arguments)
    return False


def _refusal(text: str, expression: str) -> ModelError:
    return ModelError(
        f'moderators "{text}": {expression!r} is neither a column nor one of the known transforms: '
        f"{', '.join(FUNCTIONS)}. A column whose name has blanks is written in `backticks`; other transforms belong into the table."
    )


def _offer(name: str, frame: pd.DataFrame) -> str:
    import difflib

    close = difflib.get_close_matches(name, [str(c) for c in frame.columns], n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Columns: {', '.join(str(c) for c in frame.columns)}."


def _first_line(error: Exception) -> str:
    """The library's own words without its colour codes and marks."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__
