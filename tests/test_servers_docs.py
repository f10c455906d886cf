"""What docs/servers.md and its compose file promise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from engine.server_dialects import KINDS
from voice_edit.config import Settings

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "servers.md").read_text(encoding="utf-8")


@pytest.fixture
def services() -> dict[str, Any]:
    compose = yaml.safe_load((DOCS / "compose" / "vllm" / "compose.yaml").read_text(encoding="utf-8"))
    found: dict[str, Any] = compose["services"]
    return found


def test_vllm_is_reached_from_its_own_machine_alone_and_not_without_a_key(services: dict[str, Any]) -> None:
    assert all(port.startswith("127.0.0.1:") for port in services["vllm"]["ports"])
    assert services["vllm"]["environment"]["VLLM_API_KEY"].startswith("${VLLM_API_KEY:?")
    assert services["tls"]["profiles"] == ["tls"], "nobody opens the box to the network by accident"


def test_the_compose_file_starts_a_model_that_hears(services: dict[str, Any]) -> None:
    options = dict(option.removeprefix("--").split("=", 1) for option in services["vllm"]["command"])
    assert '"audio":1' in options["limit-mm-per-prompt"]
    assert "gemma-4-12b" in options["served-model-name"]
    dockerfile = (DOCS / "compose" / "vllm" / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"FROM vllm/vllm-openai:v(\S+)\n.*vllm\[audio\]==\1\W", dockerfile, re.DOTALL)


def test_the_page_has_every_kind_and_no_setting_that_there_is_not() -> None:
    for kind in KINDS:
        assert f"| `{kind}`" in PAGE
    for section, name in re.findall(r"`(engine|server|rewrite)\.(\w+)", PAGE):
        assert name in type(Settings.model_fields[section].default).model_fields, f"{section}.{name}"
