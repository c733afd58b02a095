"""A group of commands that does one of them when none is named.

`contracts greeter --xsd` is `contracts show greeter --xsd`: what does not begin with a command's name is for the
default one. Options may stand before the command: `contracts --config FILE check` is `contracts check --config FILE`.
"""

from __future__ import annotations

import click


class DefaultCommand(click.Group):
    """A group whose first command is the default one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put a command's name in front, if it is not help that is asked for."""
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            named = [arg for arg in args if arg in self.commands] if args and args[0][:1] == "-" else []
            if named:
                args.remove(named[0])
            args.insert(0, named[0] if named else next(iter(self.commands)))
        return super().parse_args(ctx, args)
