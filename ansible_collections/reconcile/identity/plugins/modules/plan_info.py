#!/usr/bin/python
# Copyright: (c) 2026, The reconcile authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The module `reconcile.identity.plan_info`."""

from __future__ import annotations

DOCUMENTATION = r"""
module: plan_info
short_description: Show what a plan file would change
description:
  - Reads a plan file. Needs neither the desired state nor any connection, and changes nothing.
version_added: 0.1.0
author:
  - The reconcile authors (@reconcile)
options:
  plan_file:
    description: The plan file.
    type: path
    required: true
  max_changes:
    description:
      - How many changes and skips are returned at most. RV(changes_omitted) and
        RV(skips_omitted) say how many are left out.
    type: int
    default: 1000
requirements:
  - python >= 3.11
  - reconcile-identity, in the version of this collection
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
- name: What was reviewed
  reconcile.identity.plan_info:
    plan_file: /var/lib/reconcile/review.plan
  register: review

- name: Stop where users would be lost
  ansible.builtin.assert:
    that: review.changes | selectattr('action', 'in', ['block', 'erase', 'delete']) | length == 0
"""

RETURN = r"""
summary:
  description: One sentence on what would change.
  returned: success
  type: str
changes:
  description: The changes in the order in which they would be applied, at most O(max_changes).
  returned: success
  type: list
  elements: dict
changes_omitted:
  description: How many changes are not in RV(changes).
  returned: success
  type: int
counts:
  description: For each workspace and source, how much of what would happen to it.
  returned: success
  type: list
  elements: dict
skips:
  description: Entries of directories that cannot be synchronised, at most O(max_changes).
  returned: success
  type: list
  elements: dict
skips_omitted:
  description: How many skips are not in RV(skips).
  returned: success
  type: int
notices:
  description: What a reader should know though it prevents nothing, each with C(code) and C(text).
  returned: success
  type: list
  elements: dict
violations:
  description:
    - What the safety rules found, each with C(code), C(detail), C(acceptable) and C(accepted).
  returned: success
  type: list
  elements: dict
created:
  description: When the plan was made, RFC 3339 in UTC.
  returned: success
  type: str
plan_digest:
  description: SHA-256 of the plan without its times.
  returned: success
  type: str
text:
  description: What changes as text, losses first, cut after 500 changes.
  returned: success
  type: str
exit_code:
  description: The exit code that the command C(reconcile show) would have, 0 for success.
  returned: unless Ansible itself refuses the options, or the package is missing
  type: int
"""

from ansible_collections.reconcile.identity.plugins.module_utils.library import (
    IdentityModule,
    failing,
    reconcile,
    settle,
)


def main():
    """Runs the module."""
    module = IdentityModule(
        argument_spec={
            "plan_file": {"type": "path", "required": True},
            "max_changes": {"type": "int", "default": 1000},
        },
        supports_check_mode=True,
    )
    settle(module)
    limit = module.params["max_changes"]
    with failing(module):
        plan = reconcile.load_plan(module.params["plan_file"])
        document, text = plan.as_dict(), plan.diff()
    module.exit_json(
        changed=False,
        summary=plan.headline,
        changes=document["changes"][:limit],
        changes_omitted=max(len(plan.changes) - limit, 0),
        counts=document["summary"]["counts"],
        skips=document["skips"][:limit],
        skips_omitted=max(len(plan.skips) - limit, 0),
        notices=document["notices"],
        violations=document["violations"],
        created=document["created"],
        plan_digest=plan.digest,
        text=text,
        exit_code=0,
    )


if __name__ == "__main__":
    main()
