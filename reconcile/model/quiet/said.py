"""How a warning that is logged while a directory is read comes back in a quiet run.

A warning with neither mark belongs to no quiet run: it says what happened once, and a run that
logged it is none that others can follow.
"""

from collections.abc import Mapping
from typing import Final

OF_ANSWERS: Final[Mapping[str, str]] = {"said_of": "answers"}
"""For `extra`: the same answers give the same warning, which a quiet run says again."""
OF_CONNECTION: Final[Mapping[str, str]] = {"said_of": "connection"}
"""For `extra`: a quiet run connects, too, and says what it sees then."""
