"""Web servers whose page and port stand in their arguments: `http-echo -text=apple`, `python -m http.server 8000`."""

from __future__ import annotations

from collections.abc import Sequence

from kubesim.kubelet.runtime.pages import Page, agnhost, combined, quiet, text_page, whoami

LISTING = (
    '<!DOCTYPE HTML>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Directory listing for {path}</title>\n'
    "</head>\n<body>\n<h1>Directory listing for {path}</h1>\n<hr>\n<ul>\n</ul>\n<hr>\n</body>\n</html>\n"
)


def page_in_arguments(image: str, words: Sequence[str]) -> tuple[Page, int] | None:
    """The page and the port that the words of process 1 ask for; None if they do not speak of any."""
    options = options_of(words)
    if image == "http-echo" and ("text" in options or "listen" in options):
        text = options.get("text", "hello-world")
        return Page(text_page(f"{text}\n"), combined), port_of(options.get("listen", ""), 5678)
    if image == "agnhost" and "netexec" in words:
        return Page(agnhost, quiet), port_of(options.get("http-port", ""), 8080)
    if image == "agnhost" and "serve-hostname" in words:
        return Page(text_page("{hostname}"), quiet), port_of(options.get("port", ""), 9376)
    if image == "whoami" and "port" in options:
        return Page(whoami, quiet), port_of(options["port"], 80)
    if "http.server" in words:
        rest = [word for word in words[list(words).index("http.server") + 1 :] if word.isdigit()]
        return Page(text_page(LISTING, "text/html; charset=utf-8"), combined), port_of(rest[0] if rest else "", 8000)
    if words and words[0].rpartition("/")[2] == "httpd" and image in ("busybox", "alpine"):
        return Page(text_page("<h1>404 Not Found</h1>\n", "text/html", 404), quiet), port_of(options.get("p", ""), 80)
    return None


def options_of(words: Sequence[str]) -> dict[str, str]:
    """`-text=a`, `--port 80`, `-p 80` by name."""
    found: dict[str, str] = {}
    for place, word in enumerate(words):
        if word.startswith("-") and len(word) > 1:
            name, equals, value = word.lstrip("-").partition("=")
            following = words[place + 1] if place + 1 < len(words) else ""
            found[name] = value if equals else ("" if following.startswith("-") else following)
    return found


def port_of(text: str, otherwise: int) -> int:
    """`:5678`, `0.0.0.0:5678` or `5678`."""
    number = text.rpartition(":")[2]
    return int(number) if number.isdigit() else otherwise
