"""Tests speak as members do; nothing of our own is mocked."""
