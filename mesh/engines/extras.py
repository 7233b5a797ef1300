"""Parts of the installation that not every process needs."""

from importlib.util import find_spec


class MissingExtra(Exception):
    """Packages that an engine needs are not installed; the message names them and says how to install them.

    `packages` are their names, `remedy` is the command that installs them.
    """

    def __init__(self, engine: str, requirement: str, packages: list[str], note: str = "") -> None:
        self.packages = packages
        self.remedy = f"pip install '{requirement}'"
        super().__init__(
            f"{engine} needs packages that are not installed: {', '.join(packages)}; install them with: {self.remedy}"
            + (f" ({note})" if note else "")
        )


def require(engine: str, requirement: str, *modules: str, note: str = "") -> None:
    """Make sure that the modules can be imported, without importing them. Raises `MissingExtra`.

    `requirement` is what pip is to install to have them: "parley[embedded]". `note` is said too, if one is missing: why
    installing it will not help here.
    """
    if missing := [module.replace("_", "-") for module in modules if find_spec(module) is None]:
        raise MissingExtra(engine, requirement, missing, note)
