"""What becomes of a borrowed clipboard: decisions only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from voice_edit.desktop._x11_reading import other_formats
from voice_edit.desktop._x11_texts import SECRET_HINT, compound_text, is_plain_text, same_text, text_contents
from voice_edit.desktop.clipboard_state import (
    LATE_AWAKE_MS,
    LATE_MS,
    LATE_SERIES_MS,
    LATE_UNKNOWN_MS,
    QUIET_MS,
    Claim,
    Content,
    Hold,
    Late,
)

OLD = {"UTF8_STRING": Content("UTF8_STRING", 8, b"old")}
NEW = {"UTF8_STRING": Content("UTF8_STRING", 8, b"new")}
APP, OTHER, MANAGER = 0x200000, 0x400000, 0x600000


# --- whose it is, and what it shows -------------------------------------------------------------------------


def test_what_it_held_is_shown_again_after_the_words() -> None:
    hold = Hold().lend(OLD)
    assert hold.shown_to(APP, NEW, None) == NEW
    assert hold.give_back().shown_to(APP, {}, None) == OLD


def test_the_second_of_two_pastes_keeps_the_first_original() -> None:
    hold = Hold().lend(OLD).lend(None)
    assert hold.give_back().original == OLD
    assert Hold().lend(OLD).give_back().lend(None).give_back().original == OLD


def test_an_empty_clipboard_is_empty_again() -> None:
    assert Hold().lend({}).give_back() == Hold()


def test_whoever_copies_meanwhile_wins() -> None:
    assert Hold().lend(OLD).lost().give_back() == Hold()


def test_taking_what_was_never_read_is_a_mistake_of_ours() -> None:
    with pytest.raises(AssertionError):
        Hold().lend(None)


def test_a_known_clipboard_manager_sees_the_old_content_while_the_words_are_on_offer() -> None:
    claim = Claim(APP, frozenset({MANAGER}))
    hold = Hold().lend(OLD)
    assert hold.shown_to(MANAGER, NEW, claim) == OLD
    assert hold.shown_to(OTHER, NEW, claim) == NEW


def test_words_that_are_left_for_the_user_replace_what_it_held() -> None:
    assert Hold().lend(OLD).show(NEW).give_back().original == NEW


# --- the claim ----------------------------------------------------------------------------------------------


def test_only_the_program_that_is_pasted_into_can_claim_the_words() -> None:
    claim = Claim(APP).press().asked(OTHER, 10.0, whole=True)
    assert not claim.taken
    assert claim.asked(APP, 20.0, whole=True).taken


def test_nobody_claims_before_the_key_goes_down() -> None:
    assert not Claim(APP).asked(APP, 10.0, whole=True).taken


def test_where_the_program_is_unknown_anybody_but_a_manager_claims() -> None:
    claim = Claim(None, frozenset({MANAGER})).press()
    assert not claim.asked(MANAGER, 10.0, whole=True).taken
    assert claim.asked(OTHER, 10.0, whole=True).taken


def test_a_transfer_in_pieces_counts_when_its_last_piece_was_fetched() -> None:
    claim = Claim(APP).press().asked(APP, 10.0, whole=False)
    assert not claim.taken
    assert not claim.finished(APP, 20.0, complete=False).taken
    assert claim.finished(APP, 20.0, complete=True).taken


def test_a_second_transfer_that_runs_still_keeps_the_claim_open() -> None:
    claim = Claim(APP).press().asked(APP, 10.0, whole=True).asked(APP, 11.0, whole=False)
    assert not claim.taken
    assert claim.quiet_for_ms(1e9) > 0


def test_the_clipboard_is_given_back_when_its_program_has_been_quiet_for_a_while() -> None:
    claim = Claim(APP).press().asked(APP, 10.0, whole=True)
    assert claim.quiet_for_ms(10.0) == QUIET_MS
    assert claim.asked(APP, 60.0, whole=True).quiet_for_ms(60.0) == QUIET_MS
    assert claim.quiet_for_ms(10.0 + QUIET_MS) == 0


def test_a_paste_that_nobody_claimed_is_given_back_at_once() -> None:
    assert Claim(APP).press().quiet_for_ms(0.0) == 0


# --- programs that wake up later ----------------------------------------------------------------------------


def test_a_frozen_program_gets_nothing_when_it_wakes_up() -> None:
    late = Late(APP, 0.0, answers=True)
    assert late.refuses(APP, LATE_MS - 1)
    assert not late.refuses(APP, LATE_MS)
    assert not late.refuses(OTHER, 1.0)


def test_all_requests_of_the_late_paste_are_refused_and_no_later_one() -> None:
    late = Late(APP, 0.0, answers=True).refused(5000.0)
    assert late.refused(5100.0).refuses(APP, 5000.0 + LATE_SERIES_MS - 1)
    assert not late.refuses(APP, 5000.0 + LATE_SERIES_MS)


def test_once_it_has_read_the_key_its_own_pastes_are_soon_served_again() -> None:
    late = Late(APP, 0.0, answers=True).woke(1000.0)
    assert late.refuses(APP, 1000.0 + LATE_AWAKE_MS - 1)
    assert not late.refuses(APP, 1000.0 + LATE_AWAKE_MS)


def test_a_program_that_cannot_be_asked_is_waited_for_less_long() -> None:
    late = Late(APP, 0.0, answers=False)
    assert late.refuses(APP, LATE_UNKNOWN_MS - 1)
    assert not late.refuses(APP, LATE_UNKNOWN_MS)


def test_only_a_program_that_could_answer_and_did_not_is_asleep() -> None:
    late = Late(APP, 0.0, answers=True)
    assert late.asleep(1.0)
    assert not late.woke(1.0).asleep(2.0)
    assert not late.refused(1.0).asleep(2.0)
    assert not replace(late, answers=False).asleep(1.0)


# --- texts --------------------------------------------------------------------------------------------------


def test_a_text_is_offered_as_string_only_where_latin_1_can_say_it() -> None:
    assert text_contents("Grüße", secret=False)["STRING"].data == "Grüße".encode("latin-1")
    assert "STRING" not in text_contents("Grüße 😀", secret=False)


def test_words_carry_the_hint_for_managers_and_what_is_left_for_the_user_does_not() -> None:
    assert text_contents("x", secret=True)[SECRET_HINT].data == b"secret"
    assert SECRET_HINT not in text_contents("x", secret=False)


def test_compound_text_is_latin_1_or_a_stretch_of_utf_8() -> None:
    assert compound_text("é\n") == b"\xe9\n"
    assert compound_text("é 😀") == b"\x1b%G" + "é 😀".encode() + b"\x1b%@"


def test_two_contents_are_the_same_text_only_if_both_have_one() -> None:
    assert same_text(NEW, dict(NEW))
    assert not same_text(NEW, OLD)
    assert not same_text({}, {})


def test_a_list_of_files_or_html_is_no_plain_text() -> None:
    assert is_plain_text(text_contents("x", secret=False))
    assert not is_plain_text({**NEW, "text/uri-list": OLD["UTF8_STRING"]})
    assert not is_plain_text({**NEW, "text/html": OLD["UTF8_STRING"]})


def test_one_format_of_an_image_is_read_in_any_case() -> None:
    assert other_formats(["text/html", "image/bmp", "image/png", "PIXMAP"]) == {"image/bmp", "PIXMAP"}
    assert other_formats(["image/bmp", "image/tiff"]) == {"image/tiff"}
    assert other_formats(["UTF8_STRING", "text/uri-list"]) == frozenset()
