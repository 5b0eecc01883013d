# SPDX-License-Identifier: Apache-2.0
"""Services put together from the routes of several wings; the one place that may import them all."""
