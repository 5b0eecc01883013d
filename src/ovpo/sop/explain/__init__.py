# SPDX-License-Identifier: Apache-2.0
"""What a result is explained with: the pictures that people look at, and the same facts as JSON for the page."""
