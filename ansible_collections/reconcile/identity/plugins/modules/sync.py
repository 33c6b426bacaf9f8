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
      - So one playbook can be reviewed with C(--check) and then run. O(workspaces), O(sources),
        O(targets) and O(accept) belong to the plan; where the task has them, it fails if the plan
        in the file was made with others.
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
      - How many changes, skips and outcomes are returned at most. RV(changes_omitted) and
        RV(skips_omitted) say how many are left out.
    type: int
    default: 1000
  lock_timeout:
    description:
      - For how many seconds to try again while another run holds the platform, before failing
        with RV(exit_code=8).
      - A plan that the other run has overtaken is made again. One from a O(plan_file) is not; the
        task fails with RV(exit_code=5).
    type: int
    default: 0
  force:
    description:
      - Take over the lock that a dead run has left. The lock of a run that is alive is respected.
    type: bool
    default: false
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
- name: The platform matches its directory
  reconcile.identity.sync:
    path: /etc/reconcile/reconcile.yml
    secrets:
      LDAP_PASSWORD: "{{ vault_ldap_password }}"

- name: Twelve people may leave today
  reconcile.identity.sync:
    path: /etc/reconcile/reconcile.yml
    accept: ["users_lost:main/corp:12"]

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
skips_omitted:
  description: How many skips are not in RV(skips).
  returned: when a plan was made
  type: int
notices:
  description:
    - What a reader should know though it prevents nothing, such as a rule that finds nothing, each
      with C(code) and C(text). The first ten are warnings of the task, too.
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
  returned: unless Ansible itself refuses the options, or the package is missing
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

import json
import time

from ansible_collections.reconcile.identity.plugins.module_utils.library import (
    DESIRED_STATE,
    IdentityModule,
    errors,
    failing,
    reconcile,
    refusal,
    settle,
)

DIFF_CHANGES = 500
NOTICES_SHOWN = 10
OF_THE_PLAN = ("workspaces", "sources", "targets", "accept")
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 15.0


def planned(params, paths, options):
    """Makes the plan, and writes it if a file is named."""
    return reconcile.plan(
        *paths,
        **options,
        strict=params["strict"],
        plan_file=params["plan_file"],
    )


def applied(params, paths, options):
    """Plans and applies, or applies the plan file."""
    if params["plan_file"]:
        options = options_beside_plan_file(params["plan_file"], options)
    return reconcile.apply(
        *paths,
        **options,
        strict=params["strict"],
        plan_file=params["plan_file"],
        force=params["force"],
    )


def options_beside_plan_file(plan_file, options):
    """The options without those that belong to the plan, which the file has to have, too.

    So the very task that wrote the plan file in check mode applies it. Raises UsageError.
    """
    if not any(options[name] for name in OF_THE_PLAN):
        return options
    plan = reconcile.load_plan(plan_file).plan
    accepted = [acceptance.code for acceptance in plan.accepted]
    of_file = dict(
        workspaces=plan.scope.workspaces,
        sources=plan.scope.sources,
        targets=plan.scope.targets,
        accept=accepted,
    )
    for name in OF_THE_PLAN:
        asked, has = sorted(set(options[name])), sorted(set(of_file[name]))
        if asked and asked != has:
            raise errors.UsageError(
                "the plan in %s was made with %s: %s, and the task has %s: write it again, or "
                "leave %s out" % (plan_file, name, json.dumps(has), json.dumps(asked), name)
            )
    return dict(options, **dict.fromkeys(OF_THE_PLAN, ()))


def applied_in_time(params, paths, options):
    """Plans and applies, again and again for `lock_timeout` seconds while another run is active.

    What another run changes between a plan and its lock makes the plan stale: it is made again,
    unless it comes from a file. Each attempt reads the directories, so the pauses grow.
    """
    again = (errors.Locked,) if params["plan_file"] else (errors.Locked, errors.StalePlan)
    deadline, pause = time.monotonic() + params["lock_timeout"], FIRST_PAUSE
    while True:
        try:
            return applied(params, paths, options)
        except again:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
        time.sleep(min(pause, left))
        pause = min(2 * pause, LONGEST_PAUSE)


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
        "skips_omitted": max(len(plan.skips) - limit, 0),
        "notices": document["notices"],
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


def failure(result, plan, troubles):
    """The message of a plan or a run that did not do all that was asked; "" for success."""
    if result["exit_code"] == 4:
        return refusal(result["violations"])
    if result["exit_code"] == 9:
        return "Not clean (strict): %s. See notices and skips." % plan.plan.not_clean
    if result["exit_code"]:
        return "; ".join([result["summary"]] + [trouble.detail for trouble in troubles])
    return ""


def synchronise(module, paths, options):
    """Plans, and applies unless only a plan is wanted. Returns the result and why it failed."""
    params = module.params
    if module.check_mode or params["state"] == "planned":
        plan = planned(params, paths, options)
        result = described(module, plan)
        return result, failure(result, plan, plan.troubles)
    run = applied_in_time(params, paths, options)
    result = dict(described(module, run.planned), **reported(module, run))
    if run.already_applied:
        result.update(changed=False, changes=[], changes_omitted=0)
        result.pop("diff", None)
    return result, failure(result, run.planned, run.troubles)


def main():
    """Runs the module."""
    module = IdentityModule(
        argument_spec=dict(
            DESIRED_STATE,
            targets={"type": "list", "elements": "str", "default": []},
            state={"type": "str", "choices": ["planned", "applied"], "default": "applied"},
            plan_file={"type": "path"},
            accept={"type": "list", "elements": "str", "default": [], "no_log": False},
            strict={"type": "bool", "default": False},
            max_changes={"type": "int", "default": 1000},
            lock_timeout={"type": "int", "default": 0},
            force={"type": "bool", "default": False},
        ),
        mutually_exclusive=[("path", "config")],
        required_one_of=[("path", "config")],
        supports_check_mode=True,
    )
    paths, options = settle(module)
    options.update(targets=module.params["targets"], accept=module.params["accept"])
    with failing(module):
        result, why = synchronise(module, paths, options)
    for notice in result["notices"][:NOTICES_SHOWN]:
        parts = (notice["place"], notice["path"], notice["text"])
        module.warn(": ".join(part for part in parts if part))
    if why:
        module.fail_json(msg=why, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
