"""How much is tried: `make test` takes a sample of the large grids, `make test-all` the whole of them."""

from typing import Final

import pytest
from hypothesis import settings

SHARES: Final = 3
"""How many parts the points of a large grid are dealt out to."""
SHARED: Final = [0, *(pytest.param(share, marks=pytest.mark.full) for share in range(1, SHARES))]
"""What a test of such a grid is parametrised by: `make test` takes the first share alone."""


def examples(count: int) -> int:
    """So many random examples of a test, or half of them where the profile says so."""
    return count * settings.default.max_examples // 100
