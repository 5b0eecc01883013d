# SPDX-License-Identifier: Apache-2.0
"""Governance: who may do what, and the proof of who did what."""
