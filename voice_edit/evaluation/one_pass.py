"""Editing in one pass: the model is shown the text, hears the command, and answers with edit commands.

The program itself does it in two (words first, then what they ask for), because text in front of sound is
said to deafen the model, and because most commands need no model. This is here to be measured against.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from voice_edit.evaluation.prompts import PromptSwitch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from engine.opening import LocalEngine
    from voice_edit.commands import AnyCommand
    from voice_edit.evaluation.carrying import Carrier

EXAMPLES = (
    "delete the word brown",
    "change Monday to Tuesday",
    "delete the last sentence",
    "insert very before good",
    "make the first line a heading",
    "move the second paragraph to the end",
    "capitalise the first word",
    "undo that",
)
"""Their answers are those of our own grammar, so that they never say what is not meant."""

INSTRUCTION = """\
You edit a text by spoken commands. Listen to the command and answer with a JSON list of edit commands for
this text, and nothing else.

The text:
<text>
{text}
</text>

Examples of what is said, and of the answer:
{examples}"""

TOKENS_PER_WORD = 40.0
"""JSON is longer than what was said; an answer is not cut before that."""

UNREADABLE, NO_COMMANDS = "answer_unreadable", "no_commands"


class OnePass:
    """Asks an engine for commands."""

    def __init__(self, engine: LocalEngine) -> None:
        """Raises UsageError where the model follows no instructions."""
        self._engine = engine
        self._switch = PromptSwitch(engine)
        self._usual = engine.profile
        self._examples = examples()
        self._switch.ask(instruction("", self._examples))

    def show(self, text: str | None) -> None:
        """The next utterance is about `text`; None: it is dictated, and asked for as usual."""
        if text is None:
            self._switch.as_usual()
            self._engine.profile = self._usual
        else:
            self._switch.ask(instruction(text, self._examples))
            self._engine.profile = replace(self._usual, tokens_per_word=TOKENS_PER_WORD)

    def carry_out(self, answer: str, carrier: Carrier) -> None:
        """Do what the model answered; what is no list of commands is refused."""
        commands = read_answer(answer)
        if isinstance(commands, str):
            carrier.error = commands
        else:
            carrier.perform(commands)


def instruction(text: str, shown: str) -> str:
    """What the model is told in front of the sound."""
    return INSTRUCTION.format(text=text, examples=shown)


def examples() -> str:
    """What is said, and the commands that it means, line by line."""
    from voice_edit.commands import to_json
    from voice_edit.spoken.grammar import parse

    lines = []
    for said in EXAMPLES:
        commands = parse(said)
        assert isinstance(commands, list), f"an example that our own grammar does not understand: {said}"
        lines.append(f"{said} -> {to_json(commands)}")
    return "\n".join(lines)


def read_answer(answer: str) -> Sequence[AnyCommand] | str:
    """The commands of an answer, or a code for what is wrong with it. A code fence around it is taken off."""
    from pydantic import ValidationError

    from voice_edit.commands import from_json

    text = answer.strip()
    if fenced := re.fullmatch(r"```\w*\s*(.*?)\s*```", text, re.DOTALL):
        text = fenced[1]
    try:
        return from_json(text) or NO_COMMANDS
    except (ValidationError, ValueError):
        return UNREADABLE
