# SPDX-License-Identifier: Apache-2.0
"""The version of what makes scores: raised whenever the same videos would come to another result."""

from typing import Final

VERSION: Final = "2"
