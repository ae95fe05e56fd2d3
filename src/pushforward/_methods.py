"""Methods of modules that JAX's transformations accept."""

from collections.abc import Callable
from types import MethodType
from typing import TYPE_CHECKING, Any, TypeVar

from jax.tree_util import register_pytree_node_class

F = TypeVar("F", bound=Callable[..., Any])


@register_pytree_node_class
class BoundMethod:
    """A method of a module: a pytree, like the module, and hashable, like a function.

    The hash of a method of an `equinox.Module` needs hashes of the module's arrays, which have none, so that
    `jax.jit(flow.log_prob)` would fail. Two methods of this class are equal if they are the same function of the same
    object. `jax.jit` treats the arrays of the module as constants; `equinox.filter_jit` sees the tree and traces them.
    """

    __slots__ = ("__func__", "__self__", "__weakref__")

    def __init__(self, func: Callable[..., Any], instance: Any):
        self.__func__ = func
        self.__self__ = instance

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__func__(self.__self__, *args, **kwargs)

    def __hash__(self) -> int:
        return hash((self.__func__, id(self.__self__)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BoundMethod):
            return NotImplemented
        return self.__func__ is other.__func__ and self.__self__ is other.__self__

    def __repr__(self) -> str:
        return f"<method {self.__func__.__qualname__} of {type(self.__self__).__name__}>"

    @property
    def __name__(self) -> str:
        return self.__func__.__name__

    @property
    def __wrapped__(self) -> MethodType:
        """The method as Python would bind it; `inspect.signature` looks here."""
        return MethodType(self.__func__, self.__self__)

    def tree_flatten(self) -> tuple[tuple[Any], Callable[..., Any]]:
        """Return the module and the function."""
        return (self.__self__,), self.__func__

    @classmethod
    def tree_unflatten(cls, func: Callable[..., Any], children: tuple[Any]) -> "BoundMethod":
        """Return the method of another module."""
        return cls(func, *children)


class _Method:
    """A descriptor that binds a function to its instance."""

    def __init__(self, func: Callable[..., Any]):
        self.__func__ = func
        self.__doc__ = func.__doc__
        self.__wrapped__ = func

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self.__func__ if instance is None else BoundMethod(self.__func__, instance)


if TYPE_CHECKING:

    def method(func: F) -> F:
        """Mark a public method of a module."""
        return func

else:

    def method(func: Callable[..., Any]) -> _Method:
        """Mark a public method of a module, which users may pass to `jax.jit`, `jax.vmap` and the like."""
        return _Method(func)
