# SPDX-License-Identifier: Apache-2.0
"""Asset checks: one module per asset module, and what every check reports through."""
