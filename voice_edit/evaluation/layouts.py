"""How test recordings lie in a folder: our own list, a YAML beside each, LibriSpeech, Common Voice.

Nothing is heard here, and no recording is opened; those that a list names and that are missing are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any

from voice_edit.caret_marks import read_marked
from voice_edit.errors import UsageError
from voice_edit.evaluation.dataset import Dataset, Item

LIST_YAML, LIST_TSV = "eval.yaml", "eval.tsv"
FORMATS = (".wav", ".flac", ".ogg", ".mp3")
SPLITS = ("test", "dev", "validated", "train", "other", "invalidated")
"""Tables of Common Voice, best first where none is named."""

_KNOWN = {"audio", "words", "say", "mode", "before", "after", "speaker", "voice", "tags"}


def read_folder(folder: Path, *, split: str | None = None, language: str | None = None) -> Dataset:
    """The items of a folder in the order of their names, whichever way it is laid out.

    `split`: which table of Common Voice; `language` overrides what the folder says (else English). Raises
    UsageError with what is wrong, and where.
    """
    if not _is(Path.is_dir, folder):
        raise UsageError(f"{folder} is no folder.", hint="Name a folder of recordings; see docs/eval.md.")
    for is_it, read in _LAYOUTS.values():
        if is_it(folder):
            found = read(folder, split)
            break
    else:
        raise UsageError(
            f"{folder} holds no test recordings in a layout that is known.",
            hint=f"Write {LIST_YAML} or {LIST_TSV} into it, or name a folder of LibriSpeech or Common Voice; "
            "see docs/eval.md.",
        )
    if split is not None and found.layout != "Common Voice":
        raise UsageError(f"--split {split}: only Common Voice has splits.", hint="Leave it out.")
    _require_items(found, folder)
    items = tuple(sorted(found.items, key=lambda item: item.key))
    return Dataset(found.name, found.layout, items, language or found.language, found.note, folder)


# --- our own ---


def _read_list(folder: Path, split: str | None) -> Dataset:
    path = folder / LIST_YAML
    data = _yaml(path)
    if not isinstance(data, dict) or not isinstance(data.get("items"), list):
        raise _wrong(path, "it has no list of `items`")
    unknown = sorted(set(data) - {"name", "language", "note", "items"})
    if unknown:
        raise _wrong(path, f"it has an unknown key: {unknown[0]}")
    items = tuple(_item(folder, row, f"{path}, item {number}") for number, row in enumerate(data["items"], 1))
    told = {key: data.get(key) for key in ("name", "language", "note")}
    for key, value in told.items():
        if value is not None and not isinstance(value, str):  # YAML reads `no`, Norwegian, as false
            raise _wrong(path, f"`{key}` is no text; put it between quotation marks")
    name, language, note = told["name"] or folder.name, told["language"] or "en", told["note"] or ""
    return Dataset(name, "voice-edit", items, language, note.strip())


def _read_table(folder: Path, split: str | None) -> Dataset:
    path = folder / LIST_TSV
    items = []
    for number, row in _rows(path):
        # A table has no lines within a cell, so a text's are written as \n.
        texts = {name: _unescaped(row[name]) for name in ("before", "after") if row.get(name)}
        items.append(_item(folder, {**{k: v for k, v in row.items() if v}, **texts}, f"{path}:{number}"))
    return Dataset(folder.name, "voice-edit", tuple(items))


def _read_pairs(folder: Path, split: str | None) -> Dataset:
    items = []
    for path in _paired(folder):
        row = _yaml(path)
        if not isinstance(row, dict):
            raise _wrong(path, "it is no mapping")
        audio = next(path.with_suffix(end) for end in FORMATS if path.with_suffix(end).exists())
        items.append(_item(folder, {**row, "audio": str(audio.relative_to(folder))}, str(path)))
    return Dataset(folder.name, "voice-edit", tuple(items))


def _paired(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*.yaml")):
        if any(path.with_suffix(end).exists() for end in FORMATS):
            yield path


def _item(folder: Path, row: Any, where: str) -> Item:
    if not isinstance(row, Mapping) or not isinstance(row.get("audio"), str):
        raise _wrong(where, "it names no `audio`")
    said = row.get("words", row.get("say", ""))
    texts = {name: row.get(name) for name in ("before", "after")}
    wrong = [name for name, text in texts.items() if text is not None and not isinstance(text, str)]
    if not isinstance(said, str) or wrong:
        raise _wrong(where, f"`{wrong[0] if wrong else 'words'}` is no text; put it between quotation marks")
    mode = row.get("mode", "dictate")
    if mode not in ("dictate", "edit"):
        raise _wrong(where, f"mode is dictate or edit, not {mode}")
    if (texts["before"] is None) != (texts["after"] is None):
        raise _wrong(where, "`before` and `after` belong together")
    if mode == "edit" and texts["before"] is None:
        raise _wrong(where, "a command needs a text: `before` and `after`")
    if texts["before"] is not None:
        try:
            read_marked(texts["before"])
        except UsageError as error:
            raise UsageError(f"{where}: `before`: {error}", hint=error.hint) from error
    tags = row.get("tags", {})
    if not isinstance(tags, Mapping):
        raise _wrong(where, "`tags` is no mapping")
    more = {name: value for name, value in row.items() if name not in _KNOWN and not isinstance(value, dict)}
    return Item(
        key=Path(row["audio"]).as_posix(),
        audio=folder / row["audio"],
        words=said,
        mode="edit" if mode == "edit" else "dictate",
        before=texts["before"],
        after=texts["after"],
        speaker=str(row.get("speaker") or row.get("voice") or ""),
        tags=tuple(sorted((str(name), str(value)) for name, value in {**more, **tags}.items())),
    )


# --- others' ---


def _read_librispeech(folder: Path, split: str | None) -> Dataset:
    items = []
    for path in sorted(folder.rglob("*.trans.txt")):
        for number, line in enumerate(_lines(path), 1):
            name, _, words = line.strip().partition(" ")
            if not name:
                continue
            if not words:
                raise _wrong(f"{path}:{number}", "a line is a name and words")
            audio = path.parent / f"{name}.flac"
            if not audio.exists():  # some copies are converted
                audio = next((a for end in FORMATS if (a := path.parent / f"{name}{end}").exists()), audio)
            key = audio.relative_to(folder).as_posix()
            items.append(Item(key=key, audio=audio, words=words, speaker=name.partition("-")[0]))
    return Dataset(folder.name, "LibriSpeech", tuple(items))


def _read_common_voice(folder: Path, split: str | None) -> Dataset:
    present = [name for name in SPLITS if (folder / f"{name}.tsv").is_file()]
    if split is not None and split not in present:
        raise UsageError(
            f"{folder} has no table {split}.tsv.", hint=f"It has: {', '.join(present)}; name one with --split"
        )
    path = folder / f"{split or present[0]}.tsv"
    items, language = [], "en"
    for _, row in _rows(path):
        name = row["path"]
        # Older releases leave the ending out.
        audio = folder / "clips" / (name if Path(name).suffix else f"{name}.mp3")
        language = row.get("locale") or language
        tags = {
            tag: row[column]
            for column, tag in (("accents", "accent"), ("gender", "gender"), ("age", "age"))
            if row.get(column)
        }
        items.append(
            Item(
                key=audio.relative_to(folder).as_posix(),
                audio=audio,
                words=row["sentence"],
                speaker=row.get("client_id", "")[:16],
                tags=tuple(sorted(tags.items())),
            )
        )
    return Dataset(f"{folder.name} {path.stem}", "Common Voice", tuple(items), language.partition("-")[0])


def _has_common_voice(folder: Path) -> bool:
    return (folder / "clips").is_dir() and any((folder / f"{name}.tsv").is_file() for name in SPLITS)


_Reader = Callable[[Path, str | None], Dataset]
_LAYOUTS: dict[str, tuple[Callable[[Path], bool], _Reader]] = {
    "list": (lambda folder: (folder / LIST_YAML).is_file(), _read_list),
    "table": (lambda folder: (folder / LIST_TSV).is_file(), _read_table),
    "Common Voice": (_has_common_voice, _read_common_voice),
    "LibriSpeech": (lambda folder: any(folder.rglob("*.trans.txt")), _read_librispeech),
    "pairs": (lambda folder: any(_paired(folder)), _read_pairs),
}


# --- reading ---


def _require_items(found: Dataset, folder: Path) -> None:
    if not found.items:
        raise UsageError(f"{folder} lists no recordings.", hint="See docs/eval.md for what is expected.")
    keys: set[str] = set()
    for item in found.items:
        if item.key in keys:
            raise UsageError(f"{folder}: {item.key} is listed twice.", hint="List each recording once.")
        keys.add(item.key)
    missing = [item for item in found.items if not _is(Path.is_file, item.audio)]
    if missing:
        others = f" and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise UsageError(
            f"{missing[0].audio}{others} cannot be found.", hint="The list names recordings from its folder."
        )


def _is(kind: Callable[[Path], bool], path: Path) -> bool:
    try:
        return kind(path)
    except OSError:  # a name that is too long, a folder that nobody may look into
        return False


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines of a table with tabs, by the names in its first line, each with its number. Quotation marks mean
    nothing.
    """
    lines = _lines(path)
    names = lines[0].split("\t")
    needed = ("path", "sentence") if path.name != LIST_TSV else ("audio", "words")
    for name in needed:
        if name not in names:
            raise _wrong(path, f"its first line names no column `{name}`")
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) > len(names):
            raise _wrong(f"{path}:{number}", "it has more cells than the first line")
        if line:
            yield number, dict(zip_longest(names, cells, fillvalue=""))


def _unescaped(text: str) -> str:
    r"""`\n` and `\t` as what they mean, `\\` as one backslash."""
    meant = {"n": "\n", "t": "\t", "\\": "\\"}
    parts = iter(text.split("\\"))
    out = [next(parts)]
    for part in parts:
        if not part:  # two backslashes
            out += ["\\", next(parts, "")]
        else:
            out += [meant.get(part[0], "\\" + part[0]), part[1:]]
    return "".join(out)


def _lines(path: Path) -> list[str]:
    """Only a line feed ends a line: what `splitlines` takes for one besides may stand in a transcript."""
    return [line.removesuffix("\r") for line in _text(path).split("\n")]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")  # tables come with a mark of their byte order
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}.", hint="Check its permissions."
        ) from error
    except UnicodeDecodeError as error:
        raise _wrong(path, "it is not UTF-8") from error


def _yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(_text(path))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark is not None else path
        raise _wrong(where, "it is no YAML") from error
    except (ValueError, RecursionError) as error:  # a date that there is not; brackets without end
        raise _wrong(path, f"it cannot be understood ({error})") from error


def _wrong(where: Path | str, what: str) -> UsageError:
    return UsageError(f"{where}: {what}.", hint="docs/eval.md shows how it is written.")
