"""The baseline: python-telegram-bot as its documentation shows it, answering /thank and writing nothing down.

With BOT_STORE=1 it writes one row for each command before it answers, as bots with a database do.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

from telegram import Update
from telegram.ext import Application, CommandHandler, ContextTypes

STORE = os.environ.get("BOT_STORE")
database = sqlite3.connect(Path(os.environ["BOT_FOLDER"]) / "stock.sqlite") if STORE else None


async def thank(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """Answer."""
    assert update.message is not None
    assert update.message.text is not None
    if database is not None:
        await asyncio.sleep(0.05)
        database.execute("INSERT INTO done (text) VALUES (?)", (update.message.text,))
        database.commit()
    await update.message.reply_text(f"noted: {update.message.text}")


def main() -> None:
    """Run until stopped."""
    if database is not None:
        database.execute("CREATE TABLE IF NOT EXISTS done (text TEXT)")
    application = Application.builder().token(os.environ["BOT_TOKEN"]).base_url(os.environ["BOT_URL"]).build()
    application.add_handler(CommandHandler("thank", thank))
    application.run_polling()


main()
