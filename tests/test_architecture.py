"""The floors of the house: imports go down only, and each library stays where it belongs."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "agentserver"

FLOORS = {
    "errors": 0,
    "name_dictionary": 0,
    "xmlable": 1,
    "wire": 1,
    "core": 2,
    "config": 3,
    "meta": 3,
    "queues": 4,
    "message_bus": 5,
    "gateways": 6,
    "testing": 6,
    "cli": 7,
    "__main__": 8,
}
WHERE = {
    "aiostream": ("message_bus/pipeline.py",),
    "lxml": ("name_dictionary.py", "xmlable/", "wire/", "message_bus/steps/", "cli/measure/"),
    "yaml": ("config/",),
    "pydantic": ("config/",),
    "humps": ("xmlable/",),
    "xsdata": ("xmlable/foreign/",),
    "click": ("cli/",),
    "termcolor": ("cli/",),
}
UPSTAIRS = (
    *("pump", "pipeline", "dispatch", "replies", "addressing", "gate", "intake"),
    *(
        "bootstrap",
        "conversations",
        "outlets",
        "closing",
        "admission",
        "registration",
        "custom_step",
        "refusals",
    ),
)
MODULES = sorted(path for path in PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def floor_of(module: str) -> str:
    return module.split(".")[1] if module.count(".") else "__init__"


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            yield node.module or ""


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_go_down_only(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own == "__init__":
        return  # the front door: re-exports what authors of handlers need
    for module in imports(path):
        if module.split(".")[0] == "agentserver":
            other = floor_of(module)
            if other in (own, "__init__"):
                assert other == own or own == "cli", f"{name_of(path)} imports the front door"
                continue
            assert FLOORS[other] < FLOORS[own], f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_libraries_stay_where_they_belong(path: Path) -> None:
    for module in imports(path):
        places = WHERE.get(module.split(".")[0])
        assert places is None or name_of(path).startswith(places), f"{name_of(path)} imports {module}"


@pytest.mark.parametrize("path", [path for path in MODULES if "steps" in path.parts], ids=name_of)
def test_no_step_imports_another_nor_the_queue_the_pump_or_the_config(path: Path) -> None:
    if path.name == "__init__.py":
        return
    forbidden = (
        "message_bus.steps",
        "queues",
        "config",
        "message_bus.pump",
        "message_bus.pipeline",
        "message_bus.dispatch",
    )
    for module in imports(path):
        assert not module.startswith(tuple(f"agentserver.{name}" for name in forbidden)), module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_prints_outside_the_cli(path: Path) -> None:
    calls = [
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not calls or name_of(path).startswith("cli/")


MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
COLLECTIONS = {"list", "dict", "set", "deque", "defaultdict", "Counter", "OrderedDict", "bytearray"}


def is_mutable(value: ast.expr | None) -> bool:
    called = value.func if isinstance(value, ast.Call) else None
    return isinstance(value, MUTABLE) or (isinstance(called, ast.Name) and called.id in COLLECTIONS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_no_module_level_mutable_state(path: Path) -> None:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(node, ast.Assign | ast.AnnAssign):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        if names and names != ["__all__"] and is_mutable(node.value):
            pytest.fail(f"{name_of(path)}:{node.lineno}: {names} can be changed by anybody")


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_opens_with_its_contract(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{name_of(path)} has no docstring"


PACKAGES = sorted({path.parent for path in MODULES if path.name == "__init__.py"})


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_all_is_sorted_and_true(folder: Path) -> None:
    module = importlib.import_module(".".join(("agentserver", *folder.relative_to(PACKAGE).parts)))
    names: list[str] = getattr(module, "__all__", [])
    assert sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name)) == names
    assert [name for name in names if not hasattr(module, name)] == []


def test_handlers_import_agentserver_alone() -> None:
    import sys

    allowed = {"agentserver", "handlers", *sys.stdlib_module_names}
    for path in (PACKAGE.parent / "handlers").glob("*.py"):
        assert {module.split(".")[0] for module in imports(path)} <= allowed, path.name
        assert not any(module.startswith("agentserver.") for module in imports(path)), path.name


PUBLIC = {
    "agentserver": ["xmlify", "HandlerMetadata", "HandlerResponse", "StreamPump", "bootstrap"],
    "agentserver.message_bus": ["StreamPump", "bootstrap", "MessageState", "ConfigLoader", "Listener"],
    "agentserver.message_bus.stream_pump": [
        "StreamPump", "ConfigLoader", "ListenerConfig", "OrganismConfig", "Listener", "bootstrap", "extract_payloads",
    ],
    "agentserver.message_bus.message_state": ["MessageState", "HandlerMetadata", "HandlerResponse"],
    "agentserver.message_bus.steps.repair": ["repair_step"],
    "agentserver.message_bus.steps.c14n": ["c14n_step"],
    "agentserver.message_bus.steps.envelope_validation": ["envelope_validation_step"],
    "agentserver.message_bus.steps.payload_extraction": ["payload_extraction_step"],
    "agentserver.message_bus.steps.thread_assignment": ["thread_assignment_step"],
    "agentserver.message_bus.steps.xsd_validation": ["xsd_validation_step"],
    "agentserver.message_bus.steps.deserialization": ["deserialization_step"],
    "agentserver.message_bus.steps.routing_resolution": ["make_routing_step"],
    "agentserver.xmlable": ["xmlify", "parse_element"],
}  # fmt: skip


@pytest.mark.parametrize("module", PUBLIC)
def test_the_public_names_stay_importable(module: str) -> None:
    imported = importlib.import_module(module)
    assert [name for name in PUBLIC[module] if not hasattr(imported, name)] == []
