"""SSH signatures of plan files: who signed, and whether that is enough.

The bytes that are verified are those that are applied: they are read once and handed to ssh-keygen.
Signatures, allowed signers and revoked keys are read once, too, into a folder of this process.
"""

import re
import shlex
import stat
import tempfile
from pathlib import Path
from typing import Final, NamedTuple

from reconcile import files
from reconcile.app.approval import ssh_keygen
from reconcile.app.approval.ssh_keygen import NAMESPACE, SIGNING, Answer
from reconcile.errors import NotSigned, UsageError
from reconcile.model.desired import RequiredSignatures
from reconcile.model.signature import Signature
from reconcile.model.text.printing import quoted

_MOST_BYTES: Final = 1024 * 1024
_MOST_SIGNATURES: Final = 100
_BEGINS: Final = b"-----BEGIN SSH SIGNATURE-----"
_FINGERPRINT: Final = re.compile(r"\bkey (SHA256:[A-Za-z0-9+/=]+)\s*\Z")


def sign(key: Path, data: bytes) -> bytes:
    """The signature of a plan file by a private key, or by the agent's if `key` is a public one.

    Raises UsageError if the key cannot sign.
    """
    refuse_no_key(key)
    made = ssh_keygen.call("sign", "-n", NAMESPACE, "-f", str(key), data=data, seconds=SIGNING)
    if made.code or not made.output.startswith(_BEGINS):
        raise UsageError(f"the plan cannot be signed with {key}, and was not written: {made.last}")
    return made.output


def refuse_no_key(key: Path) -> None:
    """Raises UsageError for a path that is no readable file: before the time a plan takes."""
    _read(key, "the key")


def verified(data: bytes, plan_file: Path, required: RequiredSignatures) -> tuple[Signature, ...]:
    """The signatures that count: one for each principal and key.

    Raises NotSigned if there are not enough, with what is wrong with each of the others;
    UsageError if they cannot be verified.
    """
    candidates = _beside(plan_file)
    with tempfile.TemporaryDirectory(prefix="reconcile-") as folder:
        trust = _Trust.copied(required, Path(folder))
        results = [(path.name, trust.result(path, data)) for path in candidates]
    counted: dict[str, Signature] = {}
    keys: set[str] = set()
    lines: list[str] = []
    for name, result in results:
        if isinstance(result, str):
            lines.append(f"  {quoted(name)}: {result}")
            continue
        lines.append(f"  {quoted(name)}: by {result.principal} ({result.fingerprint})")
        if result.fingerprint not in keys:
            counted.setdefault(result.principal, result)
            keys.add(result.fingerprint)
    if len(counted) < required.signers:
        raise _too_few(plan_file, required, len(counted), lines)
    return tuple(sorted(counted.values(), key=lambda signature: signature.principal))


def _too_few(
    plan_file: Path, required: RequiredSignatures, number: int, lines: list[str]
) -> NotSigned:
    """The error; `lines` say what each signature is."""
    people = "person" if required.signers == 1 else "people"
    name = shlex.quote(str(plan_file))
    demand = (
        f"{plan_file} has to be signed by {required.signers} {people} of"
        f" {required.allowed_signers}, and is signed by {number}; nothing was applied."
    )
    none = f"  there is no signature beside it, such as {quoted(plan_file.name)}.sig"
    way_out = (
        "To approve it, sign it:\n"
        f"  ssh-keygen -Y sign -n {NAMESPACE} -f KEY < {name} > {name}.NAME.sig"
    )
    return NotSigned("\n".join([demand, *(lines or [none]), way_out]))


def _beside(plan_file: Path) -> list[Path]:
    """The signature files `PLAN.sig` and `PLAN.NAME.sig`, in name order."""
    start = f"{plan_file.name}."
    try:
        named = sorted(
            path
            for path in plan_file.parent.iterdir()
            if path.name.startswith(start) and path.name.endswith(".sig")
        )
    except OSError as error:
        why = error.strerror
        raise UsageError(f"{plan_file.parent}: signatures cannot be looked for: {why}") from error
    if len(named) > _MOST_SIGNATURES:
        raise UsageError(
            f"{plan_file} has {len(named)} signatures beside it, more than {_MOST_SIGNATURES}:"
            " remove those of other plans"
        )
    return named


class _Trust(NamedTuple):
    """Who may sign: files of this process, which nobody changes while they are used."""

    allowed: Path
    revoked: Path | None
    signature: Path
    """Where a signature is put to be verified."""
    required: RequiredSignatures

    @classmethod
    def copied(cls, required: RequiredSignatures, folder: Path) -> "_Trust":
        """Copies of the files of a requirement. Raises UsageError if they cannot be trusted."""
        allowed = folder / "allowed_signers"
        allowed.write_bytes(_read(Path(required.allowed_signers), "allowed signers", trusted=True))
        revoked = None
        if required.revoked_keys:
            revoked = folder / "revoked_keys"
            revoked.write_bytes(_read(Path(required.revoked_keys), "revoked keys", trusted=True))
        return cls(allowed, revoked, folder / "signature", required)

    def result(self, signature: Path, data: bytes) -> Signature | str:
        """Who made a signature of the data, or why it does not count."""
        try:
            self.signature.write_bytes(_read(signature, "the signature"))
        except UsageError as error:
            return quoted(str(error))
        at = ("-n", NAMESPACE, "-s", str(self.signature))
        # This says nothing of trust: it tells a wrong signature from one of a stranger.
        sound = ssh_keygen.call("check-novalidate", *at, data=data)
        if sound.code:
            return _unsound(sound)
        key = _fingerprint(sound)
        by_allowed = ("-f", str(self.allowed))
        listed = ssh_keygen.call("find-principals", *by_allowed, *at[2:], data=data)
        principals = listed.output.decode(errors="replace").splitlines()
        if listed.code or not principals:
            return self._unknown(key, listed)
        why = ""
        for principal in principals:
            checked = ssh_keygen.call("verify", *by_allowed, "-I", principal, *at, data=data)
            if checked.code or _fingerprint(checked) != key:
                why = why or self._not_permitted(key, checked)
            elif self._is_revoked(by_allowed, principal, at, data):
                why = (
                    f"the key {key} is revoked by {self.required.revoked_keys} (or a line of that"
                    " file is no key)"
                )
            else:
                return Signature(quoted(principal), key)
        return why

    def _is_revoked(
        self, by_allowed: tuple[str, ...], principal: str, at: tuple[str, ...], data: bytes
    ) -> bool:
        if self.revoked is None:
            return False
        by = (*by_allowed, "-r", str(self.revoked))
        return ssh_keygen.call("verify", *by, "-I", principal, *at, data=data).code != 0

    def _unknown(self, key: str, listed: Answer) -> str:
        """Why no principal has the key."""
        where = self.required.allowed_signers
        if listed.mentions("key has expired"):
            return f"the key {key} has expired in {where} (valid-before)"
        if listed.mentions("key is not yet valid"):
            return f"the key {key} is not valid yet in {where} (valid-after)"
        return f"the key {key} is not in {where}"

    def _not_permitted(self, key: str, checked: Answer) -> str:
        """Why a principal's key does not verify a sound signature."""
        where = self.required.allowed_signers
        if checked.mentions("not permitted for use in signature namespace"):
            return f"{where} does not permit the key {key} for the namespace {NAMESPACE}"
        return f"the key {key} is not accepted by {where}: {checked.last}"


def _unsound(sound: Answer) -> str:
    """Why a file is no signature of the data, by any key."""
    if sound.mentions("namespace does not match"):
        return f"made for another namespace than {NAMESPACE}"
    if sound.mentions("incorrect signature"):
        return "not a signature of this file: it was changed after it was signed, or is another"
    return f"not an SSH signature: {sound.last}"


def _fingerprint(answer: Answer) -> str:
    """The fingerprint of the key in `Good … signature … with ED25519 key SHA256:…`."""
    match = _FINGERPRINT.search(answer.output.decode(errors="replace"))
    return match[1] if match else "of unknown fingerprint"


def _read(path: Path, what: str, *, trusted: bool = False) -> bytes:
    """A small file. Raises UsageError; `trusted`: also if everyone may write it."""
    try:
        content = files.read(path, _MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is not a file name"
        raise UsageError(f"{path}: {what} cannot be read: {why}") from error
    if len(content.data) > _MOST_BYTES:
        raise UsageError(f"{path}: {what} cannot be larger than {_MOST_BYTES} bytes")
    if trusted and content.mode & stat.S_IWOTH:
        raise UsageError(f"{path}: everyone may change it, so it proves nothing: chmod o-w")
    return content.data
