"""The version of this package, as its installation or its source tree says."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version


def package_version() -> str:
    """Return the installed version; `unknown` when the package runs from a source tree that was not installed."""
    try:
        return version("agentserver")
    except PackageNotFoundError:
        return "unknown"
