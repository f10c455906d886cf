"""vocabulary.toml on disk: read, changed in one place with comments and order kept, and watched for changes.

Like config.toml it is replaced in one step, and only when what comes out says exactly what was wanted.
"""

from __future__ import annotations

import os
import secrets
import tomllib
from collections.abc import Callable, MutableMapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from voice_edit.errors import UsageError
from voice_edit.vocabulary.entries import Entries, Phrase, Word, read_entries
from voice_edit.vocabulary.matcher import folded

if TYPE_CHECKING:
    from voice_edit.paths import Paths
    from voice_edit.vocabulary.vocabulary import Vocabulary

Kind: TypeAlias = Literal["word", "replacement", "snippet"]
TABLES = {"replacement": "replacements", "snippet": "snippets"}
FILE = "vocabulary.toml"

_HEAD = """# Words, replacements and snippets of voice-edit; docs/vocabulary.md tells what they do.
"""


def vocabulary_file(paths: Paths) -> Path:
    """Where it lies; need not exist."""
    return paths.config_folder / FILE


def read_vocabulary(paths: Paths) -> Entries:
    """What the file says; nothing where there is none. Raises UsageError."""
    path = vocabulary_file(paths)
    return _meaning(_text(path), path)


def put_word(paths: Paths, word: Word) -> bool:
    """Write a word down, in place of one that is spelled alike. False where it is there already."""

    def change(entries: Entries) -> Entries:
        words = [one for one in entries.words if folded(one.write) != folded(word.write)]
        at = next(
            (i for i, one in enumerate(entries.words) if folded(one.write) == folded(word.write)), len(words)
        )
        words.insert(at, word)
        return replace(entries, words=tuple(words))

    def edit(document: MutableMapping[str, Any]) -> None:
        import tomlkit

        if "words" not in document:
            # Above the tables: below one, it would be a line of that table.
            raise KeyError("words")
        value: Any = word.write
        if word.sounds_like:
            value = tomlkit.inline_table()
            value.update({"write": word.write, "sounds_like": list(word.sounds_like)})
        words = document["words"]
        for index, one in enumerate(words):
            if folded(str(one["write"] if isinstance(one, MutableMapping) else one)) == folded(word.write):
                words[index] = value
                return
        words.append(value)
        if len(words) > 3 or any(isinstance(one, MutableMapping) for one in words):
            words.multiline(True)

    return _change(paths, change, edit)


def put_phrase(paths: Paths, kind: Kind, phrase: Phrase) -> bool:
    """Write a replacement or a snippet down, in place of one that is said alike. False where it is there."""
    table = TABLES[kind]

    def change(entries: Entries) -> Entries:
        phrases = list(getattr(entries, table))
        same = [i for i, one in enumerate(phrases) if folded(one.say) == folded(phrase.say)]
        if same:
            phrases[same[0]] = Phrase(phrases[same[0]].say, phrase.write)
        else:
            phrases.append(phrase)
        return replace(entries, **{table: tuple(phrases)})

    def edit(document: MutableMapping[str, Any]) -> None:
        import tomlkit

        if table not in document:
            document[table] = tomlkit.table()
        lines = document[table]
        said = next((key for key in lines if folded(key) == folded(phrase.say)), phrase.say)
        lines[said] = tomlkit.string(phrase.write, multiline="\n" in phrase.write.strip("\n"))

    return _change(paths, change, edit)


def remove(paths: Paths, kind: Kind, name: str) -> bool:
    """Take out what is spelled or said like `name`. False where there is nothing like it."""

    def change(entries: Entries) -> Entries:
        if kind == "word":
            kept = tuple(one for one in entries.words if folded(one.write) != folded(name))
            return replace(entries, words=kept)
        table = TABLES[kind]
        phrases = tuple(one for one in getattr(entries, table) if folded(one.say) != folded(name))
        return replace(entries, **{table: phrases})

    def edit(document: MutableMapping[str, Any]) -> None:
        if kind == "word":
            words = document["words"]
            for index in reversed(range(len(words))):
                one = words[index]
                if folded(str(one["write"] if isinstance(one, MutableMapping) else one)) == folded(name):
                    del words[index]
            return
        lines = document[TABLES[kind]]
        for key in [key for key in lines if folded(key) == folded(name)]:
            del lines[key]

    return _change(paths, change, edit)


class KeptVocabulary:
    """The vocabulary of a program that runs on: read again when the file has changed.

    A file that makes no sense is told once, and what was known before stays. From any thread.
    """

    def __init__(self, paths: Paths, *, on_problem: Callable[[UsageError], object] | None = None) -> None:
        from voice_edit.vocabulary.vocabulary import Vocabulary

        self._paths = paths
        self._on_problem = on_problem
        self._seen: tuple[int, int, int] | None = None
        self._vocabulary = Vocabulary()

    def now(self) -> Vocabulary:
        """What the file says now, or said when it last made sense. Never raises."""
        from voice_edit.vocabulary.vocabulary import Vocabulary

        try:
            found = vocabulary_file(self._paths).stat()
            seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        except OSError:
            seen = (0, 0, 0)
        if seen != self._seen:
            self._seen = seen
            try:
                self._vocabulary = Vocabulary.load(self._paths)
            except UsageError as error:
                if self._on_problem is not None:
                    self._on_problem(error)
        return self._vocabulary


# --- inside -----------------------------------------------------------------------------------------------


def _change(
    paths: Paths, change: Callable[[Entries], Entries], edit: Callable[[MutableMapping[str, Any]], None]
) -> bool:
    """Make the file say `change(what it says)` by `edit`. False where it says that already."""
    path = Path(os.path.realpath(vocabulary_file(paths)))  # a link into a folder of dotfiles stays one
    old = _text(path)
    before = _meaning(old, path)
    wanted = change(before)
    if wanted == before:
        return False
    new = _edited(old, edit)
    if new is None or _meaning(new, path) != wanted:
        raise UsageError(
            f"{path} is written in a way in which this cannot be changed safely; nothing was written.",
            hint="Change it with an editor; docs/vocabulary.md shows how it looks.",
        )
    _replace(path, old, new)
    return True


def _edited(old: str, edit: Callable[[MutableMapping[str, Any]], None]) -> str | None:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    for text in (old, _with_words(old)):
        try:
            document = tomlkit.parse(text)
            edit(document)
            new = tomlkit.dumps(document)
        except KeyError:
            continue
        except (TOMLKitError, TypeError, AttributeError, ValueError):
            return None
        return new.replace("\r\n", "\n").replace("\n", "\r\n") if "\r\n" in old else new
    return None


def _with_words(text: str) -> str:
    """With an empty list of words above the first table."""
    if not text.strip():
        return f"{_HEAD}words = []\n"
    lines = text.splitlines(keepends=True)
    at = next((i for i, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    while at > 0 and lines[at - 1].lstrip().startswith("#"):
        at -= 1
    head = "".join(lines[:at])
    if head and not head.endswith("\n"):
        head += "\n"
    return f"{head}words = []\n{'' if at == len(lines) else chr(10)}{''.join(lines[at:])}"


def _text(path: Path) -> str:
    from voice_edit.settings_file import read_text

    return read_text(path)


def _meaning(text: str, path: Path) -> Entries:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"{path} is not valid TOML: {error}", hint=f"Correct the line, or move {path} away."
        ) from error
    return read_entries(data, str(path))


def _replace(path: Path, old: str, new: str) -> None:
    """In one step, and only if the file still is what was read."""
    from voice_edit.targets import _atomic

    def unchanged() -> None:
        if _text(path) != old:
            raise UsageError(f"{path} was changed meanwhile; nothing was written.", hint="Try again.")

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("ab").close()  # a new one begins empty, which means the same as none
    except OSError as error:
        raise _atomic.write_error(error, path) from error
    _atomic.replace(path, new.encode("utf-8"), token=secrets.token_hex(8), check=unchanged)
