"""The runs of the tests of the API, for experiments too."""

from tests.api.conftest import able_bases as able_bases
from tests.api.conftest import coloured as coloured
from tests.api.conftest import run as run
