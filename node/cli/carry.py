"""``staffelstab carry out|in``: items of the mailbox through a folder or on a stick (HO-93).

Enters: a data folder, a folder to carry. Leaves: sealed files, or what the files for us have
brought. Must never happen: a file read for anybody else; one removed before it was taken.
A running node takes up what came in within a minute.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.log import DEFAULT_FOLDER, Data, Json, print_json
from node.cli.told import told
from node.errors import ConfigError

if TYPE_CHECKING:
    from node.cli.opened import Opened
    from node.ids import MemberId
    from node.sync.office import Office

_INCOMPLETE = 2

app = typer.Typer(
    help="Post ohne Netz: versiegelte Sendungen in einem Ordner mitnehmen.",
    no_args_is_help=True,
)
Carried = Annotated[Path, typer.Argument(help="Ordner, etwa auf einem USB-Stick.")]


@app.command("out")
def out_command(
    folder: Carried,
    to: Annotated[
        list[str] | None, typer.Option("--to", help="Nur für diese Kennung; mehrfach.")
    ] = None,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Alles, was für andere bereitliegt, versiegelt in den Ordner schreiben."""
    from node.cli.opened import office_of, open_store
    from node.ids import MemberId

    with told(), open_store(data) as opened:
        _check(folder)
        wanted = {MemberId(name) for name in to or ()}
        written = asyncio.run(_out(opened, office_of(opened), folder, wanted))
    if as_json:
        print_json({"written": written})
    else:
        typer.echo(f"{written} Sendungen geschrieben. Quittungen gibt es erst zurück.")


@app.command("in")
def in_command(
    folder: Carried, data: Data = DEFAULT_FOLDER, as_json: Json = False
) -> None:
    """Was in dem Ordner für diesen Knoten liegt, einlesen und dort entfernen."""
    from node.cli.opened import office_of, open_store

    with told(), open_store(data) as opened:
        _check(folder)
        before, left = asyncio.run(_in(opened, office_of(opened), folder))
    if as_json:
        print_json({"read": before - left, "left": left})
    else:
        typer.echo(f"{before - left} Sendungen eingelesen.")
        if left:
            typer.echo(f"{left} bleiben liegen: bitte später noch einmal versuchen.")
    raise typer.Exit(_INCOMPLETE if left else 0)


def _check(folder: Path) -> None:
    if not folder.is_dir():
        raise ConfigError("carry: no such folder")


async def _out(
    opened: "Opened", office: "Office", folder: Path, wanted: "set[MemberId]"
) -> int:
    from node.federation.carrying import FolderPost
    from node.federation.relaytransport import RelayTransport
    from node.store.threads import ThreadRunner
    from node.sync.courier import Courier
    from node.sync.delivery import deliver_due
    from node.sync.mailbox import Answers

    run, post = ThreadRunner(opened.store), FolderPost(folder)
    transport = RelayTransport(
        office, run, post, answers=Answers(), started_at=office.clock.now()
    )
    courier = Courier(run, transport, office, opened.means.files)
    peers = opened.store.read_sync(lambda uow: list(uow.outbox.waiting_peers()))
    for peer in peers:
        if not wanted or peer in wanted:
            await deliver_due(courier, peer)
    return post.written


async def _in(opened: "Opened", office: "Office", folder: Path) -> tuple[int, int]:
    from node.federation.carrying import FolderMailbox
    from node.mailroom import open_mailroom
    from node.store.threads import ThreadRunner
    from node.sync.courier import Courier
    from node.sync.mailbox import empty

    run = ThreadRunner(opened.store)
    room = open_mailroom(opened.settings, office, run, office.clock.now())
    courier = Courier(run, room.ways, office, opened.means.files)
    mailbox = FolderMailbox(folder, office.member)
    try:
        before = len(await mailbox.wait(0))
        await empty(
            courier, mailbox, 0, contact=lambda _peer: None, answers=room.answers
        )
        return before, len(await mailbox.wait(0))
    finally:
        await room.caller.close()
