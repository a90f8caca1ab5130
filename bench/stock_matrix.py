"""The baseline: matrix-nio as its documentation shows it, answering `!thank` and writing nothing down.

With BOT_TASKS=1 each answer is a task of its own instead of being awaited in the callback.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from nio import AsyncClient, AsyncClientConfig, MatrixRoom, RoomMessageText

TASKS = bool(os.environ.get("BOT_TASKS"))


async def main() -> None:
    """Run until stopped."""
    folder = Path(os.environ["BOT_FOLDER"]) / "stock"
    folder.mkdir(exist_ok=True)
    config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
    client = AsyncClient(os.environ["BOT_URL"], os.environ["BOT_USER"], store_path=str(folder), config=config)
    await client.login(os.environ["BOT_PASSWORD"])
    tasks: set[asyncio.Task[None]] = set()

    async def answer(room: MatrixRoom, event: RoomMessageText) -> None:
        content = {
            "msgtype": "m.text",
            "body": f"noted: {event.body}",
            "m.relates_to": {"m.in_reply_to": {"event_id": event.event_id}},
        }
        await client.room_send(room.room_id, "m.room.message", content, ignore_unverified_devices=True)

    async def heard(room: MatrixRoom, event: RoomMessageText) -> None:
        if event.sender == client.user_id or not event.body.startswith("!thank"):
            return
        if TASKS:
            task = asyncio.create_task(answer(room, event))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        else:
            await answer(room, event)

    # What was said before it came is not answered.
    first = await client.sync(timeout=0, full_state=True)
    for room_id in first.rooms.invite:
        await client.join(room_id)
    client.add_event_callback(heard, RoomMessageText)

    async def invited(room: MatrixRoom, event: object) -> None:
        await client.join(room.room_id)

    from nio import InviteMemberEvent

    client.add_event_callback(invited, InviteMemberEvent)
    # With the library's own limit of ten it loses commands as soon as ten people speak.
    await client.sync_forever(timeout=30_000, sync_filter={"room": {"timeline": {"limit": 1000}}})


asyncio.run(main())
