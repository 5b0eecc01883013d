# SPDX-License-Identifier: Apache-2.0
"""How asked-for scores become results, pictures and reports, and how definitions are kept."""
