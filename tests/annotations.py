"""The annotations of the library and of training, shapes included, are checked at every call in the tests' process."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Generic, get_args, get_origin

import jaxtyping
from beartype import BeartypeConf, FrozenDict, beartype
from beartype.vale import IsInstance
from typing_extensions import Self

violations: list[str] = []
"""What was found since this was last cleared: what catches a TypeError hides a violation, but not from here."""

instead: dict[Any, Any] = {Self: object}
"""For what beartype can not read: `Self` without its class, which jaxtyping leaves out, and generic named tuples."""


class Violation(TypeError):
    """An argument or a returned value is not what its annotation says."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        violations.append(message)


def generic_tuples(hint: Any) -> Iterator[type]:
    """Those that a type mentions, such as `Embedding`."""
    kind = get_origin(hint) or hint
    if isinstance(kind, type) and issubclass(kind, tuple) and issubclass(kind, Generic):
        yield kind
    for part in get_args(hint):
        yield from generic_tuples(part)


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Refuses what is not as annotated; an int will do for a float, as for mypy."""
    for hint in function.__annotations__.values():
        instead.update({kind: Annotated[tuple, IsInstance[kind]] for kind in generic_tuples(hint)})
    return beartype(
        conf=BeartypeConf(is_pep484_tower=True, hint_overrides=FrozenDict(instead), violation_type=Violation)
    )(function)


def check(*packages: str) -> None:
    """Check what is imported of these packages from now on."""
    jaxtyping.install_import_hook(packages, f"{__name__}.checked")
