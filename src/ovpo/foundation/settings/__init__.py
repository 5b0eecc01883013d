# SPDX-License-Identifier: Apache-2.0
"""The one typed settings tree, where its values come from, and what is said when one is wrong."""
