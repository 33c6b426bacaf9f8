#!/usr/bin/python
# Copyright: (c) 2026, The reconcile authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The module `reconcile.identity.sync`."""

from __future__ import annotations

DOCUMENTATION = r"""
module: sync
short_description: Keep a platform's users, groups, departments and roles equal to its directories
description:
  - Makes a plan from a desired state, the directories and the platform, and applies exactly that
    plan.
  - In check mode, and with O(state=planned), only the plan is made. Nothing is written but
    O(plan_file).
  - The task has changed if and only if the plan has changes.
  - A plan that the safety rules refuse fails the task with RV(exit_code=4) and RV(violations);
    nothing is written then.
version_added: 0.1.0
author:
  - The reconcile authors (@reconcile)
extends_documentation_fragment:
  - reconcile.identity.desired_state
options:
  targets:
    description: Only these users, groups or departments, written as C(user:jdoe).
    type: list
    elements: str
    default: []
  state:
    description:
      - V(applied) plans and applies. V(planned) only plans, as check mode does.
    type: str
    choices: [planned, applied]
    default: applied
  plan_file:
    description:
      - Where the plan is written with O(state=planned) and in check mode, readable by its owner
        alone.
      - With O(state=applied) this plan is applied, exactly as it was written. The task fails with
        RV(exit_code=5) if the desired state, the directory or the platform has changed since.
      - So one playbook can be reviewed with C(--check) and then run.
    type: path
  accept:
    description:
      - Codes of violations that are accepted, as RV(violations) has them. They hold for the very
        number in the code.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Fail with RV(exit_code=9) if a rule finds nothing or a user who exists is skipped. An
        applied plan stays applied.
    type: bool
    default: false
  max_changes:
    description:
      - How many changes, skips and outcomes are returned at most. RV(changes_omitted) says how
        many are left out.
    type: int
    default: 1000
  lock_timeout:
    description:
      - For how many seconds to wait where another run holds the platform, before failing with
        RV(exit_code=8).
    type: int
    default: 0
attributes:
  check_mode:
    description: Can run in check mode, which changes nothing.
    support: full
  diff_mode:
    description: Returns what changes, losses first, cut after 500 changes.
    support: full
seealso:
  - module: reconcile.identity.info
  - module: reconcile.identity.plan_info
"""

EXAMPLES = r"""
- name: The platform is as the directory says
  reconcile.identity.sync:
    path: /etc/reconcile/reconcile.yml
    secrets:
      LDAP_PASSWORD: "{{ vault_ldap_password }}"

- name: Two departments' worth of people may leave today
  reconcile.identity.sync:
    path: /etc/reconcile/reconcile.yml
    accept: ["users_lost:main:12"]

- name: Write a plan for review
  reconcile.identity.sync:
    path: /etc/reconcile/reconcile.yml
    state: planned
    plan_file: /var/lib/reconcile/review.plan

- name: Apply exactly the plan that was reviewed
  reconcile.identity.sync:
    path: /etc/reconcile/reconcile.yml
    plan_file: /var/lib/reconcile/review.plan

- name: The desired state within the playbook
  reconcile.identity.sync:
    config:
      version: 1
      platform: {type: sql, url: "sqlite:////var/lib/acme/acme.db"}
      sources:
        - name: corp
          type: ldif
          base_dn: dc=example,dc=com
          files: [/var/lib/acme/people.ldif]
"""

RETURN = r"""
summary:
  description: One sentence on what changes or was done.
  returned: when a plan was made
  type: str
  sample: "Plan: 2 to add, 1 to change, 0 to remove."
counts:
  description: For each workspace and source, how much of what happens to it.
  returned: when a plan was made
  type: list
  elements: dict
changes:
  description: The changes in the order in which they are applied, at most O(max_changes).
  returned: when a plan was made
  type: list
  elements: dict
changes_omitted:
  description: How many changes are not in RV(changes).
  returned: when a plan was made
  type: int
skips:
  description:
    - Entries of directories that cannot be synchronised, each with C(code) and C(detail), at most
      O(max_changes).
  returned: when a plan was made
  type: list
  elements: dict
violations:
  description:
    - What the safety rules found, each with C(code), C(detail), C(acceptable) and C(accepted).
  returned: when a plan was made, or was refused
  type: list
  elements: dict
plan_digest:
  description: SHA-256 of the plan without its times. Equal plans have equal digests.
  returned: when a plan was made
  type: str
plan_file:
  description: The file that was written or applied.
  returned: when O(plan_file) is given
  type: str
report:
  description:
    - How many changes were applied, failed and so on; those that were not applied, at most
      O(max_changes); and what went wrong in whole workspaces.
  returned: when something was applied
  type: dict
run:
  description: The id of the run in the history, empty if there was nothing to change.
  returned: when something was applied
  type: str
already_applied:
  description:
    - The run that had applied O(plan_file) before, so that nothing was done now; empty for none.
  returned: when something was applied
  type: str
exit_code:
  description: The exit code that the command C(reconcile) would have, 0 for success.
  returned: always
  type: int
moved:
  description: What has changed since the plan was made.
  returned: when RV(exit_code=5)
  type: list
  elements: str
problems:
  description:
    - What is wrong in the desired state, each with C(file), C(line), C(path) and C(message).
  returned: when RV(exit_code=2) because of the desired state
  type: list
  elements: dict
"""

import time

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.reconcile.identity.plugins.module_utils.library import (
    DESIRED_STATE,
    desired_state,
    errors,
    failing,
    reconcile,
    require_library,
    take_secrets,
)

DIFF_CHANGES = 500
SECONDS_BETWEEN_TRIES = 1.0


def planned(module):
    """Makes the plan, and writes it if a file is named."""
    params = module.params
    paths, options = desired_state(module)
    return reconcile.plan(
        *paths,
        **options,
        targets=params["targets"],
        accept=params["accept"],
        strict=params["strict"],
        plan_file=params["plan_file"],
    )


def applied(module):
    """Plans and applies, or applies the plan file."""
    params = module.params
    paths, options = desired_state(module)
    return reconcile.apply(
        *paths,
        **options,
        targets=params["targets"],
        accept=params["accept"],
        strict=params["strict"],
        plan_file=params["plan_file"],
    )


def unlocked(module, work):
    """What `work` returns, tried again while another run holds the platform."""
    deadline = time.monotonic() + module.params["lock_timeout"]
    while True:
        try:
            return work(module)
        except errors.Locked:
            if time.monotonic() >= deadline:
                raise
        time.sleep(SECONDS_BETWEEN_TRIES)


def described(module, plan):
    """What is returned of a plan, cut to a size that Ansible can carry."""
    document, limit = plan.as_dict(), module.params["max_changes"]
    result = {
        "changed": bool(plan.changes),
        "summary": plan.headline,
        "counts": document["summary"]["counts"],
        "changes": document["changes"][:limit],
        "changes_omitted": max(len(plan.changes) - limit, 0),
        "skips": document["skips"][:limit],
        "violations": document["violations"],
        "plan_digest": plan.digest,
        "exit_code": plan.exit_code,
    }
    if module.params["plan_file"]:
        result["plan_file"] = module.params["plan_file"]
    if module._diff:
        result["diff"] = {"prepared": plan.diff(DIFF_CHANGES)}
    return result


def reported(module, result):
    """What is returned of a run beside its plan."""
    document = result.as_dict()
    failures = [outcome for outcome in document["outcomes"] if outcome["result"] != "applied"]
    counts = {name: number for name, number in document["summary"].items() if name != "counts"}
    return {
        "summary": result.headline,
        "report": {
            "counts": counts,
            "not_applied": failures[: module.params["max_changes"]],
            "troubles": document["troubles"],
        },
        "run": result.run,
        "already_applied": result.already_applied,
        "exit_code": result.exit_code,
    }


def failure(result, troubles):
    """The message of a plan or a run that did not do all that was asked; "" for success."""
    refused = [one for one in result["violations"] if not one["accepted"]]
    if result["exit_code"] == 4:
        listed = "; ".join("%s: %s" % (one["code"], one["detail"]) for one in refused)
        return "Refused by the safety rules, nothing was applied: " + listed
    if result["exit_code"] == 9:
        return "Not clean (strict): a rule finds nothing, or a user who exists is skipped."
    if result["exit_code"]:
        return "; ".join([result["summary"]] + [trouble.detail for trouble in troubles])
    return ""


def synchronise(module):
    """Plans, and applies unless only a plan is wanted. Returns the result and why it failed."""
    params = module.params
    if module.check_mode or params["state"] == "planned":
        plan = planned(module)
        result = described(module, plan)
        return result, failure(result, plan.troubles)
    run = unlocked(module, applied)
    result = dict(described(module, run.planned), **reported(module, run))
    if run.already_applied:
        result.update(changed=False, changes=[], changes_omitted=0)
        result.pop("diff", None)
    return result, failure(result, run.troubles)


def main():
    """Runs the module."""
    module = AnsibleModule(
        argument_spec=dict(
            DESIRED_STATE,
            targets={"type": "list", "elements": "str", "default": []},
            state={"type": "str", "choices": ["planned", "applied"], "default": "applied"},
            plan_file={"type": "path"},
            accept={"type": "list", "elements": "str", "default": [], "no_log": False},
            strict={"type": "bool", "default": False},
            max_changes={"type": "int", "default": 1000},
            lock_timeout={"type": "int", "default": 0},
        ),
        mutually_exclusive=[("path", "config")],
        required_one_of=[("path", "config")],
        supports_check_mode=True,
    )
    require_library(module)
    take_secrets(module)
    with failing(module):
        result, why = synchronise(module)
    if why:
        module.fail_json(msg=why, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
