"""Text as Telegram sees it: HTML and MarkdownV2 to entities, entities found in plain text, offsets in UTF-16.

The rules and the error sentences follow td/telegram/MessageEntity.cpp of tdlib/td.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Json = dict[str, Any]


class MarkupError(ValueError):
    """The text cannot be understood; the message is what the Bot API says."""


def utf16_length(text: str) -> int:
    """The length as the Bot API counts it: characters outside the basic plane are two units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2


def utf16_slice(text: str, offset: int, length: int) -> str:
    """The part of the text that an entity covers."""
    raw = text.encode("utf-16-le")[2 * offset : 2 * (offset + length)]
    return raw.decode("utf-16-le", errors="replace")


def parse(text: str, parse_mode: str | None, entities: list[Json] | None) -> tuple[str, list[Json]]:
    """The visible text and its entities, given by the bot as markup or as a list."""
    match (parse_mode or "").lower():
        case "":
            found = [dict(entity) for entity in entities or []]
            _check_bounds(text, found)
        case "html":
            text, found = parse_html(text)
        case "markdownv2":
            text, found = parse_markdown_v2(text)
        case "markdown":
            raise MarkupError("legacy Markdown is not understood by the test server; use HTML or MarkdownV2")
        case _:
            raise MarkupError("unsupported parse_mode")
    return trim(text, found)


def trim(text: str, entities: list[Json]) -> tuple[str, list[Json]]:
    """Without white space at both ends, as messages are stored; entities move along."""
    text = text.replace("\r", "").rstrip(" \n\t")
    first = min((entity["offset"] for entity in entities), default=len(text))
    lead = 0
    while lead < min(first, len(text)) and text[lead] in " \n":
        lead += 1
    text, end = text[lead:], utf16_length(text[lead:])
    kept = []
    for entity in entities:
        offset = entity["offset"] - lead
        length = min(entity["length"], end - offset)
        if length > 0:
            kept.append({**entity, "offset": offset, "length": length})
    return text, sorted(kept, key=lambda entity: (entity["offset"], -entity["length"]))


def _check_bounds(text: str, entities: list[Json]) -> None:
    end = utf16_length(text)
    for entity in entities:
        offset, length = int(entity["offset"]), int(entity["length"])
        if offset + length > end:
            raise MarkupError(
                f"entity beginning at UTF-16 offset {offset} ends after the end of the text at UTF-16 offset {end}"
            )
        if "�" in utf16_slice(text, offset, length) and "�" not in text:
            raise MarkupError(f"entity begins in a middle of a UTF-16 symbol at byte offset {offset}")


def _fail(sentence: str) -> MarkupError:
    return MarkupError(f"can't parse entities: {sentence}")


def _link(url: str) -> Json | None:
    """A text_link or text_mention; None where Telegram quietly drops a link that is none."""
    if mention := re.fullmatch(r"tg:(?://)?user\?id=(\d+)", url):
        return {"type": "text_mention", "user": {"id": int(mention[1])}}
    if re.match(r"(?i)(https?|tg|ton|tonsite|ftp)://", url):
        bare = re.fullmatch(r"(?i)https?://[^/?#]+", url)
        return {"type": "text_link", "url": url + "/" if bare else url}
    if re.fullmatch(r"(?i)[\w-]+(\.[\w-]+)*\.[a-z]{2,}([/?#:].*)?", url):
        return _link("http://" + url)
    return None


# -- HTML ------------------------------------------------------------------------------------------

_HTML_STYLES = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler",
    "span": "spoiler",
}  # fmt: skip
_HTML_TAGS = frozenset(_HTML_STYLES) | {"a", "pre", "code", "blockquote", "tg-emoji", "tg-time"}
_HTML_NAMES = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_HTML_REFERENCE = re.compile(r"&(?:#x([0-9A-Fa-f]{1,7})|#([0-9]{1,7})|([A-Za-z]+));?")
_HTML_ATTRIBUTE = re.compile(r"""\s*([^\s=>]+)(?:\s*=\s*("[^"]*"|'[^']*'|[A-Za-z0-9.-]+))?\s*""")


def _reference(match: re.Match[str]) -> str:
    if match[3]:
        return _HTML_NAMES.get(match[3], match[0])
    code = int(match[1], 16) if match[1] else int(match[2])
    return chr(code) if 0 < code < 0x10FFFF and not 0xD800 <= code <= 0xDFFF else match[0]


@dataclass
class _Open:
    name: str
    argument: str
    offset: int
    begin: int
    at: int


def parse_html(source: str) -> tuple[str, list[Json]]:
    """Telegram's HTML: an unknown or unbalanced tag is an error, an unknown &name; is plain text."""
    out: list[str] = []
    offset = length = position = 0
    open_tags: list[_Open] = []
    entities: list[Json] = []

    def at(index: int) -> int:
        return len(source[:index].encode())

    def write(part: str) -> None:
        nonlocal offset, length
        part = _HTML_REFERENCE.sub(_reference, part)
        out.append(part)
        offset += utf16_length(part)
        length += len(part)

    while (tag := source.find("<", position)) >= 0:
        write(source[position:tag])
        end = _tag_end(source, tag)
        if end < 0:
            kind = "end" if source[tag + 1 : tag + 2] == "/" else "start"
            raise _fail(f"Unclosed {kind} tag at byte offset {at(tag)}")
        position = end + 1
        inner = source[tag + 1 : end]
        if not inner.startswith("/"):
            open_tags.append(_open_tag(inner, offset, length, at(tag)))
            continue
        if not open_tags:
            raise _fail(f"Unexpected end tag at byte offset {at(tag)}")
        name, top = inner[1:].strip().lower(), open_tags.pop()
        if name and name != top.name:
            raise _fail(f'Unmatched end tag at byte offset {at(tag)}, expected "</{top.name}>", found "</{name}>"')
        if offset > top.offset:
            _close_tag(entities, top, offset, "".join(out)[top.begin :])
    write(source[position:])
    if open_tags:
        raise _fail(f'Can\'t find end tag corresponding to start tag "{open_tags[-1].name}"')
    return "".join(out), entities


def _tag_end(source: str, begin: int) -> int:
    """Where the tag's > is, not counting one inside a quoted attribute; -1 when it never ends."""
    quote = ""
    for index in range(begin + 1, len(source)):
        character = source[index]
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'" and source[index - 1] == "=":
            quote = character
        elif character == ">":
            return index
    return -1


def _open_tag(inner: str, offset: int, begin: int, at: int) -> _Open:
    name, _, rest = inner.partition(" ") if " " in inner else (inner, "", "")
    name = name.strip().lower()
    if name not in _HTML_TAGS:
        raise _fail(f'Unsupported start tag "{name}" at byte offset {at}')
    argument = ""
    for match in _HTML_ATTRIBUTE.finditer(rest):
        key, value = match[1].lower(), (match[2] or "").strip("\"'")
        value = _HTML_REFERENCE.sub(_reference, value)
        if (name, key) in {("a", "href"), ("tg-emoji", "emoji-id"), ("tg-time", "unix")}:
            argument = value
        elif name == "code" and key == "class" and value.startswith("language-"):
            argument = value.removeprefix("language-")
        elif name == "span" and key == "class" and value.startswith("tg-"):
            argument = value.removeprefix("tg-")
        elif (name, key) == ("blockquote", "expandable"):
            argument = "1"
    if name == "span" and argument != "spoiler":
        raise _fail(f'Tag "span" must have class "tg-spoiler" at byte offset {at}')
    return _Open(name, argument, offset, begin, at)


def _close_tag(entities: list[Json], tag: _Open, end: int, inner: str) -> None:
    place: Json = {"offset": tag.offset, "length": end - tag.offset}
    last = entities[-1] if entities else {}
    same = last.get("offset") == place["offset"] and last.get("length") == place["length"]
    match tag.name:
        case "a":
            if link := _link(tag.argument or inner):
                entities.append({**link, **place})
        case "pre":
            if same and last.get("type") == "code" and last.get("language"):
                last["type"] = "pre"
            else:
                entities.append({"type": "pre", **place})
        case "code":
            if same and last.get("type") == "pre" and tag.argument:
                last["language"] = tag.argument
            else:
                language = {"language": tag.argument} if tag.argument else {}
                entities.append({"type": "code", **place, **language})
        case "blockquote":
            entities.append({"type": "expandable_blockquote" if tag.argument else "blockquote", **place})
        case "tg-emoji":
            if not tag.argument.isdigit():
                raise _fail("Invalid custom emoji identifier specified")
            entities.append({"type": "custom_emoji", **place, "custom_emoji_id": tag.argument})
        case "tg-time":
            if not tag.argument.isdigit():
                raise _fail("Invalid date specified")
            entities.append({"type": "date_time", **place, "unix_time": int(tag.argument)})
        case name:
            entities.append({"type": _HTML_STYLES[name], **place})
    if tag.name != "code" and last.get("type") == "code":
        last.pop("language", None)


# -- MarkdownV2 ------------------------------------------------------------------------------------

_V2_NAMES = {
    "bold": "Bold", "italic": "Italic", "underline": "Underline", "strikethrough": "Strikethrough",
    "spoiler": "Spoiler", "code": "Code", "pre": "Pre", "link": "TextUrl", "emoji": "CustomEmoji",
    "blockquote": "BlockQuote",
}  # fmt: skip
_V2_MARKS = {"__": "underline", "_": "italic", "*": "bold", "~": "strikethrough", "||": "spoiler", "[": "link"}
_V2_CLOSE = {
    "underline": "__", "italic": "_", "bold": "*", "strikethrough": "~", "spoiler": "||", "link": "]",
    "code": "`", "pre": "```", "emoji": "]",
}  # fmt: skip
_V2_RESERVED = frozenset("_*[]()~`>#+-=|{}.!\n")


class _MarkdownV2:
    """One pass over the text; the order of the tests is the order in parse_markdown_v2 of tdlib."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.out: list[str] = []
        self.offset = 0
        self.open: list[_Open] = []
        self.entities: list[Json] = []

    def parse(self) -> tuple[str, list[Json]]:
        quoted = False
        while self.at < len(self.source):
            character = self.source[self.at]
            inside = self.open[-1].name if self.open else ""
            if character == "\\" and "\0" < self.source[self.at + 1 : self.at + 2] <= "~":
                self._write(self.source[self.at + 1], 2)
            elif character not in _V2_RESERVED or (inside in {"code", "pre"} and character != "`"):
                self._write(character, 1)
            elif quoted and character == "\n" and self.source[self.at + 1 : self.at + 2] != ">":
                self._close_quote()
                quoted = False
            elif self._closes(inside):
                self._close()
            elif character == "\n":
                self._write("\n", 1)
                if self.source[self.at : self.at + 1] == ">":
                    self.at += 1
                    quoted = self._open_quote(quoted)
            elif character == ">" and self.at == 0:
                self.at += 1
                quoted = self._open_quote(quoted)
            else:
                self._begin(character)
        if quoted and self.open and self.open[-1].name == "blockquote":
            self._end_entity(self.open.pop(), {"type": "blockquote"})
        if self.open:
            raise self._unfinished()
        return "".join(self.out), self.entities

    def _write(self, text: str, consumed: int) -> None:
        self.out.append(text)
        self.offset += utf16_length(text)
        self.at += consumed

    def _unfinished(self) -> MarkupError:
        last = self.open[-1]
        return _fail(f"Can't find end of {_V2_NAMES[last.name]} entity at byte offset {last.at}")

    def _closes(self, inside: str) -> bool:
        if not inside or inside == "blockquote":
            return False
        if inside == "italic" and self.source.startswith("__", self.at):
            return False
        return self.source.startswith(_V2_CLOSE[inside], self.at)

    def _push(self, name: str, consumed: int, argument: str = "") -> None:
        byte = len(self.source[: self.at].encode())
        self.open.append(_Open(name, argument, self.offset, len(self.out), byte))
        self.at += consumed

    def _open_quote(self, quoted: bool) -> bool:
        if not quoted:
            self._push("blockquote", 0)
        return True

    def _close_quote(self) -> None:
        if self.open[-1].name != "blockquote":
            raise self._unfinished()
        self._end_entity(self.open.pop(), {"type": "blockquote"})
        self._write("\n", 1)

    def _begin(self, character: str) -> None:
        pair = self.source[self.at : self.at + 2]
        if self.source.startswith("```", self.at):
            language = re.compile(r"([^\s`]+)(?=\s)").match(self.source, self.at + 3)
            self._push("pre", 3, language[1] if language else "")
            self.at += len(language[1]) if language else 0
            if self.source[self.at : self.at + 1] == "\n":
                self.at += 1
        elif character == "`":
            self._push("code", 1)
        elif pair == "![":
            self._push("emoji", 2)
        elif pair in _V2_MARKS:
            self._push(_V2_MARKS[pair], 2)
        elif character in _V2_MARKS:
            self._push(_V2_MARKS[character], 1)
        else:
            raise _fail(f"Character '{character}' is reserved and must be escaped with the preceding '\\'")

    def _target(self, what: str) -> str | None:
        if self.source[self.at : self.at + 1] != "(":
            return None
        begin, url = self.at + 1, ""
        self.at += 1
        while self.at < len(self.source) and self.source[self.at] != ")":
            if self.source[self.at] == "\\" and self.at + 1 < len(self.source):
                self.at += 1
            url += self.source[self.at]
            self.at += 1
        if self.at >= len(self.source):
            raise _fail(f"Can't find end of a {what} at byte offset {len(self.source[:begin].encode())}")
        self.at += 1
        return url

    def _close(self) -> None:
        top = self.open.pop()
        self.at += len(_V2_CLOSE[top.name])
        if top.name == "link":
            target = self._target("URL")
            link = _link("".join(self.out[top.begin :]) if target is None else target)
            if link is not None:
                self._end_entity(top, link)
        elif top.name == "emoji":
            target = self._target("custom emoji URL")
            found = re.fullmatch(r"tg://emoji\?id=(\d+)", target or "")
            if found is None:
                raise _fail("Custom emoji entity must contain a tg://emoji URL")
            self._end_entity(top, {"type": "custom_emoji", "custom_emoji_id": found[1]})
        else:
            self._end_entity(top, {"type": top.name, **({"language": top.argument} if top.argument else {})})

    def _end_entity(self, top: _Open, entity: Json) -> None:
        if self.offset > top.offset:
            self.entities.append({**entity, "offset": top.offset, "length": self.offset - top.offset})


def parse_markdown_v2(source: str) -> tuple[str, list[Json]]:
    """MarkdownV2: a reserved character that stands alone is an error."""
    return _MarkdownV2(source).parse()


# -- what Telegram finds by itself -------------------------------------------------------------------

_FOUND: tuple[tuple[Literal["bot_command", "mention", "url", "email", "hashtag"], re.Pattern[str]], ...] = (
    ("bot_command", re.compile(r"(?<![\w/<>@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>@])")),
    (
        "url",
        re.compile(
            r"(?i)(?:\bhttps?://[^\s<>\"]+|(?<![\w@./])(?:[a-z0-9-]+\.)+(?:org|com|net|de|io|me|eu|example)\b"
            r"(?:/[^\s<>\"]*)?)"
        ),
    ),
    ("email", re.compile(r"(?<![\w.+-])[\w.+-]+@(?:[\w-]+\.)+[A-Za-z]{2,}\b")),
    ("mention", re.compile(r"(?<![\w@])@[A-Za-z0-9_]{2,32}\b")),
    ("hashtag", re.compile(r"(?<![\w#])#(?=\w*[^\W\d])\w{1,256}")),
)


def detect(text: str, given: list[Json], usernames: Container[str] = ()) -> list[Json]:
    """The given entities plus commands, links, addresses, mentions and hashtags that stand in the text.

    Telegram takes @name for a mention from four characters on; a shorter one only when it is in `usernames`.
    """
    if not any(mark in text for mark in "/@#."):
        return given
    taken = [(entity["offset"], entity["offset"] + entity["length"]) for entity in given if _solid(entity)]
    found = list(given)
    for kind, match in _matches(text):
        body = match[0]
        if kind == "url":
            body = body.rstrip(".,;:!?)'")
        if kind == "mention" and len(body) < 5 and body[1:].lower() not in usernames:
            continue
        offset = utf16_length(text[: match.start()])
        end = offset + utf16_length(body)
        if all(end <= begin or offset >= stop for begin, stop in taken):
            taken.append((offset, end))
            found.append({"type": kind, "offset": offset, "length": end - offset})
    return sorted(found, key=lambda entity: (entity["offset"], -entity["length"]))


def _solid(entity: Json) -> bool:
    """Whether nothing else can be found inside this entity."""
    return entity["type"] not in {
        "bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote",
    }  # fmt: skip


def _matches(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    for kind, pattern in _FOUND:
        for match in pattern.finditer(text):
            yield kind, match
