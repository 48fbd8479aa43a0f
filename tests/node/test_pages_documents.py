"""The page that takes documents: what stays on the disk, and what does not (SR-U1)."""

import secrets

import pytest

from node.bootstrap import own_hands
from node.sync.limits import MIB
from tests.support.office import open_office
from tests.support.pair import CLERK, found_pair, open_case

PDF = b"%PDF-1.7\n"
SIZE = 700_000


@pytest.fixture
async def office(tmp_path):
    folders = found_pair(tmp_path, own_hands(), mib=(64, 1))
    async with open_office(tmp_path, folders=folders) as opened:
        yield opened


async def upload(browser, case, name, content, **fields):
    path = f"/cases/{case}/documents"
    token = (await browser.get(path)).form_token
    mark = secrets.token_hex(8)
    texts = {"_token": token, "_epoch": "1", "doc_kind": "school", **fields}
    body = b"".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{field}"\r\n\r\n{text}\r\n'.encode()
        for field, text in texts.items()
    )
    body += (
        f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode()
    return await browser.send(
        "POST",
        path,
        headers={
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": f"multipart/form-data; boundary={mark}",
        },
        body=body + content + f"\r\n--{mark}--\r\n".encode(),
    )


def kept(office, case):
    records = office.node.store.read_sync(
        lambda uow: uow.cases.content(case).of("document")
    )
    folder = office.node.settings.folder / "files" / "documents"
    return records, [p for p in folder.rglob("*") if p.is_file()]


@pytest.mark.spec("SR-U1")
async def test_a_document_is_kept_whole_and_sealed(office):
    case = open_case(office.node)
    content = PDF + secrets.token_bytes(SIZE)
    browser = await office.enter(CLERK)
    answer = await upload(browser, case, "Zeugnis.pdf", content)
    assert answer.status == 303
    (record,), (file,) = kept(office, case)
    assert record.values["bytes"] == len(content)
    assert content[:4000] not in file.read_bytes()
    page = await browser.get(f"/cases/{case}/documents/{record.id}")
    assert page.body == content


@pytest.mark.spec("SR-U1")
@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("Zeugnis.pdf", PDF + bytes(MIB), "Die Datei ist größer als 1 MB."),
        ("Zeugnis.pdf", b"MZ" + bytes(SIZE), "Diese Art Datei wird nicht angenommen"),
        ("Zeugnis.exe", PDF, "Diese Art Datei wird nicht angenommen"),
    ],
)
async def test_nothing_stays_of_a_document_that_is_not_taken(
    office, name, content, said
):
    case = open_case(office.node)
    browser = await office.enter(CLERK)
    answer = await upload(browser, case, name, content)
    assert answer.status == 422
    assert said in answer.text
    assert kept(office, case) == ((), [])


async def test_nothing_stays_of_a_document_for_a_case_that_moved_on(office):
    case = open_case(office.node)
    browser = await office.enter(CLERK)
    answer = await upload(browser, case, "Zeugnis.pdf", PDF + bytes(SIZE), _epoch="2")
    assert answer.status == 409
    assert kept(office, case) == ((), [])
