# SPDX-License-Identifier: Apache-2.0
"""Alerts: rules over what the stores hold, the life of what breaks them, and who is told."""
