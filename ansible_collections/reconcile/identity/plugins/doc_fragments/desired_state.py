# Copyright: (c) 2026, The reconcile authors
# Apache License 2.0 (see LICENSE or https://www.apache.org/licenses/LICENSE-2.0)
"""The options that name a desired state, for every module that reads one."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation that several modules share."""

    DOCUMENTATION = r"""
options:
  path:
    description:
      - The desired-state file, or a folder whose C(*.yml) files are read in the order of their
        names.
      - One of O(path) and O(config) is required.
    type: path
  config:
    description:
      - The desired state itself, instead of a file. Relative paths in it start at the working
        directory of the module, which is the folder of the playbook if the connection is local.
      - Ansible renders C({{ }}) in it before the module sees it. Mark texts that are templates of
        C(reconcile) with C(!unsafe), or keep the desired state in a file and use O(path).
      - Secrets that are written in it are masked in all output. Prefer the function C(env) in it
        with O(secrets).
    type: dict
  variables:
    description:
      - Variables of the desired state, as C(--var) sets them. Values that secrets are made from
        are masked in all output.
    type: dict
    default: {}
  secrets:
    description:
      - Environment variables for the function C(env) in the desired state. Only the module sees
        them, and they are masked in all output.
      - The task keyword C(environment) does the same, but Ansible prints its values from
        verbosity 3 on.
    type: dict
    default: {}
  workspaces:
    description: Only these workspaces of the platform.
    type: list
    elements: str
    default: []
  sources:
    description: Only these sources.
    type: list
    elements: str
    default: []
requirements:
  - python >= 3.11
  - reconcile-identity, in the version of this collection
"""
