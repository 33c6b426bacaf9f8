"""What assertions cost: `python -m tests.bench.asserted`; the goal is 20 rules over 20,000 users in 5 s.

In this process: the resulting state is made of the state and of changes, then every rule is judged.
"""

import argparse
import resource
import sys
import time
from collections.abc import Sequence
from typing import Final

from reconcile.config.templates.assertions import CompiledCheck
from reconcile.model.change import Change
from reconcile.model.desired import Assertion
from reconcile.model.platform import Department, Grant, Group, Membership, PlatformState, User
from reconcile.planning import assertion_check

GOAL: Final = 5.0
_RULES: Final = (
    ("users", "user is in_group('contractors')", "user is not with_role('administrator')"),
    ("users", None, "user.email.endswith('@example.com')"),
    ("users", "user is active", "user.department != '' and user.username == user.username | lower"),
    ("users", "user is in_department('Sales')", "'group7' not in user.groups"),
    ("memberships", None, "membership is active or membership.group.name != 'contractors'"),
    ("groups", None, "group.members | length < 5000"),
    ("state", None, "users | active | with_role('administrator') | list | length >= 2"),
)


def state(users: int) -> PlatformState:
    """A workspace with three memberships and a role for each user."""
    groups = [Group(f"g{n}", f"group{n}") for n in range(200)]
    groups.append(Group("gc", "contractors", groups={"g1": ""}))
    return PlatformState(
        "main",
        departments=(Department("d", "Sales"), Department("e", "EMEA", parent="d")),
        groups=tuple(groups),
        users=tuple(
            User(str(n), f"user{n}", email=f"user{n}@example.com", department="de"[n % 2])
            for n in range(users)
        ),
        roles=frozenset({"administrator", "operator"}),
        memberships=tuple(
            Membership(str(n), f"g{(n + step) % 200}") for n in range(users) for step in (0, 7, 31)
        )
        + tuple(Membership(str(n), "gc") for n in range(0, users, 50)),
        grants=tuple(
            Grant(str(n), "administrator" if n % 401 == 3 else "operator") for n in range(users)
        ),
    )


def rules(number: int) -> list[Assertion]:
    """Rules of all kinds, in turn."""
    chosen = [_RULES[position % len(_RULES)] for position in range(number)]
    return [
        Assertion(f"rule {position}", about, CompiledCheck(about, where, holds, None, {}))
        for position, (about, where, holds) in enumerate(chosen)
    ]


def changes(users: int) -> list[Change]:
    """A tenth of the users gets another name."""
    return [
        Change(
            "user", "update", f"user{n}", {"first_name": None}, {"first_name": "A"}, "", "c", "main"
        )
        for n in range(0, users, 10)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the seconds; 1 if they are more than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--rules", type=int, default=20)
    given = parser.parse_args(arguments)
    before, asserted, changed = state(given.users), rules(given.rules), changes(given.users)
    begun = time.process_time()
    found = assertion_check.judged(asserted, changed, [before])
    seconds = time.process_time() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    broken = [each for each in found if each.fault]
    measured = f"{seconds:.2f} s of CPU, {memory} MiB"
    sys.stdout.write(f"{given.rules} rules, {given.users} users: {measured}\n")
    return int(seconds > GOAL or bool(broken))


if __name__ == "__main__":
    sys.exit(main())
