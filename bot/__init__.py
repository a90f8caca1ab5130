"""Solibot: the bot with which solidarity committees run themselves."""
