import pytest
from hypothesis import settings

pytest_plugins = ["scenarios.formula_study"]

settings.register_profile("compiled", deadline=None)  # the first call of a compiled function may compile it
settings.register_profile("long", deadline=None, print_blob=True)  # `make invariants`
settings.load_profile("compiled")


@pytest.fixture
def interpreted(monkeypatch):
    """Run trials as plain Python, for a strategy of one test's own: compiling it takes 5 s, and changes no bit."""
    from backsweep.trial.runner import Runner  # noqa: PLC0415 - few tests need the package's larger half

    begin = Runner.__init__
    monkeypatch.setattr(
        Runner, "__init__", lambda runner, *given, **options: begin(runner, *given, **{**options, "compiled": False})
    )
