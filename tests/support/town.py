"""Invented towns with real keys: their records, key sheets and admission requests."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from node.crypto.keys import Keyring, OpeningKey, SigningKey
from node.ids import Ags, MemberId
from node.trust.admission import AdmissionRequest, Applicant, admission_request
from node.trust.keysheet import KemKey, KeySheet, Limits, sign_sheet
from node.trust.member import Contact, Member

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
WEHR = "08337116-stadt-wehr"
SAECKINGEN = "08337096-stadt-bad-saeckingen"


def seed(*parts: str) -> bytes:
    """32 bytes that are the same in every run."""
    return hashlib.sha256("/".join(parts).encode()).digest()


@dataclass(frozen=True)
class Town:
    """One body with its private keys."""

    keyring: Keyring
    applicant: Applicant
    url: str

    @property
    def id(self) -> MemberId:
        """Its member id."""
        return self.keyring.member

    def sheet(self, serial: int = 1, at: datetime = NOON) -> KeySheet:
        """A key sheet with its KEM keys, each in its time from ``at`` on."""
        return KeySheet(
            iss=self.id,
            serial=serial,
            iat=at,
            kem=tuple(
                KemKey(
                    kid,
                    key.public,
                    at,
                    at + timedelta(days=90),
                    at + timedelta(days=111),
                )
                for kid, key in self.keyring.openings.items()
            ),
            url=self.url,
            relays=(),
            suites=(1,),
            proto=(1,),
            schema=("case/1",),
            limits=Limits(64 * 1024 * 1024, 25 * 1024 * 1024),
        )

    def signed(self, sheet: KeySheet) -> bytes:
        """The sheet as its file."""
        text = sign_sheet(sheet, self.keyring.sheet, kid=self.keyring.sheet_kid)
        return text.encode()

    def request(self, at: datetime = NOON) -> bytes:
        """The admission request with the first sheet."""
        first = self.signed(self.sheet(at=at)).decode()
        return admission_request(self.keyring, self.applicant, key_sheet=first)

    def record(self, at: datetime = NOON) -> Member:
        """The first record as a registrar would make it."""
        request = AdmissionRequest.parse(self.request(at))
        return request.record(at.date(), exp=at + timedelta(days=365))

    def rotated(self, kem: str) -> "Town":
        """The same body with another KEM key."""
        openings = {kem: OpeningKey(seed(self.id, kem))}
        return replace(self, keyring=replace(self.keyring, openings=openings))


def make_town(
    member: str = WEHR,
    *ags: str,
    keys: str = "",
    url: str = "http://wehr.localhost:8443",
) -> Town:
    """Invent a body; ``keys`` draws other keys for the same id."""
    of = f"{member}{keys}"
    keyring = Keyring(
        member=MemberId(member),
        sign_kid=f"s1{keys}",
        sign=SigningKey(seed(of, "sign")),
        sheet_kid=f"h1{keys}",
        sheet=SigningKey(seed(of, "sheet")),
        log=SigningKey(seed(of, "log")),
        witness=SigningKey(seed(of, "witness")),
        openings={f"k1{keys}": OpeningKey(seed(of, "kem"))},
        tag_key=seed(of, "tag"),
    )
    slug = member.split("-", 1)[1]
    applicant = Applicant(
        name=slug.replace("-", " ").title(),
        ags=tuple(Ags(a) for a in ags or (member[:8],)),
        contact=Contact("Integrationsmanagement", "07762 000", "im@wehr.example"),
        origin=f"{slug}.example/log/1",
        witness_name=f"{slug}.example/witness/1",
    )
    return Town(keyring, applicant, url)
