"""Texts that others may write into names, and what must not come out of them."""

TEXTS = {
    "colour": "\x1b[31mred\x1b[0m",
    "clear screen": "\x1b[2J\x1b[H",
    "title": "\x1b]0;title\x07",
    "forged line": "a\nerror: forged",
    "forged return": "a\r0 failed",
    "backspace": "ab\x08\x08cd",
    "C1 escape": "\x9b31m",
    "right to left": "gpj.\u202eexe",
    "invisible": "a\u200b\ufeffb",
    "line separator": "a\u2028b\u0085c",
    "long": "x" * 5000,
    "markup": "[bold red]a[/] [/x] :smile:",
}


def is_clean(text):
    """Whether a terminal would show a text as it is, line by line."""
    return all(line.isprintable() for line in text.split("\n"))
