"""Each way in which an import can fail has its own message; a good one needs the project's root alone."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agentserver.config import OrganismConfig

Load = Callable[..., OrganismConfig]
FaultsOf = Callable[..., list[tuple[int, int, str]]]


def listener(payload_class: str = "shop.tools.Order", handler: str = "shop.tools.take") -> str:
    return f"""\
organism: {{name: shop}}
listeners:
  - name: a
    payload_class: {payload_class}
    handler: {handler}
"""


def own_step(step: str) -> str:
    return f"{listener()}pipeline:\n  - {{before: c14n, step: {step}}}\n"


@pytest.mark.parametrize(
    "name", ["Order", "shop..Order", ".Order", "shop.tools.", "shop.tools:Order", "shop.9", "a b.c"]
)
def test_bad_format(name: str, faults_of: FaultsOf) -> None:
    expected = f"'{name}' is no 'module.attribute', as 'handlers.hello.Greeting' is"
    assert [(4, 20, expected)] == faults_of(listener(payload_class=name))


def test_no_such_top_module(faults_of: FaultsOf, project: Path) -> None:
    expected = f"no module 'shopp' in {project} or installed; did you mean 'shop'?"
    assert [(4, 20, expected)] == faults_of(listener(payload_class="shopp.tools.Order"))


def test_no_such_module_in_a_package(faults_of: FaultsOf, project: Path) -> None:
    expected = f"package 'shop' ({project}/shop) has no module 'tool'; did you mean 'tools'?"
    assert [(4, 20, expected)] == faults_of(listener(payload_class="shop.tool.Order"))


def test_no_such_package_in_a_package(faults_of: FaultsOf, project: Path) -> None:
    expected = f"package 'shop' ({project}/shop) has no module 'zzz'"
    assert [(4, 20, expected)] == faults_of(listener(payload_class="shop.zzz.deep.Order"))


def test_module_where_a_package_is_needed(faults_of: FaultsOf) -> None:
    expected = "no module 'shop.tools.Order': 'shop.tools' is a module, not a package"
    assert [(4, 20, expected)] == faults_of(listener(payload_class="shop.tools.Order.Inner"))


def test_no_such_attribute(faults_of: FaultsOf, project: Path) -> None:
    expected = f"module 'shop.tools' ({project}/shop/tools.py) has no 'tak'; did you mean 'take'?"
    assert [(5, 14, expected)] == faults_of(listener(handler="shop.tools.tak"))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\nraise ValueError('no luck')\n", "ValueError: no luck ({file}:2)"),
        ("raise SystemExit(3)\n", "SystemExit: 3 ({file}:1)"),
        ("class Odd(BaseException): ...\nraise Odd\n", "Odd ({file}:2)"),
        ("x = (\n", "SyntaxError: '(' was never closed (bad.py, line 1) ({file}:1)"),
        ("import nowhere_at_all\n", "ModuleNotFoundError: No module named 'nowhere_at_all' ({file}:1)"),
        ("import shop.nowhere\n", "ModuleNotFoundError: No module named 'shop.nowhere' ({file}:1)"),
        ("class E(Exception):\n __str__ = None\nraise E\n", "E: <exception str() failed> ({file}:3)"),
        ("def __getattr__(name): raise OSError('lazy')\n", "OSError: lazy ({file}:1)"),
    ],
)
def test_error_inside_the_module(source: str, told: str, faults_of: FaultsOf, project: Path) -> None:
    file = project / "shop" / "bad.py"
    file.write_text(source)
    expected = f"module 'shop.bad' fails when imported: {told.format(file=file)}"
    assert [(4, 20, expected)] == faults_of(listener(payload_class="shop.bad.Order"))


@pytest.mark.parametrize(
    "folder", ["", "lib/site-packages/"], ids=["of the library", "of a package below the project"]
)
def test_an_error_inside_a_library_names_the_line_of_the_project(
    folder: str, faults_of: FaultsOf, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As that of a dataclass whose field without a default comes after one that has a default."""
    (project / folder).mkdir(parents=True, exist_ok=True)
    lines = "from dataclasses import dataclass\n\n@dataclass\nclass Order:\n    a: int = 0\n    b: int\n"
    if folder:
        (project / folder / "shop_needs.py").write_text("def fail(): raise TypeError('no')\n")
        monkeypatch.syspath_prepend(str(project / folder))
        lines = "import shop_needs\n\nshop_needs.fail()\n"
    (project / "shop" / "bad.py").write_text(lines)
    ((_, _, message),) = faults_of(listener(payload_class="shop.bad.Order", handler="shop.tools.take"))
    assert message.endswith(f"({project}/shop/bad.py:3)")


def test_a_class_that_xsdata_made_wants_its_schema(faults_of: FaultsOf, project: Path) -> None:
    (project / "shop" / "made.py").write_text(
        "from dataclasses import dataclass\n\n\n@dataclass\nclass Order:\n    class Meta:\n        name = 'Order'\n"
    )
    expected = "'shop.made.Order' is no contract; name its XSD under 'schema'"
    assert [(4, 20, expected)] == faults_of(listener(payload_class="shop.made.Order"))


def test_error_inside_a_module_is_told_once(faults_of: FaultsOf, project: Path) -> None:
    (project / "shop" / "bad.py").write_text("raise ValueError\n")
    faults = faults_of(listener("shop.bad.Order", "shop.bad.take"))
    assert [(line, column) for line, column, _ in faults] == [(4, 20)]


def test_keyboard_interrupt_is_not_a_fault(load: Load, project: Path) -> None:
    (project / "shop" / "bad.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load(listener(payload_class="shop.bad.Order"))


@pytest.mark.parametrize("name", ["Plain", "Child"])
def test_class_without_a_contract_of_its_own(name: str, faults_of: FaultsOf) -> None:
    expected = f"'shop.tools.{name}' is no contract; put @xmlify above @dataclass"
    assert [(4, 20, expected)] == faults_of(listener(payload_class=f"shop.tools.{name}"))


@pytest.mark.parametrize(("name", "kind"), [("take", "a function"), ("NUMBER", "a value of type int")])
def test_payload_class_that_is_no_class(name: str, kind: str, faults_of: FaultsOf) -> None:
    expected = f"'shop.tools.{name}' is {kind}; a payload class is a dataclass with @xmlify"
    assert [(4, 20, expected)] == faults_of(listener(payload_class=f"shop.tools.{name}"))


@pytest.mark.parametrize(("name", "kind"), [("Order", "a class"), ("NUMBER", "a value of type int")])
def test_handler_that_is_no_function(name: str, kind: str, faults_of: FaultsOf) -> None:
    expected = f"'shop.tools.{name}' is {kind}; a handler is a function (payload, metadata)"
    assert [(5, 14, expected)] == faults_of(listener(handler=f"shop.tools.{name}"))


@pytest.mark.parametrize("name", ["take_one", "take_three"])
def test_handler_that_does_not_take_two_arguments(name: str, faults_of: FaultsOf) -> None:
    expected = f"'shop.tools.{name}' cannot be called with 2 arguments (payload, metadata), as a handler is"
    assert [(5, 14, expected)] == faults_of(listener(handler=f"shop.tools.{name}"))


@pytest.mark.parametrize("name", ["take", "take_more", "take_any", "take_default"])
def test_handlers_that_can_take_two_arguments(name: str, load: Load) -> None:
    handler = load(listener(handler=f"shop.tools.{name}")).listeners[0].handler
    assert getattr(sys.modules["shop.tools"], name) is handler


def test_step_that_does_not_take_one_argument(faults_of: FaultsOf) -> None:
    expected = "'shop.tools.take' cannot be called with 1 argument (state), as a step is"
    assert [(7, 26, expected)] == faults_of(own_step("shop.tools.take"))


def test_step_that_is_no_function(faults_of: FaultsOf) -> None:
    expected = "'shop.tools.Plain' is a class; a step is a function (state)"
    assert [(7, 26, expected)] == faults_of(own_step("shop.tools.Plain"))


def test_package_without_an_init_file(load: Load, project: Path) -> None:
    (project / "stall").mkdir()
    (project / "stall" / "goods.py").write_text("class Apple:\n    __contract__ = object()\n")
    assert (
        load(listener(payload_class="stall.goods.Apple")).listeners[0].payload_class_path
        == "stall.goods.Apple"
    )


def test_class_made_by_xmlify(load: Load, project: Path) -> None:
    source = """\
from dataclasses import dataclass

from agentserver.xmlable import xmlify

@xmlify
@dataclass
class Apple:
    Weight: int
"""
    (project / "shop" / "fruit.py").write_text(source)
    found = load(listener(payload_class="shop.fruit.Apple")).listeners[0].payload_class
    assert sys.modules["shop.fruit"].Apple is found


def test_project_root_goes_first_on_the_path(load: Load, project: Path) -> None:
    load(listener())
    assert str(project) == sys.path[0]


def test_project_root_is_put_on_the_path_once(load: Load, project: Path) -> None:
    load(listener())
    load(listener())
    assert sys.path.count(str(project)) == 1
