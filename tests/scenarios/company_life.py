"""The life of a company on any platform, told once, with an oracle.

    life(Stage(folder, platform), lose_ledger)

People are hired, renamed, moved, disabled, leave, come back within the grace period and after it;
a run is undone, and in the end the ledger is lost. After each step the platform has to show what
the oracle says, which knows the company and none of reconcile's rules, and a second plan has to
be empty. What a platform is not able to have is left out by asking its abilities.

A test module of its own calls it for each platform; `lose_ledger` makes reconcile forget all it
knows, and returns the platform opened anew. `role` has to exist where the platform makes none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from reconcile.model.change import Plan
from reconcile.model.platform import Abilities
from reconcile.planning import accepted
from reconcile.planning.undo.plan import Undo, undo
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import view
from tests.scenarios.stage import DESIRED, Stage, ldif, told

DAY = "2026-{:02}-{:02}T08:00:00Z"
OUT = {"inactive", "blocked", "blocked_in_directory"}
LOSSES = {"delete", "block", "deactivate", "erase"}
GROUPS = ("staff", "devs", "ops")


@dataclass
class Person:
    """An employee, as the directory has them."""

    uid: str
    key: str
    surname: str
    unit: str
    groups: set[str]
    boss: str = ""
    mail: str = ""
    phone: str = ""
    chief: bool = False
    disabled: bool = False


@dataclass
class Company:
    """Who works there, and who did."""

    staff: dict[str, Person] = field(default_factory=dict)
    """By the key that never changes."""
    left: dict[str, Person] = field(default_factory=dict)
    """Those who left and whose grace period runs."""
    nested: bool = False
    """Whether the group devs is in staff."""

    def person(self, key: str) -> Person:
        return self.staff[key]

    def entries(self) -> dict[str, Any]:
        """The directory."""
        entries: dict[str, Any] = {"ou=Sales": None, "ou=Tech": None}
        for one in self.staff.values():
            entries[self.rdn(one)] = {
                "entryUUID": one.key,
                "sn": one.surname,
                "mail": one.mail or f"{one.uid}@example.com",
                "telephoneNumber": one.phone or None,
                "manager": self.rdn(self.staff[one.boss]) if one.boss in self.staff else None,
                "pwdAccountLockedTime": "000001010000Z" if one.disabled else None,
            }
        for name in GROUPS:
            members = [self.rdn(one) for one in self.staff.values() if name in one.groups]
            members += ["cn=devs"] if self.nested and name == "staff" else []
            entries[f"cn={name}"] = {"member": members}
        chiefs = [self.rdn(one) for one in self.staff.values() if one.chief]
        entries["cn=chiefs"] = {"member": chiefs}
        return entries

    @staticmethod
    def rdn(person: Person) -> str:
        return f"uid={person.uid},ou={person.unit}"


class Life:
    """One company on one platform."""

    def __init__(self, stage: Stage, lose_ledger: Callable[[], ManagedPlatform], role: str) -> None:
        self.stage = stage
        self.lose_ledger = lose_ledger
        self.role = role
        self.company = Company()
        with stage.platform(None) as platform:
            self.able: Abilities = platform.abilities
        self.day = 0
        self.kept = self.able.fields.get(
            "user",
            frozenset({"username", "first_name", "last_name", "email", "status"})
            | {"department", "manager", "attributes", "external_id"},
        )
        self.erased = 0
        self.linked = False
        self.renames = "username" not in self.able.fixed.get("user", ())
        self.erases = "erased" in self.able.statuses
        self.deletes = "user" in self.able.deletes

    # What reconcile is told

    def has(self, kind: str) -> bool:
        return kind not in self.able.lacks

    def keeps_attribute(self, name: str) -> bool:
        known = self.able.attributes
        return "attributes" in self.kept and (known is None or name in known)

    def desired(self) -> dict[str, Any]:
        users: dict[str, Any] = {"create": "all", "manager_attribute": "manager"}
        if self.keeps_attribute("phone"):
            users["attributes"] = [{"field": "phone", "value": "{{ telephoneNumber }}"}]
        rules: dict[str, Any] = {
            "sources": [DESIRED["sources"][0] | {"users": users}],
            "lifecycle": {"on_missing": {"action": "block", "after": "30d", "then": "erase"}},
        }
        if self.has("group"):
            nested = "keep" if self.able.nested_groups else "flatten"
            select = [f"cn={name}" for name in GROUPS]
            rules["groups"] = [{"source": "corp", "select": select, "nested": nested}]
        if self.has("department"):
            rules["departments"] = [{"source": "corp", "select": ["ou=*"]}]
        if self.has("grant"):
            chiefs = ["cn=chiefs,dc=example,dc=com"]
            mappings: list[dict[str, Any]] = [
                {"source": "corp", "groups": chiefs, "role": self.role}
            ]
            if "role" in self.able.needs:
                mappings = [{"role": self.role, "default": True}]
            rules["role_mappings"] = mappings
            needed = "role" in self.able.needs
            rules["roles"] = {"on_unmapped": "default" if needed else "remove"}
        return DESIRED | rules | ({"links": self.links()} if self.linked else {})

    def links(self) -> list[dict[str, str]]:
        """What an administrator writes once the ledger is lost: which groups are ours."""
        base = {"source": "corp"}
        groups = [
            {"group": name, **base, "entry": f"cn={name},dc=example,dc=com"} for name in GROUPS
        ]
        departments = [
            {"department": name, **base, "entry": f"ou={name},dc=example,dc=com"}
            for name in ("Sales", "Tech")
        ]
        return (groups if self.has("group") else []) + (
            departments if self.has("department") else []
        )

    def plan(self) -> Plan:
        self.stage.write(self.desired(), {"corp": ldif(self.company.entries())})
        return self.stage.plan(at=self.at())[0]

    def at(self) -> str:
        month, day = divmod(self.day, 28)
        return DAY.format(month + 1, day + 1)

    def apply(self, plan: Plan) -> None:
        report = self.stage.apply(plan)
        failed = [
            (told(one.change), one.detail) for one in report.outcomes if one.result != "applied"
        ]
        assert failed == [], failed

    def step(self, days: int = 1) -> Plan:
        """A night passes, and everything is as the company says."""
        self.day += days
        plan = self.plan()
        self.apply(plan)
        self.check()
        again = self.plan()
        assert [told(one) for one in again.changes] == []
        return plan

    # What the oracle says

    def check(self) -> None:
        expected = {
            "users": self.users(),
            "groups": self.memberships(),
            "nested": self.nesting(),
            "roles": self.roles(),
            "erased": self.erased,
        }
        for what, seen in self.shown().items():
            assert seen == expected[what], f"{what}: {seen}, and not {expected[what]}"

    def shown(self) -> dict[str, Any]:
        """The platform, in the oracle's words."""
        with self.stage.platform(None) as platform:
            seen = view(platform.read("main"))
        users = {name: one for name, one in seen["users"].items() if one.get("status") != "erased"}
        return {
            "users": {name: self._shown_user(one) for name, one in users.items()},
            "groups": {pair for pair in seen["memberships"] if pair[0] in users},
            "nested": set(seen["nested"]),
            "roles": set(seen["grants"]),
            "erased": len(seen["users"]) - len(users),
        }

    def _shown_user(self, one: dict[str, Any]) -> dict[str, str]:
        facts = {name: str(one.get(name, "")) for name in ("last_name", "email")}
        facts |= {name: str(one.get(name, "")) for name in ("department", "manager")}
        facts["phone"] = one.get("attributes", {}).get("phone", "")
        facts["service"] = "out" if one["status"] in OUT else one["status"]
        return facts

    def users(self) -> dict[str, dict[str, str]]:
        """Username → what the platform has to show."""
        everybody = {**self.company.staff, **self.company.left}
        users = {
            one.uid: {
                "last_name": self._if_kept("last_name", one.surname),
                "email": self._if_kept("email", one.mail or f"{one.uid}@example.com"),
                "department": one.unit if self.has("department") else "",
                "manager": self._if_kept("manager", self._boss(one)),
                "phone": one.phone if self.keeps_attribute("phone") else "",
                "service": "out" if one.disabled or one.key in self.company.left else "active",
            }
            for one in everybody.values()
        }
        nothing = dict.fromkeys(("last_name", "email", "department", "manager", "phone"), "")
        return users | {"root": {**nothing, "service": "active"}}

    def _if_kept(self, field_name: str, text: str) -> str:
        return text if field_name in self.kept else ""

    def _boss(self, one: Person) -> str:
        return self.company.staff[one.boss].uid if one.boss in self.company.staff else ""

    def memberships(self) -> set[tuple[str, str]]:
        if not self.has("group"):
            return set()
        everybody = [*self.company.staff.values(), *self.company.left.values()]
        pairs = {(one.uid, group) for one in everybody for group in one.groups}
        if self.company.nested and not self.able.nested_groups:
            pairs |= {(one.uid, "staff") for one in everybody if "devs" in one.groups}
        return pairs | {("root", "staff")}

    def nesting(self) -> set[tuple[str, str]]:
        nested = self.company.nested and self.able.nested_groups and self.has("group")
        return {("devs", "staff")} if nested else set()

    def roles(self) -> set[tuple[str, str]]:
        if not self.has("grant"):
            return set()
        everybody = [*self.company.staff.values(), *self.company.left.values()]
        everyone = "role" in self.able.needs
        return {(one.uid, self.role) for one in everybody if one.chief or everyone}

    # What happens

    def hire(self) -> None:
        hired = [
            Person("ann", "1", "Ash", "Sales", {"staff"}, chief=True, phone="1"),
            Person("bob", "2", "Birch", "Sales", {"staff"}, boss="1", phone="2"),
            Person("cid", "3", "Cedar", "Tech", {"staff", "devs"}, boss="1"),
        ]
        self.company.staff = {one.key: one for one in hired}
        self.apply(self.plan())
        self._an_account_by_hand()
        self.step()

    def _an_account_by_hand(self) -> None:
        """Somebody makes an account on the platform; it stays, whatever else happens."""
        changes: list[dict[str, Any]] = [
            {"kind": "user", "action": "create", "key": "root", "after": {"username": "root"}}
        ]
        if self.has("group"):
            after = {"user": "root", "group": "staff"}
            changes.append(
                {"kind": "membership", "action": "create", "key": "root/staff", "after": after}
            )
        self.stage.by_hand(changes)

    def nest(self) -> None:
        self.company.nested = True
        self.company.person("3").groups = {"devs"}
        self.step()

    def rename(self) -> None:
        """Bob marries: another surname, and another username where that can change."""
        bob = self.company.person("2")
        bob.surname, bob.mail = "Beech", "bob@example.com"
        if self.renames:
            bob.uid = "robert"
        before = self._ids()
        self.step()
        assert self._ids()[bob.uid] == before["bob"]

    def _ids(self) -> dict[str, str]:
        with self.stage.platform(None) as platform:
            return {one.username: one.id for one in platform.read("main").users}

    def move(self) -> None:
        """Cid moves to another department and other groups; Ann gets no phone, Cid one."""
        cid = self.company.person("3")
        self.company.staff["3"] = replace(cid, unit="Sales", groups={"staff", "ops"}, phone="3")
        self.company.person("1").phone = ""
        self.company.person("2").boss = "3"
        self.step()

    def move_and_undo(self) -> None:
        """The move is taken back, and made once more by the next run."""
        before = self.shown()
        self.move()
        self.day += 1
        plan = self._undoing()
        self.apply(plan)
        assert self.shown() == before
        self.step()

    def _undoing(self) -> Plan:
        with self.stage.platform(None) as platform:
            run = platform.history.runs("main")[-1].run.id
            entries = {"main": platform.history.entries("main", run)}
            state = platform.read("main")
        made = undo(Undo(run, "0" * 64, (), (), (), (state,), entries, "test", self.at()))
        return accepted(made, [one.code for one in made.violations], "tester")

    def disable_and_enable(self) -> None:
        for disabled in (True, False):
            self.company.person("3").disabled = disabled
            self.step()

    def leave(self, key: str) -> None:
        """Out of service at once, with everything they had."""
        gone = self.company.staff.pop(key)
        self.company.left[key] = gone
        self.step()

    def come_back(self, key: str) -> None:
        """Within the grace period it is the account they had."""
        before = self._ids()
        back = self.company.left.pop(key)
        self.company.staff[key] = back
        self.step()
        assert self._ids() == before

    def grace_is_over(self, key: str) -> None:
        """Erased, or deleted; where the platform can do neither, out of service and in no group."""
        if self.erases or self.deletes:
            del self.company.left[key]
            self.erased += 1 if self.erases else 0
        else:
            self.company.left[key].groups, self.company.left[key].chief = set(), False
        self.step(days=31)

    def another_of_the_name(self) -> None:
        """A new employee gets the username, and nothing of the account that had it."""
        keeps_name = self.erases and not self.renames
        if keeps_name or not (self.erases or self.deletes):
            return
        name = "robert" if self.renames else "bob"
        self.company.staff["4"] = Person(name, "4", "Rowan", "Tech", {"staff"})
        self.step()

    def ledger_is_lost(self) -> None:
        """Nothing is taken from anybody, nobody gets a second account."""
        self.stage = Stage(self.stage.folder, self.lose_ledger())
        self.day += 1
        before = self._ids().keys()
        plan = self.plan()
        assert [told(one) for one in plan.changes if one.action in LOSSES] == []
        assert [
            told(one) for one in plan.changes if (one.kind, one.action) == ("user", "create")
        ] == []
        self.apply(plan)
        self.check()
        assert self._ids().keys() == before
        assert [told(one) for one in self.plan().changes] == []

    def life_goes_on(self) -> None:
        """Whoever was recognised is kept in line as before."""
        if not self.recognises():
            return
        self.linked = True
        self.step()
        self.company.person("1").surname = "Alder"
        self.company.staff["5"] = Person("eve", "5", "Elm", "Tech", {"ops"})
        self.step()
        self.leave("3")

    def recognises(self) -> bool:
        """Whether accounts can be told by what the platform itself keeps."""
        return bool({"email", "external_id"} & self.kept)


def life(
    stage: Stage, lose_ledger: Callable[[], ManagedPlatform], *, role: str = "operator"
) -> None:
    """Plays a whole life; raises AssertionError where the platform does not show what it has to."""
    company = Life(stage, lose_ledger, role)
    company.hire()
    company.nest()
    company.rename()
    company.move_and_undo()
    company.disable_and_enable()
    company.leave("2")
    company.come_back("2")
    company.leave("2")
    company.grace_is_over("2")
    company.another_of_the_name()
    company.ledger_is_lost()
    company.life_goes_on()
