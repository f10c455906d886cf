"""What memory this process may use, and what llama.cpp says it can compute on."""

from __future__ import annotations

from pathlib import Path

from engine.machine import Device, Machine, machine, memory

MEMINFO = "MemTotal:       16000000 kB\nMemFree:  1000 kB\nMemAvailable:   12000000 kB\n"


def linux(tmp_path: Path, group: str, files: dict[str, str]) -> tuple[Path, Path, Path]:
    """A /proc/meminfo, a /proc/self/cgroup and a /sys/fs/cgroup."""
    meminfo, own, groups = tmp_path / "meminfo", tmp_path / "own", tmp_path / "groups"
    meminfo.write_text(MEMINFO)
    own.write_text(f"0::{group}\n")
    for name, text in files.items():
        path = groups / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    groups.mkdir(exist_ok=True)
    return meminfo, own, groups


def test_the_memory_of_a_machine_without_limits_is_all_it_has(tmp_path: Path) -> None:
    assert memory(*linux(tmp_path, "/", {})) == (16_000_000 * 1024, 12_000_000 * 1024)


def test_a_services_limit_counts_and_files_it_has_cached_do_not(tmp_path: Path) -> None:
    where = linux(tmp_path, "/user/app.service", {
        "user/app.service/memory.max": "4000000000\n",
        "user/app.service/memory.current": "3000000000\n",
        "user/app.service/memory.stat": "anon 500\ninactive_file 1500000000\nactive_file 500000000\n",
    })  # fmt: skip
    assert memory(*where) == (4_000_000_000, 3_000_000_000)


def test_the_tightest_limit_of_all_groups_around_counts(tmp_path: Path) -> None:
    stat = "inactive_file 0\nactive_file 0\n"
    where = linux(tmp_path, "/a/b", {
        "a/b/memory.max": "max\n", "a/b/memory.current": "5\n", "a/b/memory.stat": stat,
        "a/memory.max": "2000000000\n", "a/memory.current": "500000000\n", "a/memory.stat": stat,
    })  # fmt: skip
    assert memory(*where) == (2_000_000_000, 1_500_000_000)


def test_a_system_that_tells_less_is_taken_as_it_is(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    total, available = memory(nothing, nothing, nothing)
    assert total > 100_000_000
    assert available is None


def test_llama_cpp_tells_what_it_was_built_for_and_the_processor_is_always_there() -> None:
    here = machine()
    assert "CPU" in here.backends
    processor = [device for device in here.devices if device.kind == "cpu"]
    assert len(processor) == 1
    assert processor[0].description
    assert not processor[0].is_graphics
    assert here.ram_bytes > 100_000_000


def test_a_graphics_card_is_chosen_before_an_integrated_one() -> None:
    def device(name: str, kind: str) -> Device:
        return Device(name, "", "Vulkan", kind, 1, 1)  # type: ignore[arg-type]

    both = (device("Vulkan0", "igpu"), device("Vulkan1", "gpu"), device("CPU", "cpu"))
    assert [card.name for card in Machine(1, 1, both, ()).graphics] == ["Vulkan1"]
    assert [card.name for card in Machine(1, 1, both[:1], ()).graphics] == ["Vulkan0"]
