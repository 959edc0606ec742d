"""How properties are searched. Where CI is set, each run draws the same examples, so that no run fails by chance.

Elsewhere each run draws new ones, and ``--hypothesis-profile=search`` draws many for the windows' second opinion.
"""

import os

from hypothesis import settings

settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
settings.register_profile("search", max_examples=2_000, deadline=None, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
