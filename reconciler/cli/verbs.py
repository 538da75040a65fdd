"""Commands whose help ends in examples, and groups that know their commands by more than one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import click

from reconciler.cli import outputs


class Verb(click.Command):
    """A command with examples, which are part of its definition: they work as written, and a test runs them."""

    def __init__(self, *args: Any, examples: Sequence[str], **attributes: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **attributes)
        self.examples = tuple(examples)

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - click's own
        outputs.require_own(ctx)
        return super().invoke(ctx)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are typed; click would fold their lines."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Examples" if len(self.examples) > 1 else "Example"):
            for example in self.examples:
                formatter.write("".join(f"  {line}\n" for line in example.splitlines()))


class VerbGroup(click.Group):
    """A group of verbs. `aliases` maps other names to the names that its help lists."""

    command_class = Verb

    def __init__(self, *args: Any, aliases: Mapping[str, str] | None = None, **attributes: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*args, **attributes)
        self.aliases = dict(aliases or {})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))


VerbGroup.group_class = VerbGroup
