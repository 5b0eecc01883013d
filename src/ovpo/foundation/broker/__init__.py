# SPDX-License-Identifier: Apache-2.0
"""The queue between services: what every broker offers, the one that is default, and how a service opens its own."""
