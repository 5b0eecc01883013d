# SPDX-License-Identifier: Apache-2.0
"""The embedded stack: the real servers and our services as supervised children of one process, on loopback."""
