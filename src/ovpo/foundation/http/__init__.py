# SPDX-License-Identifier: Apache-2.0
"""The HTTP habits that every service shares: errors, request ids, health, limits, access, and how an app is served."""
