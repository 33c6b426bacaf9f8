"""What the bare reads ask of the directory: as much as reconcile asks with the rules of this benchmark."""

PERSONS = "(objectClass=inetOrgPerson)"
GROUPS = "(objectClass=groupOfNames)"
PERSON_ATTRIBUTES = [
    "uid",
    "givenName",
    "sn",
    "mail",
    "userPrincipalName",
    "telephoneNumber",
    "entryUUID",
    "pwdAccountLockedTime",
]
GROUP_ATTRIBUTES = ["cn", "entryUUID", "member"]
