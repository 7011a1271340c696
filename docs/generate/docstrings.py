"""Texts that stand in the source below a field of a class."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap


def describe_own_fields(cls: type) -> dict[str, str]:
    """Return the text below each annotated field of a class, without those that it inherits."""
    body = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0].body
    return {
        field.target.id: " ".join(str(text.value.value).split())
        for field, text in itertools.pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
