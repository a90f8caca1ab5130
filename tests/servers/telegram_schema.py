"""The Bot API's schema, taken from aiogram's models: what a bot may send and what a server may answer.

Importing this module is heavy (seconds); the server imports it only when it validates.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from typing import Any

import aiogram.methods
from aiogram.methods.base import TelegramMethod
from aiogram.types import Update
from pydantic import BaseModel, TypeAdapter, ValidationError

from tests.servers.telegram_state import Json, ServerMistake

_METHODS: dict[str, type[TelegramMethod[Any]]] = {
    model.__api_method__.lower(): model
    for name in aiogram.methods.__all__
    if isinstance(model := getattr(aiogram.methods, name), type)
    and issubclass(model, TelegramMethod)
    and model is not TelegramMethod
}


def knows(method: str) -> bool:
    """Whether the Bot API has such a method."""
    return method.lower() in _METHODS


def check_request(method: str, params: Json) -> str | None:
    """What is wrong with a bot's request, or None. Files are given as their names."""
    model = _METHODS[method.lower()]
    names = {field.alias or name for name, field in model.model_fields.items()}
    if unknown := sorted(set(params) - names):
        return f"{model.__api_method__} has no parameter {', '.join(unknown)}"
    values = {name: _decoded(model, name, value) for name, value in params.items()}
    try:
        request = model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        return f"{model.__api_method__}: {'.'.join(map(str, first['loc']))}: {first['msg']}"
    if extra := sorted(_unknown(request)):
        return f"{model.__api_method__}: unknown fields {', '.join(extra)}"
    return None


def check_result(method: str, result: Any) -> None:
    """Raise ServerMistake when an answer of the server has another shape than the method returns."""
    name = method.lower()
    if name not in _METHODS:
        return
    try:
        checked = _returning(name).validate_python(result)
    except ValidationError as error:
        raise ServerMistake(f"{method} answered {result!r}: {error}") from error
    if extra := sorted(_unknown(checked)):
        raise ServerMistake(f"{method} answered unknown fields: {', '.join(extra)}")


def check_update(update: Json) -> None:
    """Raise ServerMistake when the server is about to send what is not an Update."""
    try:
        checked = Update.model_validate(update)
    except ValidationError as error:
        raise ServerMistake(f"bad update {update!r}: {error}") from error
    if extra := sorted(_unknown(checked)):
        raise ServerMistake(f"unknown fields in an update: {', '.join(extra)}")


@cache
def _returning(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(_METHODS[name].__returning__)


def _decoded(model: type[BaseModel], name: str, value: Any) -> Any:
    """Complex parameters come as JSON in a string, as the Bot API wants them."""
    if isinstance(value, str) and value[:1] in {"[", "{"} and not _plain(model, name):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


@cache
def _plain(model: type[BaseModel], name: str) -> bool:
    """Whether the parameter is only text or a number, so that a leading [ or { means nothing."""
    field = model.model_fields.get(name) or next(field for field in model.model_fields.values() if field.alias == name)
    return not any(
        typing.get_origin(part) in {list, dict} or (isinstance(part, type) and issubclass(part, BaseModel))
        for part in _parts(field.annotation)
    )


def _parts(annotation: Any) -> Iterator[Any]:
    origin = typing.get_origin(annotation)
    if origin in {typing.Union, types.UnionType, typing.Annotated}:
        for part in typing.get_args(annotation):
            yield from _parts(part)
    else:
        yield annotation


def _unknown(value: Any, path: str = "") -> Iterator[str]:
    """Names that the models do not have, anywhere inside: aiogram's models let them pass."""
    if isinstance(value, BaseModel):
        for name in value.model_extra or {}:
            yield f"{path}{type(value).__name__}.{name}"
        for name in value.model_fields_set:
            yield from _unknown(getattr(value, name, None), f"{path}{name}.")
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _unknown(item, path)
    elif not isinstance(value, str | int | float | datetime | None):
        return
