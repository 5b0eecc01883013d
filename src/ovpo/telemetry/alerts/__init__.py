# SPDX-License-Identifier: Apache-2.0
"""Alerts: rules over metrics, what fires and resolves, and who is told."""
