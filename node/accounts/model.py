"""Who works at this node, and as what."""

from enum import StrEnum, unique


@unique
class Role(StrEnum):
    """What an account is there for; an account may have several."""

    CASEWORKER = "caseworker"
    APPROVER = "approver"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
