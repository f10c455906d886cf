"""vocabulary.toml: changed in one place, refused when it makes no sense, noticed when changed. Its verbs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from voice_edit.cli.app import app
from voice_edit.cli.vocabulary import escaped, unescaped
from voice_edit.errors import UsageError
from voice_edit.paths import Paths
from voice_edit.vocabulary import store
from voice_edit.vocabulary.entries import Entries, Phrase, Word, checked_phrase, checked_word
from voice_edit.vocabulary.store import KeptVocabulary
from voice_edit.vocabulary.vocabulary import Vocabulary

WRITTEN = """# mine
words = [
    "GitLab",  # work
    { write = "Siobhan", sounds_like = ["shavon"] },
]

[replacements]  # spoken
"my email" = "s@example.com"  # private

# the end
"""


@pytest.fixture
def paths() -> Paths:
    paths = Paths.from_environment()
    paths.config_folder.mkdir(parents=True)
    return paths


def write(paths: Paths, text: str) -> Path:
    path = store.vocabulary_file(paths)
    path.write_text(text, encoding="utf-8", newline="")
    return path


def run(*arguments: str, stdin: str | None = None) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["vocabulary", *arguments], input=stdin)
    return done.exit_code, done.stdout, done.stderr


# --- the file ------------------------------------------------------------------------------------------


def test_without_a_file_there_is_nothing_and_nothing_is_made(paths: Paths) -> None:
    assert Vocabulary.load(paths).entries == Entries()
    assert not store.remove(paths, "word", "GitLab")
    assert not store.vocabulary_file(paths).exists()


def test_an_entry_changes_its_own_line_and_no_other(paths: Paths) -> None:
    path = write(paths, WRITTEN)
    assert store.put_word(paths, Word("Kafka"))
    assert store.put_phrase(paths, "replacement", Phrase("My  E-mail", "joe@example.com"))
    assert store.remove(paths, "word", "gitlab")
    text = path.read_text(encoding="utf-8")
    for line in (
        "# mine",
        '{ write = "Siobhan", sounds_like = ["shavon"] },',
        "[replacements]  # spoken",
        "# the end",
    ):
        assert line in text
    assert '"my email" = "joe@example.com"' in text
    assert store.read_vocabulary(paths) == Entries(
        (Word("Siobhan", ("shavon",)), Word("Kafka")), (Phrase("my email", "joe@example.com"),)
    )


def test_what_is_there_already_is_not_written_again(paths: Paths) -> None:
    path = write(paths, WRITTEN)
    assert not store.put_word(paths, Word("GitLab"))
    assert not store.put_phrase(paths, "replacement", Phrase("my email", "s@example.com"))
    assert path.read_text(encoding="utf-8") == WRITTEN
    assert store.put_word(paths, Word("gitlab", ("get lab",)))
    assert store.read_vocabulary(paths).words[0] == Word("gitlab", ("get lab",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# only a remark",
        '[snippets]\n"sig" = "x"\n',
        '# head\n\n# of the table\n[replacements]\n"a" = "b"',
        'words = []\r\n[replacements]\r\n"a" = "b"\r\n',
    ],
)
def test_a_word_can_be_added_to_whatever_file(paths: Paths, text: str) -> None:
    path = write(paths, text)
    before = store.read_vocabulary(paths)
    assert store.put_word(paths, Word("Kafka"))
    after = store.read_vocabulary(paths)
    assert after.words == (Word("Kafka"),)
    assert (after.replacements, after.snippets) == (before.replacements, before.snippets)
    raw = path.read_bytes().decode()
    assert set(text.splitlines()) <= {*raw.splitlines(), "words = []"}
    assert ("\r\n" in text) == ("\r\n" in raw)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.from_regex(r"[A-Za-zäß][a-z'\" #=\\\[\]]{0,10}[a-z]", fullmatch=True), max_size=6),
    st.lists(
        st.tuples(st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.text(min_size=1, max_size=30)), max_size=6
    ),
)
def test_whatever_is_written_is_read_as_it_was_meant(
    words: list[str], phrases: list[tuple[str, str]]
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        paths = Paths(Path(folder), Path(folder), Path(folder))
        expected: dict[str, str] = {}
        for word in words:
            store.put_word(paths, checked_word(word))
            assert checked_word(word) in store.read_vocabulary(paths).words
        for say, text in phrases:
            if "\x00" in text or any(0xD800 <= ord(c) <= 0xDFFF for c in text):
                continue
            store.put_phrase(paths, "snippet", checked_phrase(say, text))
            expected[say] = text
        assert {one.say: one.write for one in store.read_vocabulary(paths).snippets} == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("words = 5", "list"),
        ("words = [5]", "neither a text nor"),
        ('words = ["..."]', "no word"),
        ('words = [{ write = "A", likes = ["b"] }]', "neither"),
        ('words = [{ write = "Ab", sounds_like = ["!"] }]', "nothing that can be heard"),
        ("wrods = []", "no 'wrods'"),
        ('[replacements]\n"a" = 1', "no text"),
        ('[replacements]\n"!" = "b"', "cannot be said"),
        ('[snippets]\n"a" = ""', "1 to"),
        ('[snippets]\n"a b" = "x"\n"A-B" = "y"', "said alike"),
        ("words = [", "not valid TOML"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_by_name_and_left_alone(
    paths: Paths, text: str, told: str
) -> None:
    path = write(paths, text)
    with pytest.raises(UsageError, match=told) as caught:
        Vocabulary.load(paths)
    assert str(path) in str(caught.value)
    assert caught.value.hint
    with pytest.raises(UsageError):
        store.put_word(paths, Word("Kafka"))
    assert path.read_text(encoding="utf-8") == text


def test_a_change_that_would_touch_anything_else_is_not_made(
    paths: Paths, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(paths, WRITTEN)
    monkeypatch.setattr(store, "_edited", lambda old, edit: 'words = ["Kafka"]\n')
    with pytest.raises(UsageError, match="nothing was written"):
        store.put_word(paths, Word("Kafka"))
    assert path.read_text(encoding="utf-8") == WRITTEN


def test_a_running_program_sees_a_change_and_keeps_what_it_knew_when_the_file_breaks(paths: Paths) -> None:
    problems: list[UsageError] = []
    kept = KeptVocabulary(paths, on_problem=problems.append)
    assert kept.now().entries == Entries()
    write(paths, WRITTEN)
    assert kept.now().correct("git lab") == "GitLab"
    assert kept.now() is kept.now()
    write(paths, "words = [")
    assert kept.now().correct("git lab") == "GitLab"
    kept.now()
    assert len(problems) == 1
    store.vocabulary_file(paths).unlink()
    assert kept.now().entries == Entries()


# --- the verbs -----------------------------------------------------------------------------------------


def test_what_the_verbs_write_down_is_listed_and_tried_and_taken_out() -> None:
    assert run("add", "GitLab", "Kafka")[0] == 0
    assert run("add", "Siobhan", "--sounds-like", "shavon", "-s", "she von")[0] == 0
    assert run("replace", "new line and dash", "\\n- ")[0] == 0
    assert run("snippet", "my signature", "-", stdin="Kind regards,\nJoe")[0] == 0
    rows = [json.loads(line) for line in run("list", "--json")[1].splitlines()]
    assert rows == [
        {"kind": "word", "write": "GitLab", "sounds_like": []},
        {"kind": "word", "write": "Kafka", "sounds_like": []},
        {"kind": "word", "write": "Siobhan", "sounds_like": ["shavon", "she von"]},
        {"kind": "replacement", "say": "new line and dash", "write": "\n- "},
        {"kind": "snippet", "say": "my signature", "write": "Kind regards,\nJoe"},
    ]
    assert "my signature → Kind regards,\\nJoe" in run("list")[1]
    tried = json.loads(run("try", "I asked shavon, new line and dash git lab.", "--json")[1])
    assert tried["words"] == "I asked Siobhan\n- GitLab."
    assert [one["why"] for one in tried["made"]] == ["sounds_like", "spelling", "replacement"]
    assert json.loads(run("remove", "kafka", "--json")[1]) == {"removed": "kafka", "kinds": ["word"]}
    assert '"changed": false' in run("add", "GitLab", "--json")[1]


def test_words_are_tried_against_a_text(tmp_path: Path) -> None:
    note = tmp_path / "note.txt"
    note.write_text("The Voxelizer is new.", encoding="utf-8")
    code, out, err = run("try", "the voxeliser", "--file", str(note))
    assert (code, out) == (0, "the Voxelizer\n")
    assert "names for the model: Voxelizer" in err
    assert run("try", "Insert cafka", "--edit")[1] == "Insert cafka\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("remove", "nothing"),
        ("add", "..."),
        ("add", "A", "B", "-s", "x"),
        ("replace", "!", "x"),
        ("snippet", "x", ""),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do_and_nothing_is_written(
    arguments: tuple[str, ...],
) -> None:
    code, _, err = run(*arguments)
    assert code == 2
    assert "next:" in err
    assert not store.vocabulary_file(Paths.from_environment()).exists()


@settings(deadline=None)
@given(st.text(max_size=40))
def test_a_text_on_one_line_is_read_back_as_it_was(text: str) -> None:
    assert unescaped(escaped(text)) == text
    assert "\n" not in escaped(text)


def test_adding_a_word_again_forgets_nothing_of_how_it_sounds() -> None:
    run("add", "Siobhan", "-s", "shavon")
    assert '"changed": false' in run("add", "Siobhan", "--json")[1]
    assert run("add", "Siobhan", "-s", "she von")[0] == 0
    assert json.loads(run("list", "--json")[1])["sounds_like"] == ["shavon", "she von"]


def test_a_word_that_an_editor_wrote_twice_becomes_one(paths: Paths) -> None:
    write(paths, 'words = ["GitLab", "Kafka", "gitlab"]\n')
    store.put_word(paths, Word("GitLab", ("get lab",)))
    assert store.read_vocabulary(paths).words == (Word("GitLab", ("get lab",)), Word("Kafka"))


def test_the_list_shows_what_would_steer_a_terminal(paths: Paths) -> None:
    write(paths, '[snippets]\n"x" = "a\\u001b[31m"\n')
    assert "\x1b" not in run("list")[1]


def test_what_was_made_of_a_snippet_is_called_so() -> None:
    run("snippet", "my signature", "Joe")
    tried = json.loads(run("try", "insert my signature", "--edit", "--json")[1])
    assert [one["why"] for one in tried["made"]] == ["snippet"]


def test_names_of_scripts_that_need_joiners_are_words(paths: Paths) -> None:
    names = ["نیم\u200cرو", "क्\u200dष"]
    for name in names:
        store.put_word(paths, checked_word(name))
    assert [word.write for word in store.read_vocabulary(paths).words] == names
    with pytest.raises(UsageError):
        checked_word("Git\u202eLab")
