# SPDX-License-Identifier: Apache-2.0
"""Alembic's environment; each version runs one file of `sql/`."""
