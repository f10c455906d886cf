"""vocabulary.toml on disk: read, changed in one place with comments and order kept, and watched for changes.

Like config.toml it is replaced in one step, and only when what comes out says exactly what was wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from voice_edit import own_files
from voice_edit.errors import UsageError
from voice_edit.own_files import Followed
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
    return _meaning(own_files.read_text(path), path)


def put_word(paths: Paths, word: Word) -> bool:
    """Write a word down, in place of one that is spelled alike. False where it is there already."""
    return _put_word(paths, word.write, lambda known: word)


def learn_word(paths: Paths, word: Word) -> tuple[Word, bool]:
    """Write a word down and keep what is known of how it sounds; the word as it stands now, and False where
    it stood there already.
    """
    now = word

    def merged(known: Word | None) -> Word:
        nonlocal now
        if known is not None:
            now = replace(word, sounds_like=tuple(dict.fromkeys((*known.sounds_like, *word.sounds_like))))
        return now

    changed = _put_word(paths, word.write, merged)
    return now, changed


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
            for index in reversed(_same(words, name)):
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

    def __init__(
        self, paths: Paths, *, on_problem: Callable[[UsageError], object] = lambda error: None
    ) -> None:
        from voice_edit.vocabulary.vocabulary import Vocabulary

        self._followed = Followed(
            vocabulary_file(paths), lambda: Vocabulary.load(paths), Vocabulary, on_problem
        )

    def now(self) -> Vocabulary:
        """What the file says now, or said when it last made sense. Never raises."""
        return self._followed.now()


# --- inside -----------------------------------------------------------------------------------------------


def _put_word(paths: Paths, spelled: str, new: Callable[[Word | None], Word]) -> bool:
    """Write down what `new` makes of the word that is spelled like `spelled`, None where there is none."""
    word = Word(spelled)

    def change(entries: Entries) -> Entries:
        nonlocal word
        same = [one for one in entries.words if folded(one.write) == folded(spelled)]
        word = new(same[0] if same else None)
        words = [one for one in entries.words if one not in same]
        words.insert(entries.words.index(same[0]) if same else len(words), word)
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
        if same := _same(words, spelled):
            words[same[0]] = value
            for index in reversed(same[1:]):
                del words[index]
            return
        words.append(value)
        if len(words) > 3 or any(isinstance(one, MutableMapping) for one in words):
            words.multiline(True)

    return _change(paths, change, edit)


def _change(
    paths: Paths, change: Callable[[Entries], Entries], edit: Callable[[MutableMapping[str, Any]], None]
) -> bool:
    """Make the file say `change(what it says)` by `edit`. False where it says that already."""

    def changed(old: str, path: Path) -> str:
        before = _meaning(old, path)
        wanted = change(before)
        if wanted == before:
            return old
        new = _edited(old, edit)
        if new is None or _meaning(new, path) != wanted:
            raise UsageError(
                f"{path} is written in a way in which this cannot be changed safely; nothing was written.",
                hint="Change it with an editor; docs/vocabulary.md shows how it looks.",
            )
        return new

    return own_files.change(vocabulary_file(paths), changed)


def _same(words: Sequence[Any], name: str) -> list[int]:
    """Where in the file's list something stands that is spelled alike."""
    written = (str(one["write"] if isinstance(one, Mapping) else one) for one in words)
    return [index for index, one in enumerate(written) if folded(one) == folded(name)]


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


def _meaning(text: str, path: Path) -> Entries:
    return read_entries(own_files.parsed(text, path), str(path))
