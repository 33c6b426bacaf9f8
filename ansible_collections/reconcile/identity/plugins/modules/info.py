#!/usr/bin/python
# Copyright: (c) 2026, The reconcile authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The module `reconcile.identity.info`."""

from __future__ import annotations

DOCUMENTATION = r"""
module: info
short_description: List the users, groups, departments and roles that a platform holds
description:
  - Reads the platform of a desired state, and changes nothing. Directories are not read.
version_added: 0.1.0
author:
  - The reconcile authors (@reconcile)
extends_documentation_fragment:
  - reconcile.identity.desired_state
options:
  gather:
    description: What to return.
    type: list
    elements: str
    choices: [users, groups, departments, roles]
    default: [users, groups, departments, roles]
  users:
    description: Only users with these usernames, in any case. All for an empty list.
    type: list
    elements: str
    default: []
  status:
    description: Only users with one of these statuses. All for an empty list.
    type: list
    elements: str
    choices: [active, inactive, vacation, blocked, blocked_in_directory, erased]
    default: []
  roles:
    description: Only users who have one of these roles. All for an empty list.
    type: list
    elements: str
    default: []
  groups:
    description: Only users who are members of one of these groups. All for an empty list.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Can run in check mode, which makes no difference.
    support: full
  diff_mode:
    description: Nothing changes.
    support: none
seealso:
  - module: reconcile.identity.sync
"""

EXAMPLES = r"""
- name: Who is blocked
  reconcile.identity.info:
    path: /etc/reconcile/reconcile.yml
    gather: [users]
    status: [blocked]
  register: blocked

- name: Show their usernames
  ansible.builtin.debug:
    msg: "{{ blocked.users | map(attribute='username') | list }}"
"""

RETURN = r"""
users:
  description:
    - The users, sorted by workspace and username, with their roles, groups, department, status
      and source.
  returned: when O(gather) has V(users)
  type: list
  elements: dict
  sample:
    - {workspace: main, username: ann, status: active, roles: [clerk], groups: [sales]}
groups:
  description: The groups with their members.
  returned: when O(gather) has V(groups)
  type: list
  elements: dict
departments:
  description: The departments with those directly in them.
  returned: when O(gather) has V(departments)
  type: list
  elements: dict
roles:
  description: The roles with those who have them.
  returned: when O(gather) has V(roles)
  type: list
  elements: dict
  sample: [{workspace: main, name: clerk, users: [ann]}]
exit_code:
  description: The exit code that the command C(reconcile) would have, 0 for success.
  returned: unless Ansible itself refuses the options, or the package is missing
  type: int
"""

from ansible_collections.reconcile.identity.plugins.module_utils.library import (
    DESIRED_STATE,
    IdentityModule,
    failing,
    reconcile,
    settle,
)

KINDS = ["users", "groups", "departments", "roles"]
STATUSES = ["active", "inactive", "vacation", "blocked", "blocked_in_directory", "erased"]


def selected(users, params):
    """The users that pass every filter that is set."""
    names = {name.casefold() for name in params["users"]}
    statuses, roles, groups = (set(params[name]) for name in ("status", "roles", "groups"))
    return [
        user
        for user in users
        if (not names or user["username"].casefold() in names)
        and (not statuses or user["status"] in statuses)
        and (not roles or not roles.isdisjoint(user["roles"]))
        and (not groups or not groups.isdisjoint(user["groups"]))
    ]


def main():
    """Runs the module."""
    names = {"type": "list", "elements": "str", "default": []}
    module = IdentityModule(
        argument_spec=dict(
            DESIRED_STATE,
            gather={"type": "list", "elements": "str", "choices": KINDS, "default": KINDS},
            users=names,
            status=dict(names, choices=STATUSES),
            roles=names,
            groups=names,
        ),
        mutually_exclusive=[("path", "config")],
        required_one_of=[("path", "config")],
        supports_check_mode=True,
    )
    paths, options = settle(module)
    with failing(module):
        inventory = reconcile.inventory(*paths, **options)
    result = {kind: list(getattr(inventory, kind)) for kind in module.params["gather"]}
    if "users" in result:
        result["users"] = selected(result["users"], module.params)
    module.exit_json(changed=False, exit_code=0, **result)


if __name__ == "__main__":
    main()
