"""Attribute types with several names: RFC 4519, RFC 4524 (COSINE), RFC 2798 (inetOrgPerson).

Also two attributes of groups with an OID: memberUid (RFC 2307) and memberURL.
"""

from types import MappingProxyType
from typing import Final

_NAMES: Final = """
2.5.4.0 objectClass
2.5.4.1 aliasedObjectName aliasedEntryName
2.5.4.3 cn commonName
2.5.4.4 sn surname
2.5.4.5 serialNumber
2.5.4.6 c countryName
2.5.4.7 l localityName
2.5.4.8 st stateOrProvinceName
2.5.4.9 street streetAddress
2.5.4.10 o organizationName
2.5.4.11 ou organizationalUnitName
2.5.4.12 title
2.5.4.13 description
2.5.4.14 searchGuide
2.5.4.15 businessCategory
2.5.4.16 postalAddress
2.5.4.17 postalCode
2.5.4.18 postOfficeBox
2.5.4.19 physicalDeliveryOfficeName
2.5.4.20 telephoneNumber
2.5.4.21 telexNumber
2.5.4.22 teletexTerminalIdentifier
2.5.4.23 facsimileTelephoneNumber fax
2.5.4.24 x121Address
2.5.4.25 internationalISDNNumber
2.5.4.26 registeredAddress
2.5.4.27 destinationIndicator
2.5.4.28 preferredDeliveryMethod
2.5.4.31 member
2.5.4.32 owner
2.5.4.33 roleOccupant
2.5.4.34 seeAlso
2.5.4.35 userPassword
2.5.4.36 userCertificate
2.5.4.41 name
2.5.4.42 givenName gn
2.5.4.43 initials
2.5.4.44 generationQualifier
2.5.4.45 x500UniqueIdentifier
2.5.4.46 dnQualifier
2.5.4.47 enhancedSearchGuide
2.5.4.49 distinguishedName
2.5.4.50 uniqueMember
2.5.4.51 houseIdentifier
0.9.2342.19200300.100.1.1 uid userid
0.9.2342.19200300.100.1.2 textEncodedORAddress
0.9.2342.19200300.100.1.3 mail rfc822Mailbox
0.9.2342.19200300.100.1.4 info
0.9.2342.19200300.100.1.5 drink favouriteDrink
0.9.2342.19200300.100.1.6 roomNumber
0.9.2342.19200300.100.1.7 photo
0.9.2342.19200300.100.1.8 userClass
0.9.2342.19200300.100.1.9 host
0.9.2342.19200300.100.1.10 manager
0.9.2342.19200300.100.1.11 documentIdentifier
0.9.2342.19200300.100.1.12 documentTitle
0.9.2342.19200300.100.1.13 documentVersion
0.9.2342.19200300.100.1.14 documentAuthor
0.9.2342.19200300.100.1.15 documentLocation
0.9.2342.19200300.100.1.20 homePhone homeTelephoneNumber
0.9.2342.19200300.100.1.21 secretary
0.9.2342.19200300.100.1.22 otherMailbox
0.9.2342.19200300.100.1.25 dc domainComponent
0.9.2342.19200300.100.1.26 aRecord
0.9.2342.19200300.100.1.27 mDRecord
0.9.2342.19200300.100.1.28 mXRecord
0.9.2342.19200300.100.1.29 nSRecord
0.9.2342.19200300.100.1.30 sOARecord
0.9.2342.19200300.100.1.31 cNAMERecord
0.9.2342.19200300.100.1.37 associatedDomain
0.9.2342.19200300.100.1.38 associatedName
0.9.2342.19200300.100.1.39 homePostalAddress
0.9.2342.19200300.100.1.40 personalTitle
0.9.2342.19200300.100.1.41 mobile mobileTelephoneNumber
0.9.2342.19200300.100.1.42 pager pagerTelephoneNumber
0.9.2342.19200300.100.1.43 co friendlyCountryName
0.9.2342.19200300.100.1.44 uniqueIdentifier
0.9.2342.19200300.100.1.45 organizationalStatus
0.9.2342.19200300.100.1.46 janetMailbox
0.9.2342.19200300.100.1.47 mailPreferenceOption
0.9.2342.19200300.100.1.48 buildingName
0.9.2342.19200300.100.1.49 dSAQuality
0.9.2342.19200300.100.1.50 singleLevelQuality
0.9.2342.19200300.100.1.51 subtreeMinimumQuality
0.9.2342.19200300.100.1.52 subtreeMaximumQuality
0.9.2342.19200300.100.1.53 personalSignature
0.9.2342.19200300.100.1.54 dITRedirect
0.9.2342.19200300.100.1.55 audio
0.9.2342.19200300.100.1.56 documentPublisher
0.9.2342.19200300.100.1.60 jpegPhoto
1.3.6.1.1.1.1.12 memberUid
1.3.6.1.4.1.250.1.57 labeledURI
2.16.840.1.113730.3.1.1 carLicense
2.16.840.1.113730.3.1.2 departmentNumber
2.16.840.1.113730.3.1.3 employeeNumber
2.16.840.1.113730.3.1.4 employeeType
2.16.840.1.113730.3.1.39 preferredLanguage
2.16.840.1.113730.3.1.40 userSMIMECertificate
2.16.840.1.113730.3.1.198 memberURL
2.16.840.1.113730.3.1.216 userPKCS12
2.16.840.1.113730.3.1.241 displayName
"""
"""One type per line: its OID, its main name, its other names."""


def _others() -> dict[str, str]:
    lines = (line.lower().split() for line in _NAMES.split("\n") if line)
    return {other: main for oid, main, *others in lines for other in (oid, *others)}


MAIN: Final = MappingProxyType(_others())
"""Another name, or the OID → the main name; all in lower case."""


def plain(name: str) -> str:
    """The name in lower case; an OID without a leading `oid.`, which no server knows."""
    name = name.lower()
    return name[4:] if name.startswith("oid.") and name[4:5].isdigit() else name


def main(name: str) -> str:
    """The main name of an attribute type, in lower case; options stay."""
    name = plain(name)
    if ";" not in name:
        return MAIN.get(name, name)
    base, _, options = name.partition(";")
    return f"{MAIN.get(base, base)};{options}"
