from __future__ import annotations

import base64
import io
import json
import wave
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import GrammarUnreadable, ServerLost
from engine.server_dialects import (
    KINDS,
    Chunk,
    Kind,
    ask_to_hear,
    ask_to_write,
    read_line,
    wav_file,
)
from engine.writer import Message, WriteRequest
from voice_edit.config import ServerSettings

SOUND = wav_file(np.zeros(640, dtype=np.float32))
PNG = b"\x89PNG\r\n\x1a\n" + b"rest"
REQUEST = WriteRequest(
    messages=(Message("system", "Be brief."), Message("user", "Hello.", images=(PNG,))), max_tokens=9
)


def hear(kind: Kind) -> dict[str, Any]:
    return dict(ask_to_hear(kind, "chat", "m", "Write it down.", SOUND, max_tokens=7).body)


def test_every_kind_of_the_settings_has_a_dialect() -> None:
    settings = get_args(ServerSettings.model_fields["kind"].annotation)
    assert set(settings) == {"auto", *KINDS}


@given(st.integers(0, 3000), st.floats(0.0, 1.0))
def test_a_sound_is_the_same_in_its_wav_file(samples: int, amplitude: float) -> None:
    sound = (np.sin(np.arange(samples)) * amplitude).astype(np.float32)
    with wave.open(io.BytesIO(wav_file(sound))) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16_000, 1, 2)
        read = np.frombuffer(file.readframes(samples), dtype="<i2") / 32767.0
    assert len(read) == samples
    assert np.abs(read - sound).max(initial=0.0) <= 0.5 / 32767 + 1e-6


def test_what_is_louder_than_full_scale_clips_and_does_not_wrap() -> None:
    with wave.open(io.BytesIO(wav_file(np.array([2.0, -2.0], dtype=np.float32)))) as file:
        assert np.frombuffer(file.readframes(2), dtype="<i2").tolist() == [32767, -32768]


@pytest.mark.parametrize("kind", ["llama-server", "vllm", "litert-lm", "mlx", "openai"])
def test_sound_stands_behind_the_instruction_as_openai_has_it(kind: Kind) -> None:
    text, sound = hear(kind)["messages"][0]["content"]
    assert text == {"type": "text", "text": "Write it down."}
    assert sound["type"] == "input_audio"
    assert sound["input_audio"]["format"] == "wav"
    assert base64.b64decode(sound["input_audio"]["data"]) == SOUND


def test_sglang_gets_sound_as_a_data_url() -> None:
    sound = hear("sglang")["messages"][0]["content"][1]
    assert sound["type"] == "audio_url"
    head, _, data = sound["audio_url"]["url"].partition(",")
    assert head == "data:audio/wav;base64"
    assert base64.b64decode(data) == SOUND


def test_ollama_gets_sound_among_the_images_with_the_header_by_which_it_is_known() -> None:
    ask = ask_to_hear("ollama", "chat", "m", "Write it down.", SOUND, max_tokens=7)
    assert ask.path == "/api/chat"
    (turn,) = ask.body["messages"]
    assert turn["content"] == "Write it down."
    assert base64.b64decode(turn["images"][0])[:4] == b"RIFF"
    assert ask.body["think"] is False
    assert ask.body["options"] == {"temperature": 0, "num_predict": 7}


def test_a_model_without_instruction_gets_the_sound_alone() -> None:
    body = ask_to_hear("llama-server", "chat", "m", "", SOUND, max_tokens=7).body
    assert [part["type"] for part in body["messages"][0]["content"]] == ["input_audio"]


def test_a_transcription_is_asked_for_with_a_file_and_the_names() -> None:
    ask = ask_to_hear("openai", "transcriptions", "whisper", "x", SOUND, max_tokens=7, names="Ada, GitLab")
    assert ask.path == "/v1/audio/transcriptions"
    assert ask.sound == SOUND
    assert (ask.body["model"], ask.body["prompt"]) == ("whisper", "Ada, GitLab")
    assert not ask.streams


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_asked_greedily_bounded_and_without_thoughts(kind: Kind) -> None:
    body = hear(kind)
    assert body["stream"] is True
    limit = body.get("max_completion_tokens" if kind == "litert-lm" else "max_tokens")
    assert (body.get("temperature"), limit) == (0, 7) or kind == "ollama"
    silent = {
        "ollama": {"think": False},
        "litert-lm": {"reasoning_effort": "none"},
        **{
            name: {"chat_template_kwargs": {"enable_thinking": False}}
            for name in ("llama-server", "vllm", "sglang", "mlx")
        },
    }.get(kind, {})
    assert {name: body.get(name) for name in silent} == silent


@pytest.mark.parametrize("kind", ["lmstudio", "litert-lm", "llama-cpp-python", "openai"])
def test_servers_that_may_be_strict_are_sent_no_field_of_others(kind: Kind) -> None:
    known = {"model", "messages", "temperature", "stream", "stream_options", "reasoning_effort"}
    known.add("max_completion_tokens" if kind == "litert-lm" else "max_tokens")
    assert set(hear(kind)) <= known


@pytest.mark.parametrize("kind", KINDS)
def test_images_stand_in_front_of_their_text(kind: Kind) -> None:
    first, last = ask_to_write(kind, "m", REQUEST).body["messages"]
    assert first == {"role": "system", "content": "Be brief."}
    if kind == "ollama":
        assert last["content"] == "Hello."
        assert base64.b64decode(last["images"][0]) == PNG
    else:
        image, text = last["content"]
        assert image["image_url"]["url"].startswith("data:image/png;base64,")
        assert text == {"type": "text", "text": "Hello."}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_goes_where_each_kind_looks_for_it(kind: Kind) -> None:
    schema = {"type": "object"}
    request = WriteRequest(messages=(Message("user", "Hello."),), json_schema=json.dumps(schema))
    body = ask_to_write(kind, "m", request).body
    if kind == "ollama":
        assert body["format"] == schema
    elif kind == "llama-cpp-python":
        assert body["response_format"] == {"type": "json_object", "schema": schema}
    else:
        assert body["response_format"]["json_schema"]["schema"] == schema


@pytest.mark.parametrize("kind", KINDS)
def test_a_grammar_is_sent_to_those_that_take_one_and_never_left_out(kind: Kind) -> None:
    request = WriteRequest(messages=(Message("user", "Hello."),), grammar='root ::= "yes"')
    if kind in ("llama-server", "llama-cpp-python", "vllm", "sglang"):
        assert 'root ::= "yes"' in json.dumps(ask_to_write(kind, "m", request).body).replace('\\"', '"')
    else:
        with pytest.raises(GrammarUnreadable):
            ask_to_write(kind, "m", request)


# --- answers --------------------------------------------------------------------------------------------


def test_chunks_of_both_forms_say_the_same() -> None:
    event = {
        "choices": [{"delta": {"content": "Hi"}, "logprobs": {"content": [{"token": "Hi", "logprob": -0.5}]}}]
    }
    line = {"message": {"content": "Hi"}, "done": False, "logprobs": [{"token": "Hi", "logprob": -0.5}]}
    expected = Chunk("Hi", (("Hi", -0.5),))
    assert read_line(f"data: {json.dumps(event)}") == expected
    assert read_line(json.dumps(line)) == expected


@pytest.mark.parametrize(
    ("reason", "stop"), [("stop", "eos"), ("length", "max_tokens"), ("content_filter", "cancelled")]
)
def test_only_a_plain_end_is_one(reason: str, stop: str) -> None:
    event = {"choices": [{"delta": {}, "finish_reason": reason}]}
    line = {"message": {"content": ""}, "done": True, "done_reason": reason}
    for text in (json.dumps(event), json.dumps(line)):
        chunk = read_line(text)
        assert chunk is not None
        assert chunk.stop == stop


def test_answers_that_come_at_once_are_read_too() -> None:
    whole = {
        "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3},
    }
    assert read_line(json.dumps(whole, indent=1)) == Chunk("Hi", (), "eos", 3)
    assert read_line('{"text": "Hi"}') == Chunk("Hi", (), "eos", is_last=True)


def test_reasoning_is_no_text() -> None:
    event = {"choices": [{"delta": {"reasoning_content": "Let me think", "content": None}}]}
    assert read_line(f"data: {json.dumps(event)}") == Chunk()


@pytest.mark.parametrize("line", ["", "  ", ": ping", "event: message", "id: 7", "retry: 10"])
def test_lines_without_data_say_nothing(line: str) -> None:
    assert read_line(line) is None


def test_an_error_in_the_middle_of_an_answer_is_one() -> None:
    with pytest.raises(ServerLost):
        read_line('data: {"error": {"message": "out of memory"}}')


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["choices", "delta", "content", "message", "logprobs", "usage", "done", "text",
                         "token", "logprob", "finish_reason", "prompt_tokens", "error", "done_reason"]),
        inner, max_size=4,
    ),
)  # fmt: skip


@given(JSON | st.text())
def test_whatever_a_server_says_is_read_or_refused(said: Any) -> None:
    try:
        chunk = read_line(said if isinstance(said, str) else json.dumps(said))
    except ServerLost:
        return
    assert chunk is None or all(score <= 0.0 or score != score for _, score in chunk.pieces)


@given(st.integers(1, 100_000))
def test_deep_nesting_is_refused_and_no_fault(depth: int) -> None:
    with pytest.raises(ServerLost):
        read_line("[" * depth)
