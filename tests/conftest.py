"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says more about the machine than about the code: a busy build server would fail by it.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")
