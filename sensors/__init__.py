# SPDX-License-Identifier: Apache-2.0
"""What turns pending requests into runs, and what a run left behind into pending requests."""
