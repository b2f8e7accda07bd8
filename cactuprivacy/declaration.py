"""What every declaration has in common: frozen, and refused in one sentence when it is wrong.

Room: ground floor, below everything. Knows nothing of ours; touch it only to change how *all* declarations behave.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from typing_extensions import ParamSpec, dataclass_transform

    P = ParamSpec("P")
    R = TypeVar("R")
else:

    def dataclass_transform(**_: Any) -> Any:
        """Stand in for the typing decorator, which Python 3.10 does not have."""
        return lambda decorator: decorator


C = TypeVar("C")


class DeclarationError(ValueError):
    """A declaration that cannot be kept: the message names the fault and the mend in one sentence."""


class UnknownOptionError(DeclarationError, TypeError):
    """An option that does not exist; also a ``TypeError``, as Python itself would raise."""


def refuse_unknown(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise when *given* holds an option that *known* does not.

    Raises:
        UnknownOptionError: naming the option, and the nearest one that exists.
    """
    known = list(known)
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            mend = f"did you mean {near[0]}=?" if near else f"it takes {', '.join(known)}."
            raise UnknownOptionError(f"{owner} has no option {name}=; {mend}")


def explains_options(init: Callable[P, R]) -> Callable[P, R]:
    """Make an ``__init__`` refuse an unknown option with a sentence that names the one meant."""
    parameters = list(inspect.signature(init).parameters)[1:]

    @functools.wraps(init)
    def explained(*args: P.args, **options: P.kwargs) -> R:
        refuse_unknown(type(args[0]).__name__, options, parameters)
        return init(*args, **options)

    return explained


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def declaration(cls: type[C]) -> type[C]:
    """Make *cls* a frozen dataclass whose faults are :class:`DeclarationError`, told when it is made."""
    made = dataclasses.dataclass(frozen=True)(cls)
    made.__init__ = explains_options(made.__init__)  # type: ignore[method-assign]  # the point of it
    return made


def settle(self: object, **values: object) -> None:
    """Set fields of a frozen declaration from its own ``__post_init__`` (normal forms, derived values)."""
    for name, value in values.items():
        object.__setattr__(self, name, value)


def one_of(option: str, given: object, known: Sequence[str]) -> None:
    """Refuse a value of *option* that is none of the *known* words.

    Raises:
        DeclarationError: which names them.
    """
    if given not in known:
        *others, last = map(repr, known)
        raise DeclarationError(f"{option}={given!r} is not understood; use {', '.join(others)} or {last}.")
