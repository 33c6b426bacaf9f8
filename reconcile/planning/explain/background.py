"""What planning cannot know by itself, and an explanation needs."""

from collections.abc import Callable, Mapping

import msgspec

from reconcile.model.desired import Source
from reconcile.model.directory import Attributes
from reconcile.model.views.explanation import PersonSearch


class Background(msgspec.Struct, frozen=True):
    """Where settings come from, how persons are searched, and what the vendor's attributes say.

    `origins`: place in the desired state → where it comes from; `searches`: source → how its
    persons are searched; `why_disabled`: what in an entry says that it is disabled, in words, ""
    where that is not known.
    """

    origins: Mapping[str, str]
    searches: Mapping[str, PersonSearch]
    why_disabled: Callable[[Source, Attributes], str]

    def origin(self, place: str) -> str:
        """Where a setting comes from, or what it is part of; "" if that is not known."""
        while place:
            if place in self.origins:
                return self.origins[place]
            place = place[: max(place.rfind("."), place.rfind("["), 0)]
        return ""
