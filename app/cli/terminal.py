"""The terminal: whatever is drawn reaches it as text, wherever it came from."""

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.segment import Segment
from rich.text import Text

from ...sandbox.text import visible


def console() -> Console:
    """Standard output, as wide as the terminal; a pipe or a file is not cut short.

    Strings are no markup, and characters that are not text are dropped.
    """
    plain = Console(highlight=False, markup=False)
    if not plain.is_terminal:
        plain = Console(highlight=False, markup=False, width=200)
    return guarded(plain)


def guarded(screen: Console) -> Console:
    """The same console, on which characters that are not text are dropped."""
    screen.push_render_hook(_Guard())
    return screen


def speaker(screen: Console) -> Callable[[str], None]:
    """Print messages there; one that begins with two exclamation marks stands out."""

    def say(message: str) -> None:
        screen.print(Text(message, style="bold red" if message.startswith("!!") else ""))

    return say


def warn(message: str) -> None:
    """Print a warning on standard error."""
    Console(stderr=True, soft_wrap=True).print(Text.assemble(("warning:", "yellow"), " ", message))


@dataclass(frozen=True)
class Harmless:
    """Something drawn, less the control and bidi characters in its text."""

    inner: ConsoleRenderable

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The same segments; those that rich itself makes to move the cursor stay."""
        yield from (_harmless(segment) for segment in console.render(self.inner, options))


class _Guard(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [Harmless(renderable) for renderable in renderables]


def _harmless(segment: Segment) -> Segment:
    if segment.control:
        return segment
    return Segment(visible(segment.text), segment.style)
