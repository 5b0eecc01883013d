# SPDX-License-Identifier: Apache-2.0
"""The SOP wing: compares a trainee's video with a gold demonstration and says what went wrong, and when."""
