# SPDX-License-Identifier: Apache-2.0
"""How the tables that assets return are kept and found again."""
