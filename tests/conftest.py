from hypothesis import settings

pytest_plugins = ["scenarios.formula_study"]

settings.register_profile("compiled", deadline=None)  # the first call of a compiled function may compile it
settings.register_profile("long", deadline=None, print_blob=True)  # `make invariants`
settings.load_profile("compiled")
