"""Lists of words kept as text, readable in one glance."""


def wordlist(text: str, separator: str | None = None) -> frozenset[str]:
    """The words of a text, or the phrases between separators, as a set."""
    return frozenset(part for piece in text.split(separator) if (part := " ".join(piece.split())))
