from hypothesis import settings

settings.register_profile("compiled", deadline=None)  # the first call of a compiled function may compile it
settings.load_profile("compiled")
