"""The picture of a report, as PNG. Needs matplotlib, which is not installed with voice-edit."""

from __future__ import annotations

from pathlib import Path

from voice_edit.bench import summary
from voice_edit.bench.report import Report
from voice_edit.bench.ways import WAYS
from voice_edit.errors import UsageError

COLOURS = ("#9aa0a6", "#c0392b", "#e08e0b", "#2e86c1", "#1e8449", "#7d3c98")
"""One for each of `ways.WAYS`, distinct in print and for most who cannot tell red from green."""


def draw(report: Report, path: Path) -> None:
    """Draw the endpoint-to-words times and the voice-to-edit times over the length of speech.

    Raises UsageError where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            "The picture needs matplotlib.", hint="Install it: pip install 'voice-edit[bench]'"
        ) from error
    table = summary.rows(report.result.trials)
    figure = Figure(figsize=(11, 4.6), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    words, edits = figure.subplots(1, 2)
    panels = (
        (words, "endpoint_to_final_words_ms", "from the endpoint to the final words"),
        (edits, "voice_to_edit_ms", "from the last sample of speech to the edited file"),
    )
    for axes, measure, title in panels:
        for way, colour in zip(WAYS.values(), COLOURS, strict=True):
            found = [(row.seconds, row.measures[measure]) for row in table if row.way == way.key]
            points = [(x, spread) for x, spread in found if spread is not None]
            if not points:
                continue
            at = [x for x, _ in points]
            medians = [spread.median for _, spread in points]
            above = [max(0.0, spread.p95 - spread.median) for _, spread in points]
            axes.errorbar(
                at, medians, yerr=[[0.0] * len(at), above], label=way.title, color=colour, marker="o",
                markersize=4, capsize=3, linewidth=1.6,
            )  # fmt: skip
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("length of speech, s")
        axes.set_ylabel("ms (median, whisker to p95)")
        axes.grid(visible=True, which="major", alpha=0.3)
    words.set_yscale("log")
    edits.set_ylim(bottom=0)
    if words.get_legend_handles_labels()[0]:
        words.legend(fontsize=8, frameon=False)
    figure.suptitle(_caption(report), fontsize=8, color="#555555")
    figure.savefig(path, format="png")


def _caption(report: Report) -> str:
    machine = report.machine
    about = f"{report.model}, {machine.processor}, {machine.cores} cores"
    about += f", {machine.gpu}" if machine.gpu else ""
    about += f", commit {machine.commit}" if machine.commit else ""
    return about + (" (random weights: words mean nothing)" if report.plan.forced else "")
