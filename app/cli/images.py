"""The verbs of `ratchet sandbox`, which look after its Docker image."""

from typing import Annotated

import typer

images = typer.Typer(help="Manage the sandbox image.", no_args_is_help=True)


@images.command()
def build(
    base: Annotated[
        str,
        typer.Option(envvar="RATCHET_BASE", help="Base image for the Dockerfile to put torch on."),
    ] = "",
) -> None:
    """Build the sandbox image from the Python and torch that run here. Needs no network."""
    from ...sandbox.docker import build_image

    typer.echo(build_image(typer.echo, base))


@images.command()
def prune() -> None:
    """Remove outdated sandbox images, and what killed runs left behind."""
    from ...sandbox.docker import prune as remove

    typer.echo("\n".join(remove()) or "nothing to remove")
