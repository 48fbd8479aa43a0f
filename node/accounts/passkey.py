"""Passkeys: what a browser is asked, and whether its answer is good.

Enters: who we are, a challenge, what the browser's authenticator said. Leaves: options as
JSON, a new passkey, or the next value of a sign counter. Must never happen here: an answer
without user verification, for another site or another challenge; a counter that goes back.
The only room that knows the library; it is loaded when first needed. Implements SR-B4.
Source: W3C Web Authentication Level 3, sections 7.1 and 7.2.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from node.accounts.model import Account
from node.errors import InputError
from node.ids import AccountId

if TYPE_CHECKING:
    from webauthn.helpers.structs import PublicKeyCredentialDescriptor

MOST_PASSKEYS: Final = 10
LONGEST_LABEL: Final = 60
LONGEST_ANSWER: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class Site:
    """Who we are to a browser; from the settings, never from a request."""

    origin: str
    name: str

    @property
    def rp_id(self) -> str:
        """The host without port: passkeys are bound to it."""
        return urlsplit(self.origin).hostname or ""


@dataclass(frozen=True, slots=True)
class Passkey:
    """One passkey of an account; ``label`` is what its owner calls it."""

    id: bytes
    account: AccountId
    label: str
    public_key: bytes = field(repr=False)
    sign_count: int
    made_at: datetime
    used_at: datetime | None = None

    def used(self, count: int, at: datetime) -> Self:
        """The passkey after a good answer with this counter.

        Raises:
            InputError: ``counter``: it went back, so the key may have been copied.
        """
        if (count or self.sign_count) and count <= self.sign_count:
            raise InputError("passkey", "counter")
        return replace(self, sign_count=count, used_at=at)


def creation_options(
    site: Site, account: Account, challenge: bytes, known: Iterable[Passkey]
) -> str:
    """What a browser needs to make a passkey that can be found without a name, as JSON."""
    from webauthn import generate_registration_options, options_to_json  # noqa: PLC0415
    from webauthn.helpers.structs import (  # noqa: PLC0415
        AuthenticatorSelectionCriteria,
        ResidentKeyRequirement,
        UserVerificationRequirement,
    )

    options = generate_registration_options(
        rp_id=site.rp_id,
        rp_name=site.name,
        user_id=account.id.raw(),
        user_name=account.login,
        user_display_name=account.name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[_descriptor(passkey) for passkey in known],
    )
    return options_to_json(options)


def request_options(site: Site, challenge: bytes, known: Iterable[Passkey] = ()) -> str:
    """What a browser needs to sign in, as JSON; without ``known`` any passkey may answer."""
    from webauthn import (  # noqa: PLC0415
        generate_authentication_options,
        options_to_json,
    )
    from webauthn.helpers.structs import UserVerificationRequirement  # noqa: PLC0415

    options = generate_authentication_options(
        rp_id=site.rp_id,
        challenge=challenge,
        allow_credentials=[_descriptor(passkey) for passkey in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def check_creation(
    site: Site,
    account: AccountId,
    answer: str,
    *,
    challenge: bytes,
    label: str,
    at: datetime,
) -> Passkey:
    """The passkey that a browser made.

    Raises:
        InputError: ``label`` is missing or too long, or the answer is not good.
    """
    from webauthn import verify_registration_response  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    name = label.strip()
    if not name or len(name) > LONGEST_LABEL:
        raise InputError("label", "missing" if not name else "too_long")
    try:
        made = verify_registration_response(
            credential=_parsed(answer),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise InputError("passkey", "not_good") from error
    return Passkey(
        id=made.credential_id,
        account=account,
        label=name,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        made_at=at,
    )


def named_passkey(answer: str) -> bytes:
    """Which passkey answered.

    Raises:
        InputError: It is not an answer.
    """
    from webauthn.helpers import base64url_to_bytes  # noqa: PLC0415

    try:
        return base64url_to_bytes(str(_parsed(answer)["id"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("passkey", "not_good") from error


def check_answer(
    site: Site, passkey: Passkey, answer: str, *, challenge: bytes, at: datetime
) -> Passkey:
    """The passkey after it answered well.

    Raises:
        InputError: ``not_good``; or ``counter``: it went back.
    """
    from webauthn import verify_authentication_response  # noqa: PLC0415
    from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415

    try:
        verified = verify_authentication_response(
            credential=_parsed(answer),
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=passkey.public_key,
            # The counter is ours to judge: going back is an alarm, not a wrong answer.
            credential_current_sign_count=0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise InputError("passkey", "not_good") from error
    return passkey.used(verified.new_sign_count, at)


def _parsed(answer: str) -> dict[str, Any]:
    if len(answer) > LONGEST_ANSWER:
        raise ValueError("too long")
    parsed = json.loads(answer)
    if not isinstance(parsed, dict):
        raise TypeError("not an object")
    return parsed


def _descriptor(passkey: Passkey) -> "PublicKeyCredentialDescriptor":
    from webauthn.helpers.structs import (  # noqa: PLC0415
        PublicKeyCredentialDescriptor,
    )

    return PublicKeyCredentialDescriptor(id=passkey.id)
