"""``/api/v1/status``: how the node stands, for a program that watches it from elsewhere.

Enters: a token for ``metrics:read``. Leaves: checks by code and level. Must never happen
here: a person, a name, a number that tells who is concerned. Implements the last line of
chapter 6 of the field document.
"""

from typing import Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from node.accounts.policy import Actor
from node.api.gate import DESK, token_of
from node.casework.health import Level, look

PATH: Final = "/v1/status"


class CheckLine(BaseModel):
    """One check that is not in order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    level: Literal["fault", "warning"]


class StatusAnswer(BaseModel):
    """Whether anything is a fault, and every check that is not in order."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ready: bool = Field(description="False if something is a fault.")
    checks: list[CheckLine]


async def show(request: web.Request) -> web.Response:
    """Every check, in one reading unit."""
    desk = request.config_dict[DESK]
    by = Actor(scopes=token_of(request).scopes)
    found = await desk.run.read(look, desk.office, by)
    wrong = {(str(f.check), f.level) for f in found if f.level is not Level.OK}
    answer = StatusAnswer(
        ready=all(level is not Level.FAULT for _, level in wrong),
        checks=[
            CheckLine(check=check, level="fault" if level is Level.FAULT else "warning")
            for check, level in sorted(wrong)
        ],
    )
    return web.Response(text=answer.model_dump_json(), content_type="application/json")
