"""Every number an outsider can push against, with its unit, in one place.

Source: handover, chapter 9.4 and 10; assurance SR-F3.
"""

from datetime import timedelta
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB

STATEMENT_BYTES: Final = 16 * KIB
ATTACHMENT_BYTES: Final = 64 * KIB
STATEMENTS_PER_LIST: Final = 16
LIST_BYTES: Final = MIB
PUT_BYTES: Final = MIB
PART_BYTES: Final = 4 * MIB
PACKET_BYTES: Final = 64 * MIB
DOCUMENT_BYTES: Final = 25 * MIB
DOCUMENTS_BYTES: Final = 48 * MIB
CONTENT_BYTES: Final = PACKET_BYTES - DOCUMENTS_BYTES  # records, evidence: in memory
JSON_BODY_BYTES: Final = 64 * KIB
PACKET_HEADER_BYTES: Final = 4 * KIB
MANIFEST_BYTES: Final = 256 * KIB
PREVIEW_BYTES: Final = 8 * KIB
PARTS: Final = 1000
LABEL_CHARACTERS: Final = 255
COMMENT_BYTES: Final = 2 * KIB
CASES_PER_TRANSFER: Final = 20
CONTENT_DEPTH: Final = 16
CONTENT_MEMBERS: Final = 200_000
MESSAGE_DEPTH: Final = 8
MESSAGE_MEMBERS: Final = 1000
BODY_DEPTH: Final = 4
CLAIM_CHARACTERS: Final = 256

HEADER_BLOCK_BYTES: Final = 16 * KIB
HEADER_FIELDS: Final = 40
HEADER_FIELD_BYTES: Final = 4 * KIB
REQUEST_LINE_BYTES: Final = 512
SILENT_HEADER: Final = timedelta(seconds=10)
BODY_BYTES_PER_S: Final = 32 * KIB
BODY_GRACE: Final = timedelta(seconds=10)
ANSWER_BYTES: Final = 64 * KIB
STATEMENTS_ANSWER_BYTES: Final = 256 * KIB
SHARED_BYTES: Final = 128 * KIB
SHARED_TRANSFERS: Final = 50
ANSWER_TIMEOUT: Final = timedelta(seconds=10)
CONNECTIONS_PER_PEER: Final = 4
CONNECTIONS: Final = 64
REQUESTS_PER_KEY_S: Final = 200
FAILED_PER_ADDRESS_S: Final = 5
BODIES_IN_MEMORY: Final = 16
NONCES: Final = 100_000

SIGNATURE_WINDOW: Final = timedelta(seconds=300)
NONCE_KEPT: Final = timedelta(seconds=600)
OPEN_TRANSFERS_PER_PEER: Final = 200
UPLOADS_PER_PEER: Final = 4
UPLOAD_IDLE: Final = timedelta(days=7)
QUOTA_WAIT: Final = timedelta(minutes=10)
ROOM_WAIT: Final = timedelta(minutes=10)
ROOM_BYTES: Final = 2 * 1024 * MIB
ROOM_PERCENT: Final = 10
UNOPENED_BYTES_PER_PEER: Final = 1024 * MIB

RELAY_ITEM_LIFE: Final = timedelta(days=14)
RELAY_ITEM_LIFE_MOST: Final = timedelta(days=28)
RELAY_ITEMS: Final = 1000
RELAY_BYTES: Final = 1024 * MIB
RELAY_PAGE: Final = 64
RELAY_UPLOADS: Final = 4
RELAY_WAIT: Final = timedelta(seconds=55)
RELAY_FIRST_WAIT: Final = timedelta(hours=1)
RELAY_LONGEST_WAIT: Final = timedelta(hours=24)

OFFER_LIFE: Final = timedelta(days=14)
ERASE_AFTER_EXPIRY: Final = timedelta(days=7)
GIVE_UP_AFTER_EXPIRY: Final = timedelta(days=14)
NOTICE_DAYS: Final = (3, 9)
RETENTION: Final = timedelta(days=90)
WITHDRAWAL_DUE: Final = timedelta(days=14)
PARK_AFTER_FAILURES: Final = 20
PEERS_AT_ONCE: Final = 32

WITNESS_TIMEOUT: Final = timedelta(seconds=2)
OTHER_WITNESSES: Final = 3
OVERRIDE_AFTER: Final = timedelta(hours=4)
GOSSIP_KEPT: Final = 16
EVIDENCE_KEPT: Final = 16
