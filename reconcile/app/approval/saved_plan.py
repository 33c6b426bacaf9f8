"""A plan file as it may be applied: read once, then proved, parsed and kept with its proof."""

from collections.abc import Iterable
from functools import partial
from pathlib import Path

import msgspec

from reconcile.app import plan_files
from reconcile.app.approval import digest, signatures
from reconcile.app.approval.applied_before import Applied, applied_before
from reconcile.applying import loads
from reconcile.errors import NotApproved, UsageError
from reconcile.model.change import Plan
from reconcile.model.desired import RequiredSignatures, Safety
from reconcile.model.history import Origin
from reconcile.model.signature import Signature
from reconcile.ports import History


class SavedPlan(msgspec.Struct, frozen=True):
    """A plan from a file."""

    plan: Plan
    digest: str
    """`sha256:` and 64 hexadecimal digits: of the bytes that were read."""
    signatures: tuple[Signature, ...] = ()
    """Those that were demanded."""

    def applied_before(self, history: History) -> Applied | None:
        """See `approval.applied_before`."""
        return applied_before(self.plan, self._hex, history)

    def origin(self, origin: Origin) -> Origin:
        """The origin of a run that applies this file."""
        return msgspec.structs.replace(origin, plan_file=self._hex, signatures=self.signatures)

    @property
    def _hex(self) -> str:
        return self.digest.removeprefix(digest.PREFIX)


def save(plan_file: Path, plan: Plan, key: Path | None = None) -> str:
    """Writes a plan file, and its signature by `key` if there is one. Returns its digest.

    Raises what `plan_files.write` and `signatures.sign` raise.
    """
    sign = partial(signatures.sign, key) if key is not None else None
    return digest.of(plan_files.write(plan_file, plan, sign))


def read(plan_file: Path, expected: str = "") -> tuple[SavedPlan, bytes]:
    """The plan, not yet verified, and the bytes it was read from.

    `expected` is the digest it has to have, "" for any. Raises PlanFileError, NotApproved.
    """
    data = plan_files.content(plan_file)
    if expected:
        digest.refuse_other(data, expected, plan_file)
    return SavedPlan(loads(data, str(plan_file)), digest.of(data)), data


def verified(
    saved: SavedPlan, data: bytes, plan_file: Path, required: Iterable[RequiredSignatures | None]
) -> SavedPlan:
    """The plan with the signatures that each requirement asks for. Raises NotApproved."""
    signed = {
        signature.principal: signature
        for requirement in required
        if requirement is not None
        for signature in signatures.verified(data, plan_file, requirement)
    }
    return msgspec.structs.replace(saved, signatures=tuple(signed[name] for name in sorted(signed)))


def refuse_unsigned(safety: Safety) -> None:
    """Raises NotApproved if plans have to be signed: for what is applied without a plan file."""
    if safety.require_signatures is not None:
        raise NotApproved(
            "the desired state demands signatures (safety.require_signatures), and only a plan file"
            " can be signed; nothing was applied.\n"
            "Make one with `reconcile plan --out FILE`, have it signed, then `reconcile apply FILE`"
        )


def refuse_refresh(safety: Safety) -> None:
    """Raises UsageError if plans have to be signed: a new plan cannot replace a signed one."""
    if safety.require_signatures is not None:
        raise UsageError(
            "--refresh makes a new plan, and the desired state demands signatures"
            " (safety.require_signatures): leave out --refresh"
        )
