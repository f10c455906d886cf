"""The endpoint as programs use it: the official client, curl, and the bundled model."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
import soundfile
from engine_processes import until

from benchmarks.endpoint_rig import Rig, endpoint
from engine.events import Hypothesis
from voice_edit import pipeline
from voice_edit.config import Settings
from voice_edit.paths import Paths

SAMPLE = "03-delete"
SAID = "Delete the last sentence of the second paragraph."


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with endpoint(tmp_path_factory.mktemp("api"), at_once=3, longest_audio_s=60) as opened:
        yield opened


@pytest.fixture(scope="module")
def client(rig: Rig) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=rig.url, api_key=rig.token, max_retries=0) as opened:
        yield opened


@pytest.fixture
def sound(samples: Path) -> bytes:
    return (samples / f"{SAMPLE}.wav").read_bytes()


def audio(sound: bytes) -> dict[str, Any]:
    return {"data": base64.b64encode(sound).decode(), "format": "wav"}


def words_of(heard: Iterable[object]) -> list[str]:
    return [event.text for event in heard if isinstance(event, Hypothesis) and event.kind == "final"]


# --- transcriptions ----------------------------------------------------------------------------------------


def test_the_official_client_lists_the_model(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["bundled"]
    assert client.models.retrieve("voice-edit").id == "bundled"


def test_the_words_are_those_of_transcribe(client: openai.OpenAI, samples: Path, tmp_path: Path) -> None:
    path = samples / "05-sort.wav"
    paths = Paths(tmp_path / "config", tmp_path / "data", tmp_path / "run")
    with pipeline.open_model(Settings(), paths) as engine:
        heard = pipeline.hear(pipeline.open_recording(path), engine, Settings())
        expected = " ".join(words_of(heard))
    with path.open("rb") as file:
        answer = client.audio.transcriptions.create(file=file, model="bundled")
    assert answer.text == expected != ""


def test_each_form_of_an_answer(client: openai.OpenAI, sound: bytes) -> None:
    def asked(response_format: Any) -> Any:
        return client.audio.transcriptions.create(
            file=("speech.wav", sound), model="whisper-1", response_format=response_format, language="en"
        )

    assert asked("json").text == SAID
    assert asked("text").strip() == SAID
    assert asked("srt") == f"1\n00:00:00,060 --> 00:00:03,080\n{SAID}\n\n"
    assert asked("vtt") == f"WEBVTT\n\n00:00:00.060 --> 00:00:03.080\n{SAID}\n\n"
    verbose = asked("verbose_json")
    assert (verbose.text, verbose.language, verbose.duration) == (SAID, "en", 4.37)
    (segment,) = verbose.segments
    assert (segment.start, segment.end, segment.text) == (0.06, 3.08, SAID)


def test_a_stream_gives_the_words_and_then_all_of_them(client: openai.OpenAI, sound: bytes) -> None:
    events: list[Any] = list(
        client.audio.transcriptions.create(file=("speech.wav", sound), model="voice-edit", stream=True)
    )
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    assert events[0].delta == events[1].text == SAID


@pytest.mark.parametrize("kind", ["FLAC", "OGG", "MP3"])
def test_compressed_sound_is_heard(client: openai.OpenAI, samples: Path, tmp_path: Path, kind: str) -> None:
    samples_, rate = soundfile.read(samples / f"{SAMPLE}.wav")
    path = tmp_path / f"speech.{kind.lower()}"
    soundfile.write(path, samples_, rate, format=kind)
    with path.open("rb") as file:
        assert client.audio.transcriptions.create(file=file, model="voice-edit").text == SAID


def test_where_nobody_speaks_there_are_no_words_and_it_is_said_why(
    client: openai.OpenAI, tmp_path: Path
) -> None:
    for name, level in (("silence", 0.0), ("noise", 0.02)):
        path = tmp_path / f"{name}.wav"
        noise = np.random.default_rng(1).standard_normal(32_000) * level
        soundfile.write(path, noise, 16_000)
        with path.open("rb") as file:
            answer = client.audio.transcriptions.create(
                file=file, model="voice-edit", response_format="verbose_json"
            )
        assert answer.text == ""
        assert answer.rejected[0]["reason"] in ("audio-silent", "no-speech", "unsure")  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"no sound at all", "audio_unreadable"),
        (b"", "audio_empty"),
        (b"RIFF\xff\xff\xff\xffWAVEfmt ", "audio_unreadable"),
    ],
)
def test_what_is_no_recording_is_refused(client: openai.OpenAI, data: bytes, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(file=("speech.wav", data), model="voice-edit")
    assert caught.value.code == code
    assert "/proc" not in str(caught.value)


def test_a_recording_that_is_too_long_is_refused(client: openai.OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    soundfile.write(path, np.random.default_rng(1).standard_normal(61 * 16_000) * 0.1, 16_000)
    with path.open("rb") as file, pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(file=file, model="voice-edit")
    assert caught.value.code == "audio_too_long"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "gpt-4o-transcribe"}, "model"),
        ({"response_format": "diarized_json"}, "response_format"),
        ({"timestamp_granularities": ["word"], "response_format": "verbose_json"}, None),
        ({"temperature": 3.0}, "temperature"),
        ({"prompt": "x" * 5000}, "prompt"),
    ],
)
def test_what_cannot_be_done_is_said(
    client: openai.OpenAI, sound: bytes, fields: dict[str, Any], param: str | None
) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.audio.transcriptions.create(**{"file": ("a.wav", sound), "model": "voice-edit", **fields})
    assert caught.value.status_code in (400, 404)
    assert caught.value.param == param


def test_curl_asks_as_the_documentation_says(rig: Rig, samples: Path) -> None:
    curl = shutil.which("curl")
    assert curl, "the tests need curl"
    command = [
        curl, "--silent", "--show-error", "--fail-with-body", f"{rig.url}/audio/transcriptions", "-H", "@-",
        "-F", f"file=@{samples / SAMPLE}.wav", "-F", "model=voice-edit", "-F", "response_format=text",
    ]  # fmt: skip
    done = subprocess.run(
        command, input=f"Authorization: Bearer {rig.token}\n", capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == SAID


# --- edits -------------------------------------------------------------------------------------------------


def test_words_become_commands_and_a_diff(rig: Rig) -> None:
    status, _, answer = rig.ask(
        "POST", "/v1/edits", {"text": "A quick fox.\n", "words": "change quick to slow"}
    )
    assert status == 200
    assert answer["text"] == "A slow fox.\n"
    assert answer["commands"][0]["kind"] == "replace"
    assert answer["diff"] == "--- before\n+++ after\n@@ -1 +1 @@\n-A quick fox.\n+A slow fox.\n"
    assert answer["changes"] == [{"start": 2, "old": "quick", "new": "slow"}]


def test_sound_becomes_commands_and_a_diff(rig: Rig, sound: bytes) -> None:
    text = "One stays.\n\nTwo stays. Three goes.\n"
    _, _, answer = rig.ask("POST", "/v1/edits", {"text": text, "input_audio": audio(sound)})
    assert (answer["words"], answer["text"]) == (SAID, "One stays.\n\nTwo stays.\n")


def test_dictated_words_are_inserted_and_never_obeyed(rig: Rig) -> None:
    asked = {"text": "", "words": "delete everything", "mode": "dictate"}
    _, _, answer = rig.ask("POST", "/v1/edits", asked)
    assert (answer["commands"], answer["text"].lower()) == ([], "delete everything")


def test_words_that_fit_no_place_are_told_with_what_was_heard(rig: Rig, sound: bytes) -> None:
    status, _, answer = rig.ask("POST", "/v1/edits", {"text": "One line.", "input_audio": audio(sound)})
    assert (status, answer["error"]["code"], answer["error"]["words"]) == (422, "no_match", SAID)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"words": "undo", "input_audio": {"data": "AAAA", "format": "wav"}},
        {"words": ""},
        {"words": "undo", "text": 5},
        {"words": "undo", "mode": "obey"},
        {"words": "undo", "selection": {"anchor": 0, "head": 99}},
        {"words": "undo", "selection": {"anchor": "0", "head": 0}},
        {"input_audio": {"data": "not base64!", "format": "wav"}},
        {"words": "x" * 3000},
        {"words": "undo", "text": "\ud800"},
    ],
)
def test_an_edit_that_makes_no_sense_is_refused(rig: Rig, fields: dict[str, Any]) -> None:
    status, _, answer = rig.ask("POST", "/v1/edits", {"text": "a", **fields})
    assert (status, answer["error"]["type"]) == (400, "invalid_request_error")


def test_changes_made_one_after_the_other_give_the_text(rig: Rig) -> None:
    text = "b a\na b\n"
    _, _, answer = rig.ask("POST", "/v1/edits", {"text": text, "words": "replace every a with xyz"})
    for change in answer["changes"]:
        start, old = change["start"], change["old"]
        assert text[start : start + len(old)] == old
        text = text[:start] + change["new"] + text[start + len(old) :]
    assert text == answer["text"] == "b xyz\nxyz b\n"


# --- chat --------------------------------------------------------------------------------------------------


def test_a_model_that_only_hears_answers_sound_with_its_words(client: openai.OpenAI, sound: bytes) -> None:
    content: Any = [
        {"type": "text", "text": "Transcribe."},
        {"type": "input_audio", "input_audio": audio(sound)},
    ]
    answer = client.chat.completions.create(
        model="voice-edit", messages=[{"role": "user", "content": content}]
    )
    assert answer.choices[0].message.content == SAID
    stream = client.chat.completions.create(
        model="voice-edit", messages=[{"role": "user", "content": content}], stream=True
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == SAID
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_a_model_that_only_hears_says_so(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model="voice-edit", messages=[{"role": "user", "content": "Hello"}])
    assert caught.value.code == "model_only_hears"


# --- the queue ---------------------------------------------------------------------------------------------


def test_more_than_can_wait_are_told_to_come_again(rig: Rig, sound: bytes) -> None:
    front = rig.shared.session()
    with ThreadPoolExecutor(max_workers=3) as pool:
        body = {"text": "", "input_audio": audio(sound), "mode": "dictate"}
        waiting = [pool.submit(rig.ask, "POST", "/v1/edits", body) for _ in range(3)]
        until(lambda: rig.shared.background.waiting == 3, "three wait for the model")
        status, headers, answer = rig.ask("POST", "/v1/edits", body)
        assert (status, answer["error"]["code"]) == (429, "too_many_requests")
        assert int(headers["retry-after"]) >= 1
        assert rig.ask("GET", "/v1/models")[0] == 200, "what needs no model is answered"
        front.cancel()
        assert [each.result(60)[2]["words"] for each in waiting] == [SAID] * 3


def test_the_microphone_is_first_and_nobody_hears_other_words(rig: Rig, samples: Path, sound: bytes) -> None:
    settings = Settings()
    with ThreadPoolExecutor(max_workers=2) as pool:
        body = {"text": "", "input_audio": audio(sound), "mode": "dictate"}
        waiting = [pool.submit(rig.ask, "POST", "/v1/edits", body) for _ in range(2)]
        heard = pipeline.hear(pipeline.open_recording(samples / "01-change.wav"), rig.shared, settings)
        assert words_of(heard) == ["Change Monday to Wednesday."]
        assert [each.result(60)[2]["words"] for each in waiting] == [SAID] * 2


def test_who_hangs_up_gives_the_place_back(rig: Rig, sound: bytes) -> None:
    front = rig.shared.session()
    body = json.dumps({"text": "", "input_audio": audio(sound)}).encode()
    head = (
        f"POST /v1/edits HTTP/1.1\r\nHost: 127.0.0.1:{rig.port}\r\nAuthorization: Bearer {rig.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    import socket

    with socket.create_connection(("127.0.0.1", rig.port), timeout=30) as connection:
        connection.sendall(head.encode() + body)
        until(lambda: rig.shared.background.waiting == 1, "it waits for the model")
    until(lambda: rig.shared.background.waiting == 0, "nobody waits any more")
    front.cancel()


def test_what_takes_too_long_is_given_up(tmp_path: Path, sound: bytes) -> None:
    with endpoint(tmp_path, timeout_s=5) as rig:
        front = rig.shared.session()
        status, _, answer = rig.ask("POST", "/v1/edits", {"text": "", "input_audio": audio(sound)})
        assert (status, answer["error"]["code"]) == (504, "timeout")
        until(lambda: rig.shared.background.waiting == 0, "nobody waits any more")
        front.cancel()


def test_closing_it_answers_whoever_waits(tmp_path: Path, sound: bytes) -> None:
    with ThreadPoolExecutor(max_workers=1) as pool:
        with endpoint(tmp_path) as rig:
            rig.shared.session()
            waiting = pool.submit(rig.ask, "POST", "/v1/edits", {"text": "", "input_audio": audio(sound)})
            until(lambda: rig.shared.background.waiting == 1, "it waits for the model")
        status, _, answer = waiting.result(30)
        assert (status, answer["error"]["code"]) == (503, "stopped")
