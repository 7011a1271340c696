"""Which wrong changes are made of a piece of code, and which are not."""

import pytest
from mutants import find_mutants


def changed(source):
    texts = [mutant.text.decode() for mutant in find_mutants("module.py", source.encode())]
    for text in texts:
        compile(text, "module.py", "exec")
    return texts


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("a < b", ["a <= b"]),
        ("a == b != c", ["a != b != c", "a == b == c"]),
        ("a is not None", ["a is None"]),
        ("a not in b", ["a in b"]),
        ("(a) >= (b)", ["(a) > (b)"]),
        ("a + b * c", ["a - b * c", "a + b / c"]),
        ("a and b and c", ["a or b and c", "a and b or c"]),
        ("-a", ["(a)"]),
        ("not a", ["(a)"]),
        ("True", ["False"]),
        ("5", ["(4)", "6"]),
        ("0.5", ["(-0.5)", "1.5"]),
        ("max(a, b)", ["min(a, b)"]),
        ("np.maximum.accumulate(a)", ["np.minimum.accumulate(a)"]),
        ("math.copysign(a, b)", ["math.copysign(b, a)"]),
        ("np.where(a, b, c)", ["np.where(a, c, b)"]),
        ("a if b else c", ["a if (not (b)) else c"]),
        ("[a for a in b if c]", ["[a for a in b if (not (c))]"]),
        ("zip(a, b, strict=True)", []),
        ("f'{a + 1}'", []),
        ("'text'", []),
    ],
)
def test_an_expression_is_changed_in_each_way_once(source, mutants):
    assert changed(f"x = {source}\n") == [f"x = {mutant}\n" for mutant in mutants]


@pytest.mark.parametrize(
    ("source", "mutants"),
    [
        ("a += b", ["pass", "a -= b"]),
        ("a.b = c", ["pass"]),
        ("a[b] = c", ["pass"]),
        ("a(b)", ["pass"]),
        ("if a:\n    raise B(c + 1)", ["if (not (a)):\n    raise B(c + 1)", "if a:\n    pass"]),
        ("while True:\n    break", ["while True:\n    pass"]),
        ("for a in b:\n    continue", ["for a in b:\n    pass"]),
        ("assert a < b", []),
        ('"""A docstring."""', []),
        ("if TYPE_CHECKING:\n    import a", []),
        ("@cached(size=3)\ndef f(a: Annotated[int, 3] = 1) -> 2:\n    pass", [
            "@cached(size=3)\ndef f(a: Annotated[int, 3] = (0)) -> 2:\n    pass",
            "@cached(size=3)\ndef f(a: Annotated[int, 3] = 2) -> 2:\n    pass",
        ]),
    ],
)  # fmt: skip
def test_a_statement_is_dropped_where_what_is_left_can_run(source, mutants):
    assert changed(f"{source}\n") == [f"{mutant}\n" for mutant in mutants]


def test_a_mutant_says_its_line_and_its_diff_and_leaves_the_rest_alone():
    source = "é = 1  # bytes are no characters\nif (\n    é\n    < b\n):\n    c()\n"
    mutant = next(mutant for mutant in find_mutants("module.py", source.encode()) if mutant.kind == "comparison")
    assert mutant.line == 4
    assert mutant.diff == "-    < b\n+    <= b"
    assert mutant.key == ("module", "< b", "<= b")
    assert mutant.text.decode() == source.replace("<", "<=")
