"""Parts of the installation that not every process needs."""

from importlib.util import find_spec


class MissingExtra(Exception):
    """Packages that an engine needs are not installed; the message names them and says how to install them."""

    def __init__(self, engine: str, extra: str, packages: list[str]) -> None:
        super().__init__(
            f"{engine} needs packages that are not installed: {', '.join(packages)}; "
            f"install them with: pip install 'parley[{extra}]'"
        )
        self.extra = extra
        self.packages = packages


def require(engine: str, extra: str, *modules: str) -> None:
    """Make sure that the modules can be imported, without importing them. Raises `MissingExtra`."""
    if missing := [module.replace("_", "-") for module in modules if find_spec(module) is None]:
        raise MissingExtra(engine, extra, missing)
