"""Whether there is a browser to test with."""

import shutil
from importlib.util import find_spec

from tests.requirements import required

EXECUTABLE = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

AVAILABLE = EXECUTABLE is not None and find_spec("playwright") is not None
REQUIRED = required("browser")
