"""Diffs for people: the changed lines, one line around them, the changed words marked."""

from voice_edit.cli.diffs import DiffLine, diff_lines, diff_rich, diff_text


def test_equal_texts_have_no_diff() -> None:
    assert diff_lines("same\n", "same\n") == []


def test_a_changed_word_is_marked_on_both_sides() -> None:
    assert diff_lines("The quick brown fox", "The quick red fox") == [
        DiffLine("-", "The quick brown fox", ((10, 15),)),
        DiffLine("+", "The quick red fox", ((10, 13),)),
    ]


def test_only_one_line_of_context_is_shown_and_gaps_are_marked() -> None:
    before = "".join(f"line {n}\n" for n in range(9))
    after = before.replace("line 1", "first").replace("line 7", "last")
    assert diff_text(before, after).splitlines() == [
        "  line 0", "- line 1", "+ first", "  line 2", "~ ...", "  line 6", "- line 7", "+ last", "  line 8",
    ]  # fmt: skip


def test_a_line_separator_inside_a_line_is_no_line_break() -> None:
    assert diff_text("a\x0cb\u2028c", "a\x0cb\u2028d").splitlines(keepends=False)[0].startswith("- a")
    assert len(diff_lines("a\x0cb\u2028c", "a\x0cb\u2028d")) == 2


def test_the_coloured_form_says_the_same() -> None:
    before, after = "One.\r\nTwo.\r\n", "One.\r\nThree two.\r\n"
    assert diff_rich(before, after).plain == diff_text(before, after)
