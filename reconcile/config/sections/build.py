"""The `DesiredState` of a checked document: defaults, compiled templates, resolved paths.

Works on what is sound of a document that has problems too, so that templates and adapters add
theirs.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path as File
from typing import Any, Final, TypeVar

from reconcile.config.schema import schema
from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import mapping, mappings, text
from reconcile.config.schema.wording import Schema
from reconcile.config.sections import (
    assertions,
    connection,
    lifecycle,
    links,
    notify,
    quiet_runs,
    safety,
    schedule,
)
from reconcile.config.templates.config_templates import Refused
from reconcile.config.templates.entry_templates import EntryTemplate, Surroundings, compiled
from reconcile.config.yaml.nodes import Path
from reconcile.errors import ConfigError, Problem
from reconcile.model import desired
from reconcile.model.text import dn

Fault = tuple[Path, str]
Values = dict[str, Any]
Rules = tuple[list[desired.GroupRule], list[desired.DepartmentRule], tuple[desired.Assertion, ...]]
_Settings = TypeVar("_Settings")

FIELDS: Final = {
    "username": "{{ identifier }}",
    "first_name": "{{ givenName }}",
    "last_name": "{{ sn }}",
    "email": "{{ mail | default(userPrincipalName) }}",
}


class Builder:
    """Builds the values of one document."""

    def __init__(
        self,
        data: Values,
        variables: Mapping[str, Any],
        secret: Callable[[Path, str], desired.Secret],
        folder: Callable[[Path], File],
        findings: Findings,
    ) -> None:
        """`secret` returns the secret at a path, `folder` the folder of the file with that path."""
        self._data = data
        self._variables = variables
        self._secret = secret
        self._folder = folder
        self._findings = findings

    def platform(self) -> desired.Platform | None:
        """The platform's settings; None without a type."""
        path: Path = ("platform",)
        values = self._findings.sound(path, dict(mapping(self._data, "platform")))
        if "type" not in values:
            return None
        url, state = values.get("url"), text(self._data, "state")
        return desired.Platform(
            type=values["type"],
            url=None if url is None else self._secret((*path, "url"), url),
            state=self._secret(("state",), state) if state else None,
            state_folder=str(self._folder(("state",) if state else path)),
            workspaces=tuple(values.get("workspaces", ("main",))),
            folder=str(self._folder(path)),
            options=self._platform_options(values, path),
            sources=tuple(
                text(item, "name") for _, item in mappings(self._data, "sources") if "name" in item
            ),
        )

    def _platform_options(self, values: Values, path: Path) -> dict[str, object]:
        """The keys that only this type of platform has, with defaults and closed secrets."""

        def visit(where: Path, text: str, at: Schema) -> object:
            if at.get("x-path") and self._folder(where) != self._folder(path):
                return self._file(where, text)  # an overlay says it
            return self._secret(where, text) if at.get("x-secret") else text

        common = schema.step(schema.schema(), "platform")
        at = schema.of_type(common, values)
        own = {
            key: part for key, part in at["properties"].items() if key not in common["properties"]
        }
        defaults = {key: part["default"] for key, part in own.items() if "default" in part}
        given = {key: value for key, value in values.items() if key not in common["properties"]}
        options: dict[str, object] = schema.map_text({**defaults, **given}, visit, path, at)
        return options

    def sources(self) -> dict[int, desired.Source]:
        """Position and settings of every source that says what it is."""
        sources = {}
        for index, item in mappings(self._data, "sources"):
            path: Path = ("sources", index)
            values = self._findings.sound(path, dict(item))
            if {"name", "type", "base_dn"} <= values.keys():
                sources[index] = self._source(values, path)
            else:
                # Its templates are still compiled, for their problems.
                self._users(
                    values.get("users", {}), (*path, "users"), Surroundings("", "", self._variables)
                )
        return sources

    def rules(self) -> Rules:
        """The rules on groups and departments, and assertions; complete only without problems."""
        groups, departments = [], []
        for index, item in mappings(self._data, "groups"):
            path: Path = ("groups", index)
            rule = {"source": "", "select": (), **self._findings.sound(path, dict(item))}
            rule["name"] = self._template(
                rule.get("name"), "{{ cn }}", (*path, "name"), self._around(rule["source"])
            )
            groups.append(desired.GroupRule(**{**rule, "select": tuple(rule["select"])}))
        for index, item in mappings(self._data, "departments"):
            path = ("departments", index)
            rule = {"source": "", "select": (), **self._findings.sound(path, dict(item))}
            rule["title"] = self._template(
                rule.get("title"), "{{ ou }}", (*path, "title"), self._around(rule["source"])
            )
            departments.append(desired.DepartmentRule(**{**rule, "select": tuple(rule["select"])}))
        asserted = assertions.assertions(self._data, self._variables, self._findings)
        return groups, departments, asserted

    def state(
        self,
        platform: desired.Platform,
        sources: Iterable[desired.Source],
        rules: Rules,
    ) -> desired.DesiredState:
        """Everything together. Only for a document without problems."""
        return desired.DesiredState(
            platform=platform,
            sources=tuple(sources),
            role_mappings=tuple(
                desired.RoleMapping(**{**item, "groups": tuple(item.get("groups", ()))})
                for item in self._data.get("role_mappings", ())
            ),
            roles=desired.Roles(**self._data.get("roles", {})),
            groups=tuple(rules[0]),
            departments=tuple(rules[1]),
            lifecycle=lifecycle.lifecycle(self._data.get("lifecycle", {})),
            safety=safety.safety(self._data.get("safety", {}), self._folder),
            schedule=schedule.schedule(self._data.get("schedule")),
            links=tuple(
                links.link(item, self._findings.where(("links", at)))
                for at, item in mappings(self._data, "links")
            ),
            assertions=rules[2],
            notify=notify.notify(self._data.get("notify", {}), self._secret),
            quiet_runs=quiet_runs.quiet_runs(self._data.get("quiet_runs", {})),
        )

    def _ca_file(self, tls: Values, path: Path) -> str | None:
        """The file of certificates that a source trusts; None for those of the system."""
        name = tls.get("ca_file")
        return None if name is None else self._file((*path, "tls", "ca_file"), name)

    def _file(self, path: Path, name: str) -> str:
        """A file that the value at a path names, from the folder of the file that says it."""
        return str(self._folder(path) / name)

    def _source(self, values: Values, path: Path) -> desired.Source:
        """A source that has its required keys."""
        around = Surroundings(values["name"], dn.domain(values["base_dn"]), self._variables)
        tls, bind, timeout = (
            values.get("tls", {}),
            values.get("bind", {}),
            values.get("timeout", {}),
        )
        password = bind.get("password")
        servers = values.get("servers", [])
        return desired.Source(
            name=values["name"],
            type=values["type"],
            base_dn=values["base_dn"],
            users=self._users(values.get("users", {}), (*path, "users"), around),
            groups=desired.Groups(**values.get("groups", {})),
            departments=desired.Units(**values.get("departments", {})),
            servers=tuple(servers),
            tls=desired.Tls(
                **{
                    "mode": connection.default_tls(servers),
                    **tls,
                    "ca_file": self._ca_file(tls, path),
                }
            ),
            bind=desired.Bind(
                dn=bind.get("dn", ""),
                password=None
                if password is None
                else self._secret((*path, "bind", "password"), password),
                anonymous=bind.get("anonymous", False),
                kerberos=bind.get("kerberos", False),
                principal=bind.get("principal", ""),
            ),
            require_signing=values.get("require_signing", False),
            active_uac=tuple(map(int, values.get("active_uac", ()))),
            ignore_referrals=tuple(values.get("ignore_referrals", ())),
            page_size=int(values.get("page_size", 500)),
            timeout=desired.Timeout(
                **{key: connection.seconds(value) for key, value in timeout.items()}
            ),
            limits=desired.ReadLimits(
                **{key: connection.amount(value) for key, value in values.get("limits", {}).items()}
            ),
            files=tuple(self._file((*path, "files"), file) for file in values.get("files", ())),
            note=values.get("note", ""),
            register_on_login=values.get("register_on_login", False),
            refuse_login_after=connection.seconds(values.get("refuse_login_after", "2s")),
            takes_over=tuple(values.get("takes_over", ())),
            expect=desired.Expected(
                **{key: tuple(names) for key, names in values.get("expect", {}).items()}
            ),
            options=_source_options(values),
        )

    def _users(self, values: Values, path: Path, around: Surroundings) -> desired.Users:
        """The rules on users of a source."""
        texts = values.get("fields", {})
        fields: dict[str, desired.Template | None] = {}
        for key, default in FIELDS.items():
            unmanaged = key in texts and texts[key] is None
            here = (*path, "fields", key)
            fields[key] = (
                None if unmanaged else self._template(texts.get(key), default, here, around)
            )
        attributes = []
        for index, item in enumerate(values.get("attributes", ())):
            value = self._template(item["value"], "", (*path, "attributes", index, "value"), around)
            attributes.append(
                desired.Attribute(item["field"], value, frozenset(item.get("roles", ())))
            )
        disabled = values.get("disabled_when")
        lists = ("select", "exclude", "require", "require_groups", "inactive_ous", "match_by")
        plain = ("base", "scope", "filter", "identifier", "create_disabled", "manager_attribute")
        rest: Values = {key: values[key] for key in plain if key in values}
        rest |= _create(values.get("create", "mapped"))
        rest |= {key: tuple(values[key]) for key in lists if key in values}
        rest |= links.absence(values.get("when_absent", "clear"))
        return desired.Users(
            fields=fields,
            attributes=tuple(attributes),
            disabled_when=disabled
            and self._template(disabled, "", (*path, "disabled_when"), around),
            **rest,
        )

    def _around(self, name: str) -> Surroundings:
        """What templates of a rule on groups or departments know of its source."""
        base_dn = next(
            (
                text(source, "base_dn")
                for index, source in mappings(self._data, "sources")
                if source.get("name") == name
                and not self._findings.touch(("sources", index, "base_dn"))
            ),
            "",
        )
        return Surroundings(name, dn.domain(base_dn), self._variables)

    def _template(
        self, text: str | None, default: str, path: Path, around: Surroundings
    ) -> EntryTemplate:
        """A template of the file, or the default one; one that does not compile is reported."""
        try:
            return compiled(default if text is None else text, around)
        except Refused as error:
            self._findings.add(path, str(error))
            return compiled(default, around)


def _create(value: str | Values) -> Values:
    """Who becomes a user: a word, or the members of groups."""
    if isinstance(value, str):
        return {"create": value}
    groups = value.get("groups", ())  # missing in a file with problems
    return {"create": "groups", "create_groups": tuple(groups)}


def check_adapter(
    kind: str,
    settings: _Settings,
    checkers: Mapping[str, Callable[[_Settings], Iterable[Fault]]],
    path: Path,
    findings: Findings,
) -> list[Problem]:
    """Adds what the adapter finds in its settings; returns problems that have a place already."""
    checker = checkers.get(kind)
    if checker is None:
        return []
    try:
        faults = [((*path, *below), message) for below, message in checker(settings)]
    except ConfigError as error:
        return list(error.problems)
    # Where something is wrong already, what is left of the settings may look wrong for no other
    # reason.
    for where, message in [fault for fault in faults if not findings.touch(fault[0])]:
        findings.add(where, message)
    return []


def _source_options(values: Values) -> dict[str, object]:
    """What a plug-in's source has beyond the keys this project knows."""
    at = schema.step(schema.step(schema.schema(), "sources"), 0)
    return {name: value for name, value in values.items() if name not in at["properties"]}
