"""Filters as ProcessMaker writes them, and as LDAP has them."""


def bracketed(text: str) -> str:
    """A filter in brackets, which the product takes for granted."""
    return f"({text})" if text and not text.startswith("(") else text


def any_of(classes: str) -> str:
    """`(objectclass=a)(objectclass=b)` is how the product writes that one of them is enough.

    A single filter stays as it is, and so does what has no balanced brackets: it is checked later.
    """
    text = bracketed(classes)
    parts, remainder = _parts(text)
    is_single = len(parts) < 2
    is_unbalanced = bool(remainder)
    return text if is_single or is_unbalanced else f"(|{''.join(parts)})"


def _parts(text: str) -> tuple[list[str], str]:
    """The filters that stand side by side, each with its brackets, and what follows the last."""
    parts: list[str] = []
    depth, start = 0, 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and char == ")":
            parts.append(text[start : place + 1].strip())
            start = place + 1
    return parts, text[start:].strip()
