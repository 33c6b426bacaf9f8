"""What the rules delete and the platform keeps, and DNs that do not fit."""

import pytest

from reconcile.model.platform import Abilities, Department, Group, User
from reconcile.planning.fitting import fitted
from reconcile.planning.undeleted import undeleted

USED = {"1": "the task 'Approve'"}


def test_only_what_is_used_stays():
    doomed = {"1": Group("1", "auditors"), "2": Group("2", "staff")}
    assert list(undeleted("group", doomed, Abilities(), USED)) == [
        (doomed["1"], "it is in use by the task 'Approve'")
    ]


def test_nothing_is_deleted_where_nothing_can_be():
    doomed = {"1": Group("1", "auditors"), "2": Group("2", "staff")}
    kept = list(undeleted("group", doomed, Abilities(deletes=frozenset({"user"})), USED))
    assert kept == [(group, "the platform cannot delete a group") for group in doomed.values()]


def test_a_department_keeps_those_above_it():
    tree = [
        *(Department("4", "All"), Department("3", "Sales", "4"), Department("1", "North", "3")),
        *(Department("2", "Other", "4"), Department("5", "below", "1")),
    ]
    doomed = {department.id: department for department in tree}
    reasons = {
        department.id: why for department, why in undeleted("department", doomed, Abilities(), USED)
    }
    assert reasons == {
        "1": "it is in use by the task 'Approve'",
        "3": "the department 'North' below it stays",
        "4": "the department 'Sales' below it stays",
    }


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        (frozenset({"active", "inactive"}), "inactive"),
        (frozenset({"active", "blocked"}), "blocked"),
        (frozenset({"active"}), "active"),
    ],
)
def test_a_user_in_use_is_out_of_service(statuses, status):
    doomed = {"1": User("1", "anna", source="corp")}
    ((user, _),) = undeleted("user", doomed, Abilities(statuses=statuses), USED)
    assert user.status == status
    assert user.status_origin == ("corp" if status != "active" else "")


@pytest.mark.parametrize(
    ("dn", "why"),
    [
        ("cn=abc", ""),
        ("cn=abcd", "the DN has more than 6 characters, which is all the platform keeps"),
        (
            "cn=🙂",
            "the DN has characters beyond Unicode's basic plane, which the platform cannot keep",
        ),
    ],
)
def test_a_dn_has_to_fit_where_the_platform_keeps_it(dn, why):
    abilities = Abilities(lengths={"dn": 6}, charset="basic")
    wanted = User("1", "anna", dn=dn)
    assert fitted("user", wanted, None, abilities) == ((None, why) if why else (wanted, ""))
    old = User("1", "anna", dn="cn=old")
    kept, told = fitted("user", wanted, old, abilities)
    assert (kept and kept.dn, told) == ("cn=old" if why else dn, why)
    assert fitted("user", wanted, None, Abilities()) == (wanted, "")
