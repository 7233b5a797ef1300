"""Parts of the installation that not every process needs."""

from importlib.util import find_spec


class MissingExtra(Exception):
    """Packages that an engine needs are not installed; the message names them and says how to install them.

    `packages` are their names, `remedy` is the command that installs them.
    """

    def __init__(self, engine: str, requirement: str, packages: list[str]) -> None:
        self.packages = packages
        self.remedy = f"pip install '{requirement}'"
        super().__init__(
            f"{engine} needs packages that are not installed: {', '.join(packages)}; install them with: {self.remedy}"
        )


def require(engine: str, requirement: str, *modules: str) -> None:
    """Make sure that the modules can be imported, without importing them. Raises `MissingExtra`.

    `requirement` is what pip is to install to have them: "parley[embedded]".
    """
    if missing := [module.replace("_", "-") for module in modules if find_spec(module) is None]:
        raise MissingExtra(engine, requirement, missing)
